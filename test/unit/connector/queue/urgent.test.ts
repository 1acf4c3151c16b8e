import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MAX_BATCH_BYTES } from '#connector/queue/batcher.ts';
import { message, publisherOf, range, ScriptedQueue, URGENT } from './scripted-queue.ts';

const urgent = (n: number) => message(n, { urgent: true });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe.each([
  ['with a list of their own', URGENT],
  ['without', undefined],
])('urgent events, %s,', (_name, key) => {
  it('go before all that wait, and each of the two keeps its order', async () => {
    const queue = new ScriptedQueue();
    const publisher = publisherOf(queue, {}, key);
    for (const n of range(0, 300)) publisher.offer(message(n));
    await vi.advanceTimersByTimeAsync(0);
    for (const n of range(1_000, 1_060)) publisher.offer(urgent(n));
    expect(publisher.backlog()).toMatchObject({ events: 360, urgent: 60 });
    await vi.advanceTimersByTimeAsync(50);
    // The first batch was under way. While the second is, its channel waits for it, as every channel does.
    expect(queue.batches.slice(0, 4)).toEqual([
      range(0, 50),
      range(1_000, 1_050),
      range(50, 100),
      [...range(1_050, 1_060)],
    ]);
    expect(queue.batches.flat().filter((n) => n >= 1_000)).toEqual(range(1_000, 1_060));
    expect(queue.batches.flat().filter((n) => n < 1_000)).toEqual(range(0, 300));
    expect(publisher.counts()).toMatchObject({ queued: 360, pending: 0 });
  });

  it('stay the first when a batch is sent again', async () => {
    const queue = new ScriptedQueue();
    queue.away = true;
    const publisher = publisherOf(queue, {}, key);
    for (const n of range(0, 3)) publisher.offer(message(n));
    publisher.offer(urgent(1_000));
    await vi.advanceTimersByTimeAsync(6);
    publisher.offer(urgent(1_001));
    queue.away = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(queue.batches.at(-1)).toEqual([1_000, 1_001, 0, 1, 2]);
  });
});

it('an event that no batch with urgent ones has room for goes by itself, however many of those keep coming', async () => {
  const queue = new ScriptedQueue();
  const publisher = publisherOf(queue, {}, URGENT);
  for (const n of range(1_000, 1_200)) {
    publisher.offer(urgent(n));
    if (n === 1_010) publisher.offer(message(0, {}, 'u1', 'x'.repeat(MAX_BATCH_BYTES)));
    await vi.advanceTimersByTimeAsync(5);
  }
  expect(queue.batches.findIndex((batch) => batch.includes(0))).toBeLessThan(30);
  expect(queue.batches).toContainEqual([0]);
});

describe('of two lists', () => {
  it.each([
    ['the queue is full, urgent events do not wait', false],
    ['the list of urgent events is full, the others do not wait', true],
  ])('when %s', async (_name, fullIsUrgent) => {
    const queue = new ScriptedQueue();
    let full = true;
    queue.answer = (entry) => (full && entry.urgent === fullIsUrgent ? 'full' : 'queued');
    const publisher = publisherOf(queue, {}, URGENT);
    for (const n of range(0, 200)) publisher.offer(message(n, { urgent: fullIsUrgent }));
    // Long enough for the back-off to reach its maximum.
    await vi.advanceTimersByTimeAsync(20_000);
    expect(publisher.counts()).toMatchObject({ queued: 0, pending: 200 });
    const words = fullIsUrgent ? 'RELAX_QUEUE_URGENT' : 'the queue holds RELAX_QUEUE_MAX';
    const waits: number[] = [];
    for (const n of range(1_000, 1_020)) {
      const offeredAtMs = Date.now();
      publisher.offer(message(n, { urgent: !fullIsUrgent }), () => waits.push(Date.now() - offeredAtMs));
      await vi.advanceTimersByTimeAsync(100);
      expect(publisher.faults()).toEqual([expect.stringContaining(words)]);
    }
    expect(waits).toHaveLength(20);
    expect(Math.max(...waits)).toBeLessThan(25);
    full = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(publisher.faults()).toEqual([]);
    expect(publisher.counts()).toMatchObject({ queued: 220, pending: 0 });
  });

  it('a list of urgent events that nobody reads pauses nobody for its age', async () => {
    const queue = new ScriptedQueue();
    queue.answer = (entry) => (entry.urgent ? 'full' : 'queued');
    const pressure: boolean[] = [];
    const publisher = publisherOf(queue, { onPressure: ({ all }) => pressure.push(all) }, URGENT);
    publisher.offer(urgent(1));
    await vi.advanceTimersByTimeAsync(600_000);
    publisher.offer(message(2));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(publisher.counts()).toMatchObject({ queued: 1, pending: 1 });
    expect(pressure).toEqual([]);
  });
});
