import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventTotals } from '#cli/standalone/connectors/event-totals.ts';
import { fileChangeLines } from '#cli/standalone/console/file-changes.ts';
import { type LiveView, liveViewLines } from '#cli/standalone/console/live-view.ts';
import { shutdownLines } from '#cli/standalone/console/shutdown-summary.ts';
import type { FileChange } from '#cli/standalone/manifests/bots-directory.ts';
import { renderFleet } from '#cli/status/render.ts';
import type { BotSummary } from '#core/protocol/bot-summary.ts';

const NOW = 1_000_000_000_000;
const REMEDY =
  'Slack does not know the token. Put the present bot token of the app into the Secret, and look at its IPs';
const bot = (name: string, more: Partial<BotSummary> = {}): BotSummary => ({
  bot: `bots/${name}`,
  teamID: 'T024BE7LH',
  teamName: 'Acme',
  desired: 2,
  live: 2,
  zones: ['a', 'b'],
  ready: true,
  reason: 'Live',
  message: 'fine',
  ...more,
});
const app = (name: string, more: Partial<BotSummary> = {}): BotSummary =>
  bot(name, { teamID: '', teamName: '', appID: 'A0123456789', teams: 3, ...more });
const refused = (name: string): BotSummary =>
  bot(name, { ready: false, live: 0, zones: [], reason: 'TokenInvalid', message: REMEDY });
const pod = (name: string) => ({
  pod: name,
  zone: 'a',
  state: 'up' as const,
  capacity: 5_000,
  slots: 3,
  live: 2,
  takesSlots: true,
  faults: [],
});
const view = (more: Partial<LiveView> = {}): LiveView => ({
  lines: [bot('acme')],
  pods: [pod('connector-0')],
  faults: [],
  queue: 'relax:events',
  nowMs: NOW,
  events: {
    queueLength: 12,
    urgentLength: undefined,
    queued: 99,
    perSecond: 3.42,
    lastEventAgoMs: 2_100,
    pending: 0,
    failed: 0,
  },
  size: { columnCount: 80, rowCount: 24 },
  ...more,
});
const textOf = (more: Partial<LiveView> = {}): string => liveViewLines(view(more)).join('\n');
const words = (lines: readonly string[]): string => lines.map((line) => line.trim()).join(' ');

