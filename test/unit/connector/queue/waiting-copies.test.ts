import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Outcome } from '#connector/queue/outcome.ts';
import type { Publisher } from '#connector/queue/publisher.ts';
import { message, numberOf, publisherOf, range, ScriptedQueue, sumOf } from './scripted-queue.ts';

let queue: ScriptedQueue;
let publisher: Publisher;
let outcomes: string[];

const wordOf = (outcome: Outcome): string => ('reason' in outcome ? outcome.reason : outcome.kind);
const offer = (n: number, more: Parameters<typeof message>[1] = {}): void =>
  publisher.offer(message(n, more), (outcome) => outcomes.push(`${n} ${wordOf(outcome)}`), true);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  queue = new ScriptedQueue();
  queue.away = true;
  publisher = publisherOf(queue);
  outcomes = [];
});
afterEach(() => {
  vi.useRealTimers();
});

describe('while Redis is away, Slack sends an event again', () => {
  it('and each copy is settled with it, as a duplicate, once it is queued, and not before', async () => {
    offer(1);
    offer(2);
    const { bytes } = publisher.backlog();
    for (let minutes = 1; minutes <= 5; minutes += 2) {
      await vi.advanceTimersByTimeAsync(60_000);
      offer(1);
    }
    expect(outcomes).toEqual([]);
    expect(publisher.backlog()).toMatchObject({ events: 5, bytes });
    expect(publisher.counts()).toMatchObject({ offered: 5, pending: 5 });
    queue.away = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(queue.batches.at(-1)).toEqual([1, 2]);
    expect(outcomes).toEqual(['1 queued', '1 duplicate', '1 duplicate', '1 duplicate', '2 queued']);
    expect(publisher.counts()).toMatchObject({ offered: 5, queued: 2, duplicate: 3, pending: 0 });
  });

  it('also while the first is under way', async () => {
    queue.away = false;
    offer(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(queue.batches).toEqual([]);
    offer(1);
    await vi.advanceTimersByTimeAsync(10);
    expect([queue.batches, outcomes]).toEqual([[[1]], ['1 queued', '1 duplicate']]);
  });

  it.each([
    ['fenced', ['1 fenced', '1 fenced'], { fenced: 2 }],
    ['duplicate', ['1 duplicate', '1 duplicate'], { duplicate: 2 }],
    ['refused', ['1 refused', '1 refused'], { failed: { refused: 2 } }],
  ] as const)('and both are %s if the first is', async (answer, told, counts) => {
    queue.answer = () => answer;
    offer(1);
    offer(1);
    queue.away = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(outcomes).toEqual(told);
    expect(publisher.counts()).toMatchObject({ ...counts, offered: 2, pending: 0 });
  });

  it('and a copy that waits in vain ends as the first does: stale, or with the process', async () => {
    offer(1);
    offer(1);
    await vi.advanceTimersByTimeAsync(1_810_000);
    expect(outcomes.slice(0, 2)).toEqual(['1 stale', '1 stale']);
    offer(2);
    offer(2);
    const drained = publisher.drain(100);
    await vi.advanceTimersByTimeAsync(200);
    expect(await drained).toBe(2);
    expect(outcomes.slice(2)).toEqual(['2 shutdown', '2 shutdown']);
    expect(sumOf(publisher.counts())).toBe(4);
  });

  it('and after the outcome a copy is asked of Redis again', async () => {
    queue.away = false;
    offer(1);
    await vi.advanceTimersByTimeAsync(30);
    offer(1);
    await vi.advanceTimersByTimeAsync(30);
    expect(queue.batches).toEqual([[1], [1]]);
  });

  it('and a bot that was resumed meanwhile is not judged by what it was before', async () => {
    const fence = { field: 'f', generation: 1 };
    offer(1, { fence });
    offer(1, { fence: { ...fence, generation: 3 } });
    queue.answer = ({ generation }) => (generation < 3 ? 'fenced' : 'queued');
    queue.away = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(outcomes).toEqual(['1 fenced', '1 queued']);
  });

  it('an event without a time of its own only as far as its marks would find each other', async () => {
    let redisMs = 0;
    publisher = publisherOf(queue, { redisNowMs: () => redisMs });
    const untimed = { mark: { kind: 'untimed' } } as const;
    offer(1, untimed);
    redisMs = 60_000;
    offer(1, untimed);
    redisMs = 300_000;
    offer(1, untimed);
    queue.away = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(queue.batches.at(-1)).toEqual([1, 1]);
    expect(outcomes).toEqual(['1 queued', '1 duplicate', '1 queued']);
  });

  it('however often, and each copy takes room of its own once there are more than Slack sends', async () => {
    for (const _ of range(0, 100)) offer(1);
    expect(publisher.counts()).toMatchObject({ offered: 100, pending: 100 });
    const seen = new Set<number>();
    queue.answer = (entry) => {
      const before = seen.has(numberOf(entry));
      seen.add(numberOf(entry));
      return before ? 'duplicate' : 'queued';
    };
    queue.away = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(queue.batches.at(-1)?.length).toBeGreaterThan(1);
    expect(publisher.counts()).toMatchObject({ queued: 1, duplicate: 99, pending: 0 });
    expect(outcomes).toHaveLength(100);
  });
});

it('every event offered is in exactly one counter at every moment, copies included', async () => {
  queue.answer = (entry) => (['queued', 'fenced', 'full', 'refused'] as const)[numberOf(entry) % 4] ?? 'queued';
  publisher = publisherOf(queue, { buffer: { maxBytes: 30_000, maxAgeMs: 1_000 } });
  for (const n of range(0, 400)) {
    offer(n % 90, { urgent: n % 5 === 0 });
    queue.away = n % 50 < 25;
    if (n % 20 === 0) await vi.advanceTimersByTimeAsync(40);
    expect(sumOf(publisher.counts())).toBe(n + 1);
  }
  queue.away = false;
  queue.answer = () => 'queued';
  await vi.advanceTimersByTimeAsync(10_000);
  expect(publisher.counts()).toMatchObject({ offered: 400, pending: 0 });
  expect(outcomes).toHaveLength(400);
  expect(publisher.backlog()).toEqual({ events: 0, urgent: 0, bytes: 0, ageMs: 0 });
});
