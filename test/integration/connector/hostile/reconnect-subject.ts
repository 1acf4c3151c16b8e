/**
 * `reconnect-subject.ts URL`: slots that reconnect whenever the Slack at URL ends their sockets: one of each transport a
 * thousand times, and fifty others eight times. Prints what is left afterwards as one line of JSON (`Leaks`). A program of
 * its own, since NODE_EXTRA_CA_CERTS is read when a process starts, and so that nothing else is counted. Needs --expose-gc under Node.
 */

import { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { DialSemaphore } from '#connector/budget/dial-semaphore.ts';
import { Outage } from '#connector/budget/outage.ts';
import { HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import type { SlotDeps } from '#connector/slot/slot-deps.ts';
import { SlotRunner } from '#connector/slot/slot-runner.ts';
import { Unacknowledged } from '#connector/slot/unacknowledged.ts';
import { wsOpenSocket } from '#connector/socket/ws-socket.ts';
import { createTransports, type TransportSpec } from '#connector/transport/transports.ts';
import type { Log } from '#core/process/log.ts';
import { systemTimers, type Timers } from '#core/process/timers.ts';
import { createWebApi, type WebApi } from '#core/slack/web-api.ts';
import { heapObjects } from '#test/support/heap-objects.ts';
import { openThings } from '#test/support/open-things.ts';
import { reconnectToken, type TransportName } from './reconnect-slack.ts';

/** What there is, by kind; `heapBytes` after a collection. */
export type Remains = Readonly<Record<string, number>>;

export interface Leaks {
  /** With every slot live, after the first reconnects, and after all of them. */
  before: Remains;
  after: Remains;
  /** Before any slot was started, and after all have stopped. */
  empty: Remains;
  stopped: Remains;
  unhandled: readonly string[];
  /** Members of the longest-lived objects after all slots have stopped. */
  members: number;
  tookMs: number;
}

const [url = ''] = process.argv.slice(2);
const PLAN: readonly { kind: TransportName; slots: number; ends: number }[] = [
  { kind: 'rtm', slots: 1, ends: 1_000 },
  { kind: 'socketMode', slots: 1, ends: 1_000 },
  { kind: 'rtm', slots: 25, ends: 8 },
  { kind: 'socketMode', slots: 25, ends: 8 },
];
/** What is measured first has a fifth of its reconnects behind it, so that what grows only once has grown. */
const WARM = 1 / 5;

const unhandled: string[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(String(reason)));
process.on('uncaughtException', (error) => unhandled.push(String(error)));

/** A deadline of ten seconds takes a quarter of one. Faster, and the timers of this machine would be late. */
const SPEED = 40;
/** Longer than any deadline, at that speed. */
const QUIET_MS = 500;
const fastTimers: Timers = {
  wallMs: systemTimers.wallMs,
  monotonicMs: () => systemTimers.monotonicMs() * SPEED,
  after: (delayMs, fire) => systemTimers.after(delayMs / SPEED, fire),
};
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const silentLog = silent as unknown as Log;

/** Nobody waits after a failure: what backs off is told at once that Slack has recovered. */
class NoOutage extends Outage {
  readonly #told = new Set<() => void>();

  get members(): number {
    return this.#told.size;
  }

  override pass(_streamID: string, permitted: (sparing: boolean) => void): () => void {
    permitted(false);
    return () => {};
  }

  override onRecovered(told: () => void): () => void {
    this.#told.add(told);
    return () => this.#told.delete(told);
  }

  override failed(): void {
    setImmediate(() => {
      for (const told of this.#told) told();
    });
  }

  override unused(): void {}
  override succeeded(): void {}
}

const open = await openThings();
const CLASSES = { WebSocket, TLSSocket, AbortSignal, AbortController, Unacknowledged } as const;
async function remains(): Promise<Remains> {
  // What has ended is let go of in the turns after it.
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.gc?.();
  }
  const objects = await heapObjects(CLASSES);
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return {
    ...objects,
    ...Object.fromEntries(open()),
    listeners,
    heapBytes: process.memoryUsage().heapUsed,
  };
}

function specOf(kind: TransportName, n: number, ends: number): TransportSpec {
  const token = reconnectToken(kind, n, ends);
  const shared = {
    slotID: `uid-${n}/0`,
    ownerUid: `uid-${n}`,
    bot: 'bots/acme',
    teamID: 'T1',
    generation: 1,
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    rebalance: false,
  };
  const credentials = { token, tokenDigest: token };
  return kind === 'rtm'
    ? { ...shared, ...credentials, kind }
    : { ...shared, ...credentials, kind, replies: true, delayedEvents: false };
}

/** Token -> how often it has asked for a socket. */
const asked = new Map<string, number>();
let lastAskedAtMs = 0;
const webApi = createWebApi({ apiUrl: url });
const countedApi: WebApi = {
  ...webApi,
  call: (call) => {
    if ('token' in call) asked.set(call.token, (asked.get(call.token) ?? 0) + 1);
    lastAskedAtMs = performance.now();
    return webApi.call(call);
  },
};
const transports = createTransports({
  webApi: countedApi,
  cluster: 'c1',
  routes: { routesOf: () => undefined, whenRead: async () => {} },
});
const outage = new NoOutage(fastTimers, silent);
const heartbeats = new HeartbeatWheel(fastTimers);
const deps = (): SlotDeps => {
  return {
    openSocket: wsOpenSocket({ closeTimeoutMs: 20 }),
    budget: {
      take: async () => ({ granted: true }),
      giveBack: async () => {},
      block: async () => {},
      hold: async () => {},
      markLive: async () => undefined,
      release: async () => {},
      isLive: async () => false,
    },
    dialSemaphore: new DialSemaphore(),
    outage,
    heartbeats,
    // Now and then Redis takes an event only after its socket has ended.
    offer: (_normalized, settled) => {
      if (Math.random() < 0.5) settled?.({ kind: 'queued' });
      else setTimeout(() => settled?.({ kind: 'queued' }), 20);
    },
    replies: {
      open: (id, _textOf, acknowledge) => ({
        address: { to: 'replies', id, before: '' },
        settled: () => acknowledge(undefined),
        expire: () => {},
      }),
      takesNone: () => {},
    },
    redisNowMs: () => systemTimers.wallMs(),
    windowMs: 3_600_000,
    timers: fastTimers,
    random: () => 0,
    log: silentLog,
    limitedLog: silent,
    refuse: () => {},
  };
};

/** Of anything: it takes ten times as long on a machine that is busy otherwise. */
const MOST_MS = 180_000;
const until = async (what: string, isTrue: () => boolean): Promise<void> => {
  const endMs = performance.now() + MOST_MS;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`not within ${MOST_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const startedAtMs = performance.now();
const empty = await remains();
let lastSlot = 0;
const slots = PLAN.flatMap(({ kind, slots: count, ends }) =>
  Array.from({ length: count }, () => {
    lastSlot += 1;
    const spec = specOf(kind, lastSlot, ends);
    return { spec, ends, runner: new SlotRunner(spec, transports[spec.kind], deps(), () => {}) };
  }),
);
const isPast = (share: number): boolean => slots.every(({ spec, ends }) => (asked.get(spec.token) ?? 0) > share * ends);
for (const { runner } of slots) runner.start();
await until('warm', () => isPast(WARM));
const before = await remains();
await until('reconnected', () => isPast(1));
const isQuiet = (): boolean => performance.now() - lastAskedAtMs > QUIET_MS;
await until('live', () => isQuiet() && slots.every(({ runner }) => runner.status().state === 'live'));
const after = await remains();
await Promise.all(slots.map(({ runner }) => runner.stop()));
slots.length = 0;
await until('stopped', () => !['TLSWrap', 'TLSSocket'].some((kind) => (open().get(kind) ?? 0) > 0));
const stopped = await remains();
const leaks: Leaks = {
  before,
  after,
  empty,
  stopped,
  unhandled,
  members: outage.members,
  tookMs: performance.now() - startedAtMs,
};
process.stdout.write(`${JSON.stringify(leaks)}\n`);
// Whatever keeps it alive from here on has leaked, and the test waits for its end.
