import type { EventSource } from '#connector/event/event-source.ts';
import type { NormalizedEvent } from '#connector/event/normalize.ts';
import { normalize } from '#connector/event/normalize.ts';
import { redisEnqueue } from '#connector/queue/enqueue.ts';
import { KnownSteps } from '#connector/queue/known-steps.ts';
import { Publisher, type PublisherOptions } from '#connector/queue/publisher.ts';
import { systemClock } from '#core/process/clock.ts';
import { DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { firstSteps } from '#core/protocol/dedupe-steps.ts';
import { type QueueKeys, queueKeys } from '#core/protocol/keys.ts';
import type { Redis } from '#core/redis/redis.ts';
import { RedisClock } from '#core/redis/redis-clock.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { waitFor } from '#test/support/wait.ts';
import { sourceOf } from '#test/unit/connector/event/source.ts';

export interface TestPublisher<R extends Redis = TestRedis> {
  publisher: Publisher;
  redis: R;
  keys: QueueKeys;
  known: KnownSteps;
  stop(): Promise<void>;
}

export interface TestPublisherOptions extends Partial<PublisherOptions> {
  queue?: string;
  /** Key of the list of urgent events. */
  urgent?: string;
  queueMax?: number;
  name?: string;
}

/** A publisher on a connection of its own, as in a connector pod. */
export async function startPublisher(
  server: Pick<RedisServer, 'url'>,
  { name = 'connector', ...options }: TestPublisherOptions = {},
): Promise<TestPublisher> {
  return await publisherOn(await connectTo(server, { name }), options);
}

/** As in a connector pod; its end is the connection's too. */
export async function publisherOn<R extends Redis>(
  redis: R,
  { queue = 'relax:events', urgent, queueMax = 0, ...options }: Omit<TestPublisherOptions, 'name'> = {},
): Promise<TestPublisher<R>> {
  const keys = queueKeys(queue, urgent);
  const redisClock = new RedisClock(systemClock);
  await redisClock.sync(redis);
  const known = new KnownSteps(firstSteps(DEFAULT_CONTRACT.subBuckets));
  const publisher = new Publisher({
    shards: [{ keys, enqueue: redisEnqueue(redis, keys, queueMax, known) }],
    contract: DEFAULT_CONTRACT,
    buffer: { maxBytes: 64 * 1_048_576, maxAgeMs: 120_000 },
    clock: systemClock,
    redisNowMs: () => redisClock.nowMs(),
    onPressure: () => {},
    ...options,
  });
  const stop = async (): Promise<void> => {
    await publisher.drain(0);
    redis.close();
  };
  return { publisher, redis, keys, known, stop };
}

/** A plain message that no other `n` shares an identity with. */
export function event(n: number, source: Partial<EventSource> = {}): NormalizedEvent {
  const ts = `${1_700_000_000 + Math.floor(n / 40)}.${String(n).padStart(6, '0')}`;
  return eventOf({ type: 'message', channel: `C${n % 7}`, user: 'U1', text: `event ${n}`, ts }, source);
}

export function eventOf(frame: Record<string, unknown>, source: Partial<EventSource> = {}): NormalizedEvent {
  const normalized = normalize(frame, sourceOf(source), Date.now());
  if (normalized.kind !== 'event') throw new Error(`not an event but ${normalized.kind}`);
  return normalized;
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

/** The texts on the queue, `inChannelOrder`. */
export async function textsOn(redis: Pick<Redis, 'lrange'>, queue = 'relax:events'): Promise<string[]> {
  return inChannelOrder((await redis.lrange(queue, '0', '-1')).map((payload) => JSON.parse(payload).text));
}

/** Texts of `event`, sorted if each channel is in order, since channels don't wait for each other; else as they are. */
export function inChannelOrder(texts: readonly string[]): string[] {
  const numbers = texts.map((text) => Number(text.split(' ')[1]));
  const last = new Map<number, number>();
  for (const n of numbers) {
    if (!(n > (last.get(n % 7) ?? -1))) return [...texts];
    last.set(n % 7, n);
  }
  return numbers.toSorted((a, b) => a - b).map((n) => `event ${n}`);
}

export const expected = (from: number, to: number): string[] => range(from, to).map((n) => `event ${n}`);

/** Offers at the pace of a busy socket, so that a fault in the middle meets batches under way. */
export async function offerSlowly(publishers: readonly Publisher[], from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    for (const publisher of publishers) publisher.offer(event(n));
    if (n % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export async function settledAll(publishers: readonly Publisher[]): Promise<void> {
  await waitFor(() => publishers.every((publisher) => publisher.counts().pending === 0), {
    timeoutMs: 45_000,
    what: 'publishers to empty their buffers',
  });
}

/** Events of one dedupe bucket; `n` tells them apart. */
export function eventIn(bucket: number, n: number, more: Partial<NormalizedEvent> = {}): NormalizedEvent {
  const ts = `${bucket * 60 + (n % 60)}.${String(n).padStart(6, '0')}`;
  const frame = { type: 'message', channel: `C${n % 7}`, user: 'U1', text: `${bucket}/${n}`, ts };
  return { ...eventOf(frame), ...more };
}

export async function offerAll({ publisher }: TestPublisher, events: readonly NormalizedEvent[]): Promise<void> {
  for (const one of events) publisher.offer(one);
  await settledAll([publisher]);
}
