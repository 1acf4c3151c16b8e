import { beforeEach, expect, it } from 'vitest';
import { DialSemaphore } from '#connector/budget/dial-semaphore.ts';
import { Outage } from '#connector/budget/outage.ts';
import type { Settled } from '#connector/queue/outcome.ts';
import { HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import { SlotRunner } from '#connector/slot/slot-runner.ts';
import type { SocketModeSpec } from '#connector/transport/socket-mode/socket-mode-spec.ts';
import { socketModeTransport } from '#connector/transport/socket-mode/socket-mode-transport.ts';
import { isFree, noReplies, openBudget } from '#test/integration/connector/slot/test-slot.ts';
import { FakeTimers, settle } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { FakeSocket } from './fake-socket.ts';
import { CLOSED } from './slot-world.ts';
import { socketModeSpec } from './socket-mode-sample.ts';

const spec = socketModeSpec;

/** Whoever it was closed by, its end is told, as by a websocket. */
class EndingSocket extends FakeSocket {
  #isTold = false;

  override end(): void {
    this.ended = true;
    if (this.#isTold) return;
    this.#isTold = true;
    this.ears.onClose(CLOSED);
  }
  override close(): void {
    this.end();
  }
}

let timers: FakeTimers;
let sockets: EndingSocket[];
let unsettled: Settled[];
let dialSemaphore: DialSemaphore;
let slot: SlotRunner<SocketModeSpec>;
beforeEach(() => {
  timers = new FakeTimers();
  [sockets, unsettled] = [[], []];
  dialSemaphore = new DialSemaphore(1);
  const transport = socketModeTransport({
    open: async () => ({ kind: 'ok', url: 'wss://slack.test/link' }),
    identities: { ask: async () => undefined, get: () => undefined, refusal: () => undefined },
    cluster: 'c1',
  });
  const deps = {
    openSocket: (_url: string, ears: FakeSocket['ears']) => {
      const socket = new EndingSocket(ears);
      sockets.push(socket);
      return socket;
    },
    budget: openBudget,
    outage: new Outage(timers, silentLog),
    dialSemaphore,
    heartbeats: new HeartbeatWheel(timers),
    timers,
    random: () => 0.5,
    windowMs: 3_600_000,
    offer: (_normalized: unknown, settled?: Settled) => {
      if (settled !== undefined) unsettled.push(settled);
    },
    log: silentLog,
    limitedLog: { warn: () => {} },
    replies: noReplies,
    refuse: () => {},
    redisNowMs: () => timers.wallMs(),
  };
  slot = new SlotRunner(spec, transport, deps, () => {});
});

const open = (): EndingSocket[] => sockets.filter(({ ended }) => !ended);
const newest = (): EndingSocket => {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error('no socket was opened');
  return socket;
};
async function live(): Promise<void> {
  const before = sockets.length;
  while (sockets.length === before) await timers.advance(1_000);
  newest().hello();
}
const say = (n: number): void => {
  const event = { type: 'message', channel: 'C1', user: 'U2', text: 'hi', ts: `${n}.000100` };
  const payload = {
    type: 'event_callback',
    team_id: 'T1',
    api_app_id: 'A01',
    event_id: `Ev${n}`,
    event_time: n,
    event,
  };
  newest().say({ type: 'events_api', envelope_id: `e${n}`, accepts_response_payload: false, payload });
};

/** How a socket comes to be replaced, each with an event that is not acknowledged yet. */
const ends: readonly ((n: number) => Promise<void>)[] = [
  async () => {
    newest().end();
    await live();
  },
  async () => {
    newest().say({ type: 'disconnect', reason: 'warning' });
    await live();
  },
  async (n) => {
    slot.update({ ...spec, token: `xapp-1-A01-${n}-abc`, tokenDigest: `d${n}` });
    await live();
  },
];

async function crowd(): Promise<void> {
  newest().say({ type: 'disconnect', reason: 'too_many_websockets' });
  await live();
}

it('a thousand reconnects, of whatever kind, leave one socket, its timer and nothing that waits', async () => {
  slot.start();
  await settle();
  newest().hello();
  const pending = timers.pending;
  for (let n = 1; n <= 1_000; n += 1) {
    say(n);
    // Rarely, since the waits after it are long.
    if (n % 100 === 0) await crowd();
    else await ends[n % ends.length]?.(n);
    if (n % 2 === 0) for (const settled of unsettled.splice(0)) settled({ kind: 'queued' });
  }
  unsettled.length = 0;
  // Longer than any socket is kept for what is not acknowledged, or until Slack closes it; the live one is heard meanwhile.
  for (let second = 0; second < 20; second += 1) {
    newest().ears.onHeard('pong');
    await timers.advance(1_000);
  }
  expect(sockets).toHaveLength(1_001);
  expect(open()).toEqual([newest()]);
  expect([timers.pending, isFree(dialSemaphore)]).toEqual([pending, true]);
  await slot.stop();
  expect([open(), timers.pending]).toEqual([[], 0]);
});
