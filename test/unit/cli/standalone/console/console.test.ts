import { expect, it } from 'vitest';
import { type FleetState, PlainConsole, TerminalConsole } from '#cli/standalone/console/console.ts';
import { createLog } from '#core/process/log.ts';
import type { BotSummary } from '#core/protocol/bot-summary.ts';

const NOW = 1_000_000_000_000;
const bot = (name: string, ready: boolean, reason: string, more: Partial<BotSummary> = {}): BotSummary => ({
  bot: name,
  teamID: 'T1',
  teamName: '',
  desired: 2,
  live: ready ? 2 : 0,
  zones: [],
  ready,
  reason,
  message: 'why',
  ...more,
});
const fleet = (changed: BotSummary[], nowMs = NOW): FleetState => ({
  lines: new Map(changed.map((each) => [`${each.appID} ${each.bot}`, each])),
  changed,
  nowMs,
  faults: [],
  queue: 'q',
  view: { bots: new Map(), pods: [], settled: true },
  events: {
    queueLength: 0,
    urgentLength: undefined,
    queued: 0,
    perSecond: 0,
    lastEventAgoMs: undefined,
    pending: 0,
    failed: 0,
  },
});

function plain(): { console: PlainConsole; said(): Record<string, unknown>[]; all(): Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const to = { write: (line: string) => lines.push(JSON.parse(line)) };
  const log = createLog({ program: 'standalone', level: 'info', to });
  return {
    console: new PlainConsole(() => undefined, log),
    all: () => lines.splice(0),
    said: () => lines.splice(0).filter(({ msg }) => msg !== 'fleet'),
  };
}

it('warns of a bot that is not ready, and only then', () => {
  const { console, said } = plain();
  console.show(
    fleet([
      bot('live', true, 'Live'),
      bot('refused', false, 'TokenInvalid'),
      bot('suspended', false, 'Suspended'),
      bot('begun', false, 'Connecting'),
      bot('looked-at', false, 'Observing'),
    ]),
  );
  expect(said().map(({ bot: name, level }) => [name, level])).toEqual([
    ['live', 'info'],
    ['refused', 'warn'],
    ['suspended', 'info'],
    ['begun', 'info'],
  ]);
});

it('prints each wait once, with its length, also beside a problem and while the fleet is being observed', () => {
  const { console, said } = plain();
  const lost = (more: Partial<BotSummary>) => bot('acme', false, 'ConnectionLost', more);
  const wait = { waitUntilMs: NOW + 42_000, waitsFor: 'budget' };
  const expected = "waits for Slack's connect budget, 42 s";
  console.show(fleet([bot('acme', false, 'Observing', wait)]));
  expect(said()).toMatchObject([{ level: 'warn', wait: expected }]);
  console.show(fleet([lost({})]));
  console.show(fleet([lost(wait)]));
  console.show(fleet([lost(wait)], NOW + 1_000));
  expect(said().map((line) => line.wait)).toEqual([undefined, expected]);
});

it('tells apps from bots of the same name, and counts the sockets of an app once', () => {
  const { console, all } = plain();
  const app = bot('acme', true, 'Live', { teamID: '', appID: 'A1', teams: 1 });
  console.show(fleet([app, bot('acme', true, 'Live', { app: 'acme' })]));
  const lines = all();
  expect(lines.map(({ msg }) => msg)).toEqual(['app', 'bot', 'fleet']);
  expect(lines[0]).toMatchObject({ app: 'acme', ready: true });
  expect(lines[2]).toMatchObject({ apps: 1, appsReady: 1, bots: 1, ready: 1, live: 2, desired: 2 });
});

it('counts the bots that are not ready where they are too many for a line each', () => {
  const { console, said } = plain();
  console.show(fleet(Array.from({ length: 300 }, (_, n) => bot(`b-${n}`, n < 100, n < 100 ? 'Live' : 'TokenInvalid'))));
  expect(said()).toMatchObject([{ level: 'warn', reasons: { TokenInvalid: 200 }, msg: /relax status/ }]);
});

it('clears the table at a terminal when the stop begins, and leaves the summary there', () => {
  const written: string[] = [];
  const terminal = { columns: 80, rows: 24, isTTY: true, write: (text: string) => written.push(text) > 0 };
  const console = new TerminalConsole(terminal);
  console.show(fleet([bot('acme', true, 'Live')]));
  console.say('hello');
  expect(written.splice(0).join('')).toContain('acme');
  console.stopping('Stopping.');
  console.stopped({ queue: 'q', connectors: 2, sockets: 4, queued: 5, left: 0, queueLength: 5 });
  console.end();
  const last = written.join('');
  expect(last).not.toContain('acme');
  expect(last).toMatch(/Stopping\.\nStopped: 2 connectors ended, all sockets closed \(4 were live\)\.\n5 events put/);
  expect(last.split('\n').every((line) => line.length < 80 + 10)).toBe(true);
});
