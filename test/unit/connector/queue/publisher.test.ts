import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { disableBot, type Normalized, normalize } from '#connector/event/normalize.ts';
import type { QueueEntry } from '#connector/queue/buffer.ts';
import type { Enqueue } from '#connector/queue/enqueue.ts';
import type { OutcomeCounts } from '#connector/queue/outcome.ts';
import { Publisher, type PublisherOptions } from '#connector/queue/publisher.ts';
import type { EnqueueResult } from '#connector/queue/redis-answer.ts';
import { systemClock } from '#core/process/clock.ts';
import { DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { queueKeys } from '#core/protocol/keys.ts';
import { sourceOf } from '#test/unit/connector/event/source.ts';

const message = (n: number, text = 'x'): Normalized =>
  normalize({ type: 'message', channel: 'C1', user: 'U1', text, ts: `1700000000.${n}` }, sourceOf(), 0);
const tsOf = ({ payload }: QueueEntry): number => Number(JSON.parse(payload).timestamp.split('.')[1]);

const sumOf = ({ offered: _, failed, ...others }: OutcomeCounts): number =>
  [...Object.values(others), ...Object.values(failed)].reduce((sum, count) => sum + count, 0);

/** Stands in for Redis where the test is about time or about answers that Redis can't be made to give. */
function scripted(answer: (batch: readonly QueueEntry[], call: number) => EnqueueResult['kind'][] | Error) {
  const batches: number[][] = [];
  let underWay = 0;
  const enqueue: Enqueue = async (batch) => {
    underWay += 1;
    expect(underWay, 'batches under way').toBe(1);
    batches.push(batch.map(tsOf));
    const answers = answer(batch, batches.length);
    await new Promise((resolve) => setTimeout(resolve, 1));
    underWay -= 1;
    if (answers instanceof Error) throw answers;
    return answers.map((kind) =>
      kind === 'error' ? { kind, key: 'mark', error: 'WRONGTYPE x' } : ({ kind } as EnqueueResult),
    );
  };
  return { enqueue, batches };
}

const publisherOf = (enqueue: Enqueue, options: Partial<PublisherOptions> = {}): Publisher =>
  new Publisher({
    shards: [{ keys: queueKeys('q'), enqueue }],
    contract: DEFAULT_CONTRACT,
    buffer: { maxBytes: 64 * 1_048_576, maxAgeMs: 120_000 },
    clock: systemClock,
    redisNowMs: () => 0,
    onPressure: () => {},
    ...options,
  });

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const all = (kind: EnqueueResult['kind']) => (batch: readonly QueueEntry[]) => batch.map(() => kind);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the publisher', () => {
  it('sends the events of a channel in order, 50 at a time, one batch after the other', async () => {
    const { enqueue, batches } = scripted(all('queued'));
    const publisher = publisherOf(enqueue);
    for (const n of range(0, 120)) publisher.offer(message(n));
    await vi.advanceTimersByTimeAsync(50);
    expect(batches).toEqual([range(0, 50), range(50, 100), range(100, 120)]);
    expect(publisher.counts()).toMatchObject({ offered: 120, queued: 120, pending: 0 });
  });

  it('sends an event that comes alone after 1 ms, and the next ones 20 ms later, unless they are urgent', async () => {
    const { enqueue, batches } = scripted(all('queued'));
    const publisher = publisherOf(enqueue);
    publisher.offer(message(1));
    await vi.advanceTimersByTimeAsync(0);
    expect(batches).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches).toEqual([[1]]);
    await vi.advanceTimersByTimeAsync(4);
    publisher.offer(message(2));
    await vi.advanceTimersByTimeAsync(5);
    publisher.offer(message(3));
    await vi.advanceTimersByTimeAsync(10);
    expect(batches).toEqual([[1]]);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches).toEqual([[1], [2, 3]]);
    await vi.advanceTimersByTimeAsync(5);
    publisher.offer(message(4));
    publisher.offer({ ...message(5), urgent: true } as Normalized);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches).toEqual([[1], [2, 3], [5, 4]]);
  });

  it('sends the same events again, before any later one, until it has an answer', async () => {
    const { enqueue, batches } = scripted((batch, call) =>
      call < 4 ? new Error('Command timed out') : all('duplicate')(batch),
    );
    const publisher = publisherOf(enqueue);
    for (const n of range(0, 60)) publisher.offer(message(n));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(batches).toEqual([...Array(4).fill(range(0, 50)), range(50, 60)]);
    expect(publisher.counts()).toMatchObject({ duplicate: 60, pending: 0 });
  });

  it('keeps events that met a full queue, and sends them before later ones', async () => {
    const { enqueue, batches } = scripted((batch, call) =>
      batch.map((_, index) => (call === 1 && index >= 2 ? 'full' : 'queued')),
    );
    const publisher = publisherOf(enqueue);
    for (const n of range(0, 5)) publisher.offer(message(n));
    await vi.advanceTimersByTimeAsync(7);
    expect(publisher.faults()).toEqual([expect.stringContaining('RELAX_QUEUE_MAX')]);
    publisher.offer(message(5));
    await vi.advanceTimersByTimeAsync(500);
    expect(batches).toEqual([range(0, 5), [2, 3, 4, 5]]);
    expect(publisher.faults()).toEqual([]);
  });

  it('retries quickly at first and less often later', async () => {
    const { enqueue, batches } = scripted(() => new Error('connect ECONNREFUSED'));
    publisherOf(enqueue).offer(message(1));
    await vi.advanceTimersByTimeAsync(300);
    expect(batches.length).toBeGreaterThanOrEqual(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(batches.length).toBeLessThan(300);
  });

  it('counts every event offered in exactly one counter, at every moment', async () => {
    const kinds = ['queued', 'duplicate', 'fenced', 'full', 'error'] as const;
    const { enqueue } = scripted((batch, call) =>
      call % 3 === 0 ? new Error('lost') : batch.map((_, index) => kinds[(call + index) % 5] ?? 'queued'),
    );
    const publisher = publisherOf(enqueue, { buffer: { maxBytes: 30_000, maxAgeMs: 1_000 } });
    const settled: string[] = [];
    const offer = (normalized: Normalized): void => publisher.offer(normalized, ({ kind }) => settled.push(kind));
    for (const n of range(0, 200)) {
      offer(message(n));
      offer(normalize({ type: 'hello' }, sourceOf(), 0));
      offer(normalize([], sourceOf(), 0));
      if (n % 40 === 0) await vi.advanceTimersByTimeAsync(3);
      expect(sumOf(publisher.counts())).toBe(publisher.counts().offered);
    }
    await vi.advanceTimersByTimeAsync(60_000);
    const counts = publisher.counts();
    expect(sumOf(counts)).toBe(600);
    expect(counts).toMatchObject({ offered: 600, filtered: 200, pending: 0 });
    expect(counts.failed.malformed).toBe(200);
    for (const count of [counts.queued, counts.duplicate, counts.fenced, counts.failed.refused]) {
      expect(count).toBeGreaterThan(0);
    }
    expect(counts.failed.buffer_full).toBeGreaterThan(0);
    expect(settled).toHaveLength(600);
  });

  it('asks first the bots that fill it to pause at 80 % of its bytes, all at 90 %, and none at 50 %', async () => {
    const pressure: string[] = [];
    let away = true;
    const { enqueue } = scripted((batch) => (away ? new Error('away') : all('queued')(batch)));
    const publisher = publisherOf(enqueue, {
      buffer: { maxBytes: 100_000, maxAgeMs: 1e9 },
      onPressure: ({ all: everybody, bots }) => pressure.push(everybody ? 'all' : [...bots].join()),
    });
    const offer = (n: number, ownerUid: string): void => {
      const source = sourceOf({ ownerUid });
      const frame = { type: 'message', channel: 'C1', user: 'U1', text: 'x'.repeat(400), ts: `1700000000.${n}` };
      publisher.offer(normalize(frame, source, 0));
    };
    for (let n = 0; n < 10; n++) offer(n, 'quiet');
    for (let n = 100; publisher.backlog().bytes < 78_500; n++) offer(n, 'hot');
    expect(pressure).toEqual([]);
    offer(1_000, 'hot');
    expect(pressure).toEqual(['c1/hot']);
    for (let n = 2_000; publisher.backlog().bytes < 88_000; n++) offer(n, 'quiet');
    expect(new Set(pressure)).toEqual(new Set(['c1/hot']));
    offer(3_000, 'quiet');
    offer(3_001, 'quiet');
    expect(pressure.at(-1)).toBe('all');
    await vi.advanceTimersByTimeAsync(3_000);
    away = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(pressure.at(-1)).toBe('');
    expect(publisher.counts()).toMatchObject({ pending: 0, failed: { buffer_full: 0 } });
  });

  it('asks all for a pause when the oldest event gets old, though bytes are few', async () => {
    const pressure: boolean[] = [];
    const { enqueue } = scripted(() => new Error('away'));
    const publisher = publisherOf(enqueue, { onPressure: (pressed) => pressure.push(pressed.all) });
    publisher.offer(message(1));
    await vi.advanceTimersByTimeAsync(90_000);
    expect(pressure).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(pressure).toEqual([true]);
  });

  it('neither stalls nor repeats anything when callbacks throw', async () => {
    const fail = (): never => {
      throw new Error('a defect of the caller');
    };
    const threw: unknown[] = [];
    const { enqueue, batches } = scripted(all('queued'));
    const publisher = publisherOf(enqueue, {
      observer: { settled: fail, batch: fail, refused: fail, threw: (error) => threw.push(error) },
      onPressure: fail,
      buffer: { maxBytes: 60_000, maxAgeMs: 1e9 },
    });
    for (const n of range(0, 60)) publisher.offer(message(n), fail);
    publisher.offer({ kind: 'malformed' }, fail);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(batches).toEqual([range(0, 50), range(50, 60)]);
    expect(publisher.counts()).toMatchObject({ queued: 60, pending: 0, failed: { malformed: 1 } });
    expect(threw.length).toBeGreaterThan(120);
    publisher.offer(message(60), fail);
    const drained = publisher.drain(1_000);
    await vi.advanceTimersByTimeAsync(100);
    expect(await drained).toBe(0);
    expect(batches.flat()).toEqual(range(0, 61));
  });

  it('counts a whole batch before any callback runs', async () => {
    const { enqueue } = scripted((batch) => batch.map((_, index) => (index % 2 === 0 ? 'queued' : 'duplicate')));
    const publisher = publisherOf(enqueue);
    const sums: number[] = [];
    const told = (): void => {
      sums.push(sumOf(publisher.counts()) - publisher.counts().offered);
      if (sums.length === 1) publisher.offer(message(100));
    };
    for (const n of range(0, 20)) publisher.offer(message(n), told);
    await vi.advanceTimersByTimeAsync(100);
    expect(sums).toEqual(Array(20).fill(0));
    expect(publisher.counts()).toMatchObject({ offered: 21, pending: 0 });
  });

  it('halves a batch that Redis cuts off until it gets through, and keeps the order', async () => {
    const cut = new Error('Reached the max retries per request limit (which is 0).');
    const { enqueue, batches } = scripted((batch) => (batch.length > 7 ? cut : all('queued')(batch)));
    const publisher = publisherOf(enqueue);
    for (const n of range(0, 50)) publisher.offer(message(n));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(batches.slice(0, 5).map(({ length }) => length)).toEqual([50, 25, 12, 6, 12]);
    expect(batches.filter(({ length }) => length <= 7).flat()).toEqual(range(0, 50));
    expect(publisher.counts()).toMatchObject({ queued: 50, pending: 0 });
  });

  it('never gives an event up for a connection that breaks, however often', async () => {
    const cut = new Error('Reached the max retries per request limit (which is 0).');
    const { enqueue } = scripted(() => cut);
    const publisher = publisherOf(enqueue);
    for (const n of range(0, 50)) publisher.offer(message(n));
    await vi.advanceTimersByTimeAsync(1_700_000);
    expect(publisher.counts()).toMatchObject({ pending: 50 });
  });

  it('gives an event up after half the dedupe window: its marks elsewhere may be gone', async () => {
    const { enqueue } = scripted(() => new Error('away'));
    const publisher = publisherOf(enqueue);
    publisher.offer(message(1));
    await vi.advanceTimersByTimeAsync(1_790_000);
    expect(publisher.counts()).toMatchObject({ pending: 1 });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(publisher.counts()).toMatchObject({ pending: 0, failed: { stale: 1 } });
  });

  it('looks for an untimed event in the buckets of its arrival, however late Redis takes it', async () => {
    const places: unknown[] = [];
    let nowMs = 600_000;
    const publisher = publisherOf(
      async (batch) => {
        places.push(batch[0]?.mark.buckets);
        if (places.length < 3) throw new Error('lost');
        return [{ kind: 'queued' }];
      },
      { redisNowMs: () => nowMs },
    );
    publisher.offer(normalize({ type: 'channel_joined', channel: { id: 'C1' } }, sourceOf(), 0));
    await vi.advanceTimersByTimeAsync(8);
    nowMs += 3_000_000;
    await vi.advanceTimersByTimeAsync(5_000);
    const neighbors = [9, 10, 11].map((bucket) => ({ bucket, delayed: false }));
    expect(places).toEqual([neighbors, neighbors, neighbors]);
  });

  it('says how long Redis has been away, and ignores a short break', async () => {
    let away = true;
    const { enqueue } = scripted((batch) => (away ? new Error('connect ECONNREFUSED') : all('queued')(batch)));
    const publisher = publisherOf(enqueue);
    publisher.offer(message(1));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(publisher.faults()).toEqual([]);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(publisher.faults()).toEqual(['Redis has accepted no event for 10 s: connect ECONNREFUSED']);
    away = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(publisher.faults()).toEqual([]);
  });

  it('still remembers what Redis refused while it reconnects', async () => {
    const { enqueue } = scripted((batch, call) => (call === 1 ? all('full')(batch) : new Error('no connection')));
    const publisher = publisherOf(enqueue);
    publisher.offer(message(1));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(publisher.faults()).toEqual([expect.stringContaining('RELAX_QUEUE_MAX')]);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(publisher.faults()).toEqual([expect.stringContaining('Redis has accepted no event')]);
  });

  it('drains at once, without waiting for a batch to fill', async () => {
    const { enqueue, batches } = scripted(all('queued'));
    const publisher = publisherOf(enqueue);
    for (const n of range(0, 70)) publisher.offer(message(n));
    const drained = publisher.drain(1_000);
    await vi.advanceTimersByTimeAsync(4);
    expect(await drained).toBe(0);
    expect(batches.flat()).toEqual(range(0, 70));
  });

  it('counts what it could not deliver by the deadline, and whatever comes later', async () => {
    const { enqueue } = scripted(() => new Error('away'));
    const publisher = publisherOf(enqueue);
    for (const n of range(0, 3)) publisher.offer(message(n));
    const drained = publisher.drain(1_000);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await drained).toBe(3);
    publisher.offer(message(4));
    publisher.offer(disableBot(sourceOf(), 'invalid_auth', 0));
    expect(publisher.counts()).toMatchObject({ offered: 5, pending: 0, failed: { shutdown: 5 } });
  });

  it('counts an event that JSON cannot hold, and continues', async () => {
    const { enqueue } = scripted(all('queued'));
    const publisher = publisherOf(enqueue);
    const deep = JSON.parse(`{"type":"x","event_ts":"1.1","v":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    publisher.offer(normalize(deep, sourceOf(), 0));
    publisher.offer(message(1));
    await vi.advanceTimersByTimeAsync(10);
    expect(publisher.counts()).toMatchObject({ queued: 1, failed: { unencodable: 1 } });
  });
});
