import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { QueueEntry } from '#connector/queue/buffer.ts';
import type { Publisher } from '#connector/queue/publisher.ts';
import type { EnqueueResult } from '#connector/queue/redis-answer.ts';
import { AnswerDesk } from '#connector/reply/answer-desk.ts';
import { SlotSockets } from '#connector/slot/slot-sockets.ts';
import type { AppSpec } from '#connector/transport/socket-mode/socket-mode-spec.ts';
import { appTransport } from '#connector/transport/socket-mode/socket-mode-transport.ts';
import { systemTimers } from '#core/process/timers.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { routeOf } from '#test/unit/connector/route/routes.ts';
import { publisherOf, sumOf } from '../queue/scripted-queue.ts';
import { FakeSocket } from './fake-socket.ts';

const spec: AppSpec = {
  kind: 'app',
  appID: 'A01',
  unknownTeams: 'drop',
  slotID: 'uid-1/0',
  ownerUid: 'uid-1',
  bot: 'bots/app',
  generation: 1,
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  token: 'xapp-1-A01-123-abc',
  tokenDigest: 'd1',
  rebalance: false,
  replies: true,
  delayedEvents: false,
};
const ALL = { include: [], exclude: [], own: true };
const ROUTES = new Map([
  ['T1', routeOf({ events: ALL })],
  ['T2', routeOf({ suspended: true })],
  ['T3', routeOf({ events: { ...ALL, exclude: ['message'] } })],
]);

type Frame = Readonly<Record<string, unknown>>;
const payloadOf = (team_id: string, n: number, event: unknown): Frame => ({
  type: 'event_callback',
  team_id,
  api_app_id: 'A01',
  event_id: `Ev${n}`,
  event,
});
const message = (n: number): Frame => ({ type: 'message', channel: 'C1', user: 'U2', text: 'x', ts: `${n}.1` });
const event = (team: string, n: number): Frame => ({ type: 'events_api', payload: payloadOf(team, n, message(n)) });
const command = (team_id: string): Frame => ({ type: 'slash_commands', payload: { command: '/hi', team_id } });

/** What Slack may send; `n` tells one from the other, and few numbers make many copies. */
const KINDS: Readonly<Record<string, (n: number) => Frame>> = {
  event: (n) => event('T1', n),
  redelivery: (n) => ({ ...event('T1', n), retry_attempt: 1, retry_reason: 'timeout' }),
  ofSuspendedTeam: (n) => event('T2', n),
  excluded: (n) => event('T3', n),
  ofUnknownTeam: (n) => event('T4', n),
  rateLimited: (n) => ({
    type: 'events_api',
    payload: { type: 'app_rate_limited', team_id: 'T1', api_app_id: 'A01', minute_rate_limited: 60 * n },
  }),
  withoutEvent: (n) => ({ type: 'events_api', payload: payloadOf('T1', n, undefined) }),
  withoutPayload: () => ({ type: 'events_api' }),
  withoutType: () => ({ payload: {} }),
  command: () => ({ ...command('T1'), accepts_response_payload: true }),
  commandOfSuspendedTeam: () => ({ ...command('T2'), accepts_response_payload: true }),
  shortcut: () => ({ type: 'interactive', payload: { type: 'shortcut', team: { id: 'T1' } } }),
  new: () => ({ type: 'something_new', payload: { team_id: 'T1' } }),
};

class World {
  readonly #marks = new Set<string>();
  readonly publisher: Publisher;
  readonly #sockets: SlotSockets<AppSpec>;
  readonly #dialed: FakeSocket[] = [];
  readonly #names: string[] = [];

  constructor() {
    this.publisher = publisherOf({ enqueue: (batch) => this.#enqueue(batch) });
    const transport = appTransport({
      open: async () => ({ kind: 'ok', url: 'wss://slack.test/link' }),
      routes: { routesOf: () => ROUTES, whenRead: async () => {} },
      cluster: 'c1',
    });
    const replies = new AnswerDesk({
      to: 'answers',
      timers: systemTimers,
      redisNowMs: () => 0,
      record: () => {},
      observer: { ended: () => {}, wasted: () => {}, passed: () => {} },
      limitedLog: { warn: () => {} },
      log: silentLog,
    });
    this.#sockets = new SlotSockets(
      transport,
      {
        openSocket: (_url, ears) => {
          const socket = new FakeSocket(ears);
          this.#dialed.push(socket);
          return socket;
        },
        offer: (...args) => this.publisher.offer(...args),
        replies,
        redisNowMs: () => 1_795_500_000_000,
        refuse: () => {},
        timers: systemTimers,
        limitedLog: { warn: () => {} },
      },
      { spec: () => spec, feed: () => {} },
    );
    for (const id of [1, 2])
      this.#sockets.dial(id, 'wss://slack.test/link', { teamID: '', teamName: '', botUserID: '' });
    for (const socket of this.#dialed) socket.hello();
  }

  async #enqueue(batch: readonly QueueEntry[]): Promise<EnqueueResult[]> {
    return batch.map(({ mark: { field } }) => {
      const isKnown = this.#marks.has(field);
      this.#marks.add(field);
      return { kind: isKnown ? 'duplicate' : 'queued' };
    });
  }

  /** Over either socket. */
  say(frame: Frame): void {
    const envelope_id = `e${this.#names.length}`;
    this.#names.push(envelope_id);
    this.#dialed[this.#names.length % 2]?.say({ ...frame, envelope_id });
  }

  get names(): string[] {
    return [...this.#names].sort();
  }

  acknowledged(): string[] {
    return this.#dialed.flatMap(({ sent }) => sent.map((text) => String(JSON.parse(text).envelope_id))).sort();
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('every envelope of an app, whatever is in it, ends in one counter and is acknowledged once', async () => {
  const kind = fc.constantFrom(...Object.keys(KINDS));
  const frame = fc.record({ kind, n: fc.integer({ min: 1, max: 5 }), pauseMs: fc.constantFrom(0, 0, 3, 3_000) });
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 40 }), async (frames) => {
      const world = new World();
      for (const { kind: name, n, pauseMs } of frames) {
        world.say(KINDS[name]?.(n) ?? {});
        expect(sumOf(world.publisher.counts())).toBe(world.names.length);
        await vi.advanceTimersByTimeAsync(pauseMs);
      }
      await vi.advanceTimersByTimeAsync(5_000);
      expect(world.acknowledged()).toEqual(world.names);
      const { offered, pending } = world.publisher.counts();
      expect({ offered, pending }).toEqual({ offered: frames.length, pending: 0 });
    }),
    { numRuns: 50, examples: [[Object.keys(KINDS).map((name) => ({ kind: name, n: 1, pauseMs: 0 }))]] },
  );
});

it('and in the counter that says what became of it', async () => {
  const world = new World();
  for (const of of Object.values(KINDS)) world.say(of(1));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(world.publisher.counts()).toMatchObject({
    queued: 5,
    duplicate: 1,
    filtered: 4,
    failed: { malformed: 3 },
    fenced: 0,
  });
});