describe('the live view', () => {
  it('has queue length, events a second and the last event', () => {
    expect(textOf()).toContain('queue relax:events: 12 items; 3.4 events/s, last event 2 s ago, 99 since');
    expect(textOf({ events: { ...view().events, urgentLength: 1 } })).toContain('12 items and 1 urgent item; 3.4');
    const events = {
      queueLength: undefined,
      urgentLength: undefined,
      queued: 0,
      perSecond: 0,
      lastEventAgoMs: undefined,
      pending: 7,
      failed: 1,
    };
    const text = words(liveViewLines(view({ events })));
    expect(text).toContain('length unknown; 0 events/s, no event so far');
    expect(text).toContain('7 events waiting for Redis; 1 event LOST');
  });

  it('shows the whole remedy at 80 columns', () => {
    const lines = liveViewLines(view({ lines: [bot('acme'), refused('broken')] }));
    expect(words(lines)).toContain(`TokenInvalid: ${REMEDY}`);
    expect(lines.every((line) => line.length < 80)).toBe(true);
  });

  it('counts down what a bot waits for, beside whatever went wrong', () => {
    const wait = { waitUntilMs: NOW + 42_000, waitsFor: 'budget' };
    const dark = bot('acme', {
      ...wait,
      ready: false,
      live: 0,
      reason: 'ConnectionLost',
      message: 'The websocket closed.',
    });
    expect(words(liveViewLines(view({ lines: [dark] })))).toContain(
      "ConnectionLost: waits for Slack's connect budget, 42 s. The websocket closed.",
    );
    const later = words(liveViewLines(view({ lines: [dark], nowMs: NOW + 30_000 })));
    expect(later).toContain('budget, 12 s');
    expect(words(liveViewLines(view({ lines: [dark], nowMs: NOW + 42_000 })))).not.toContain('waits');
    const half = bot('acme', { ...wait, live: 1 });
    expect(words(liveViewLines(view({ lines: [half] })))).toContain(
      "Live; one more socket waits for Slack's connect budget, 42 s",
    );
    const crowded = bot('acme', { ...wait, waitsFor: 'retry', live: 1, missing: { reason: 'TooMany', message: 'm' } });
    expect(words(liveViewLines(view({ lines: [crowded] })))).toContain(
      'Live; TooMany: one more socket retries in 42 s',
    );
  });

  it('has apps in a table of their own, and their bots with the sockets of the app', () => {
    const carried = bot('initech', { app: 'bots/helpdesk', zones: [] });
    const lines = liveViewLines(view({ lines: [carried, app('helpdesk')] }));
    const text = lines.join('\n');
    expect(text).toMatch(
      /APP +ID +READY +SOCKETS +ZONES +TEAMS +REASON\nbots\/helpdesk +A0123456789 +yes +2\/2 +a,b +3 +Live/,
    );
    expect(text).toMatch(/bots\/initech +T024BE7LH +yes +2\/2 of helpdesk +a,b +Live/);
    expect(text).toContain('1 of 1 apps and 1 of 1 bots ready, 2 of 2 sockets live');
  });

  it('names the namespace of an app where it is not that of the bot', () => {
    const carried = bot('initech', { app: 'shared/helpdesk', zones: [] });
    expect(liveViewLines(view({ lines: [carried] })).join('\n')).toMatch(/\d\/2 of shared\/helpdesk/);
  });

  it('says nothing of apps where there are none', () => {
    expect(textOf()).not.toMatch(/APP|apps/);
    expect(textOf()).toContain('1 of 1 bots ready, 2 of 2 sockets live');
  });

  it('fits the terminal, whatever there is to show, with the sums and the worst bots', () => {
    const some = fc.record({
      good: fc.nat(30),
      bad: fc.nat(30),
      apps: fc.nat(8),
      pods: fc.nat(30),
      faults: fc.array(fc.string({ maxLength: 300 }), { maxLength: 20 }),
      columnCount: fc.integer({ min: 60, max: 200 }),
      rowCount: fc.integer({ min: 24, max: 60 }),
    });
    fc.assert(
      fc.property(some, ({ good, bad, apps, pods, faults, columnCount, rowCount }) => {
        const bots = [
          ...Array.from({ length: good }, (_, n) => bot(`good-${n}`)),
          ...Array.from({ length: bad }, (_, n) => refused(`bad-${n}`)),
        ];
        const lines = liveViewLines(
          view({
            lines: [...Array.from({ length: apps }, (_, n) => app(`app-${n}`)), ...bots],
            faults,
            size: { columnCount, rowCount },
            pods: Array.from({ length: pods }, (_, n) => pod(`connector-${n}`)),
          }),
        );
        expect(lines.length).toBeLessThan(rowCount);
        expect(lines.filter((line) => line.length >= columnCount)).toEqual([]);
        expect(lines.join('\n')).toContain(`${good} of ${good + bad} bots ready`);
        if (apps > 0) expect(lines.join('\n')).toContain('bots/app-0');
        if (bad > 0) expect(lines.join('\n')).toContain('bots/bad-0');
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('relax status', () => {
  const fleet = (bots: BotSummary[]) => ({
    atMs: NOW,
    redis: 'redis 7.0.0',
    queue: { name: 'q', length: 3, max: 0, urgent: null },
    contract: null,
    healthy: true,
    problems: [],
    clusters: [
      {
        cluster: 'c',
        owner: 'o',
        planner: true,
        lastSeenMs: 1,
        pods: [],
        sockets: { waiting: 0, connecting: 0, live: 0, paused: 0, failed: 0, unreported: 0 },
        apps: { total: 0, ready: 0, byReason: {}, list: [] },
        bots: { total: bots.length, ready: 0, byReason: {}, list: bots },
      },
    ],
  });

  it('says how long a bot waits, by the clock of Redis', () => {
    const waits = bot('acme', {
      ready: false,
      reason: 'WaitingForBudget',
      waitUntilMs: NOW + 41_600,
      waitsFor: 'budget',
    });
    expect(renderFleet(fleet([waits]))).toContain("WaitingForBudget: waits for Slack's connect budget, 42 s. fine");
    const limited = { ...waits, reason: 'RateLimited', waitsFor: 'rateLimit', waitUntilMs: NOW + 600_000 };
    expect(renderFleet(fleet([limited]))).toContain("waits for the end of Slack's rate limit, 10 min");
    expect(renderFleet(fleet([{ ...waits, waitsFor: 'retry' }]))).toContain('retries in 42 s');
  });

  it('wraps the remedy at a terminal, and keeps a bot to one line in a pipe', () => {
    const lines = renderFleet(fleet([refused('broken')]), 80).split('\n');
    expect(lines.every((line) => line.length <= 80)).toBe(true);
    expect(words(lines)).toContain(`TokenInvalid: ${REMEDY}`);
    const unplanned = fleet([]).clusters.map((cluster) => ({ ...cluster, planner: false }));
    const text = renderFleet({ ...fleet([]), clusters: unplanned }, 80);
    expect(text).toMatch(/no events\n {2}are read;/);
    expect(renderFleet(fleet([refused('broken')]))).toContain(`TokenInvalid: ${REMEDY}\n`);
  });
});

describe('the events of connectors', () => {
  const heard = (queued: number, pending = 0, failed = 0) => ({ events: { queued, pending, failed } });

  it('is their sum, with the rate of the last seconds', () => {
    const totals = new EventTotals();
    totals.heard('c-0', heard(0), 0);
    expect(totals.read(0)).toMatchObject({ queued: 0, perSecond: 0, lastEventAgoMs: undefined });
    for (let second = 1; second <= 10; second += 1) {
      totals.heard('c-0', heard(10 * second, 2), second * 1_000);
      totals.heard('c-1', heard(5 * second, 1, 3), second * 1_000);
      totals.read(second * 1_000);
    }
    expect(totals.read(10_500)).toMatchObject({ queued: 150, pending: 3, failed: 3, lastEventAgoMs: 500 });
    expect(totals.read(11_000).perSecond).toBeGreaterThan(10);
    for (let second = 12; second <= 20; second += 1) totals.read(second * 1_000);
    expect(totals.read(20_000)).toMatchObject({ perSecond: 0, lastEventAgoMs: 10_000 });
  });

  it('keeps counting when a connector is restarted', () => {
    const totals = new EventTotals();
    totals.heard('c-0', heard(10, 4), 0);
    totals.ended('c-0');
    expect(totals.read(1_000)).toMatchObject({ queued: 10, pending: 0 });
    totals.heard('c-0', heard(3), 2_000);
    expect(totals.read(2_500)).toMatchObject({ queued: 13, lastEventAgoMs: 500 });
  });

  it('takes no message of another kind', () => {
    const totals = new EventTotals();
    for (const message of [undefined, 'x', {}, { events: 1 }, { signal: 'SIGTERM' }]) totals.heard('c-0', message, 0);
    expect(totals.read(0).queued).toBe(0);
  });
});

describe('what is said of files and at the end', () => {
  const change = (path: string, more: Partial<FileChange> = {}): FileChange => ({
    path,
    kind: 'read',
    bots: 1,
    apps: 0,
    secrets: 1,
    problems: 0,
    ...more,
  });

  it('names each file with what it gave', () => {
    expect(
      fileChangeLines([
        change('bots/acme.yaml'),
        change('bots/all.yaml', { kind: 'changed', bots: 3, secrets: 0, problems: 2 }),
        change('bots/apps.yaml', { apps: 1, bots: 2, secrets: 1 }),
        change('bots/old.yaml', { kind: 'gone', bots: 0, secrets: 0 }),
      ]),
    ).toEqual([
      'read bots/acme.yaml: 1 SlackBot, 1 Secret',
      'read bots/all.yaml again: 3 SlackBots, 0 Secrets, 2 problems, listed below',
      'read bots/apps.yaml: 1 SlackApp, 2 SlackBots, 1 Secret',
      'bots/old.yaml was deleted: its objects are removed',
    ]);
    const many = Array.from({ length: 500 }, (_, n) => change(`bots/${n}.yaml`));
    expect(fileChangeLines(many)).toEqual(['read 500 files: 500 SlackBots, 500 Secrets']);
  });

  it('says what was stopped and what became of the events', () => {
    const summary = { queue: 'q', connectors: 2, sockets: 6, queued: 1_234, left: 0, queueLength: 56 };
    expect(shutdownLines(summary).slice(0, 2)).toEqual([
      'Stopped: 2 connectors ended, all sockets closed (6 were live).',
      '1234 events put onto the queue q since the start, none was left in a buffer; it holds 56 items.',
    ]);
    expect(shutdownLines({ ...summary, urgentLength: 1 })[1]).toContain(
      'it holds 56 items, and the list of urgent events holds 1 item.',
    );
    const bad = shutdownLines({ ...summary, left: 3, queueLength: undefined })[1];
    expect(bad).toContain('3 did not reach Redis and are LOST; how many items it holds is unknown');
  });
});
