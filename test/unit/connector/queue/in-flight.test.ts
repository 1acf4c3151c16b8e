import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NormalizedEvent } from '#connector/event/normalize.ts';
import type { QueueEntry } from '#connector/queue/buffer.ts';
import { LANES, laneOf } from '#connector/queue/lane.ts';
import type { EnqueueResult } from '#connector/queue/redis-answer.ts';
import { message, publisherOf, range, sumOf, URGENT } from './scripted-queue.ts';

const CUT_OFF = 'Reached the max retries per request limit (which is 0).';

/** What becomes of a batch. */
interface Fate {
  /** ms until Redis runs it; it never does if undefined. */
  runsAfterMs: number | undefined;
  /** ms after which the answer is there, if it has run by then; otherwise the call fails. */
  endsAfterMs: number;
  /** The answer is lost. */
  lost: boolean;
  cutOff: boolean;
  /** Items that each list takes of this batch. */
  room: number;
}

/** A Redis that runs several batches at once, in any order, and loses answers. */
class UnreliableQueue {
  readonly items: { channel: string; urgent: boolean; n: number }[] = [];
  readonly #marks = new Set<string>();
  readonly #fates: Fate[];
  #underWay = 0;
  mostUnderWay = 0;

  constructor(fates: Fate[] = []) {
    this.#fates = [...fates];
  }

  readonly enqueue = async (batch: readonly QueueEntry[]): Promise<EnqueueResult[]> => {
    const fate = this.#fates.shift() ?? { runsAfterMs: 1, endsAfterMs: 2, lost: false, cutOff: false, room: 99 };
    this.#underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.#underWay);
    let results: EnqueueResult[] | undefined;
    if (fate.runsAfterMs !== undefined) setTimeout(() => (results = this.#run(batch, fate.room)), fate.runsAfterMs);
    await new Promise((resolve) => setTimeout(resolve, fate.endsAfterMs));
    this.#underWay -= 1;
    if (results === undefined || fate.lost) throw new Error(fate.cutOff ? CUT_OFF : 'Command timed out');
    return results;
  };

  #run(batch: readonly QueueEntry[], most: number): EnqueueResult[] {
    const room = { urgent: most, queue: most };
    return batch.map(({ mark, payload, urgent }) => {
      if (this.#marks.has(mark.field)) return { kind: 'duplicate' };
      const list = urgent ? 'urgent' : 'queue';
      if (room[list] <= 0) return { kind: 'full' };
      room[list] -= 1;
      this.#marks.add(mark.field);
      const { channel_uid: channel, timestamp } = JSON.parse(payload);
      this.items.push({ channel, urgent, n: Number(timestamp.split('.')[1]) });
      return { kind: 'queued' };
    });
  }
}

const inChannel = (n: number, channel: string, urgent = false): NormalizedEvent => {
  const one = message(n, { urgent });
  return { ...one, item: { ...one.item, channel_uid: channel } };
};

/** Of each channel, the urgent events by themselves. */
function expectOrder({ items }: UnreliableQueue): void {
  const last = new Map<string, number>();
  for (const { channel, urgent, n } of items) {
    const key = `${channel} ${urgent}`;
    expect(n).toBeGreaterThan(last.get(key) ?? -1);
    last.set(key, n);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the lane of an event', () => {
  it('is that of its channel, and channels are spread evenly over all', () => {
    const sizes = Array<number>(LANES).fill(0);
    for (const team of range(0, 100)) {
      for (const channel of ['', ...range(0, 99).map((n) => `C0${n}`)]) {
        const lane = laneOf(`T0${team}`, channel);
        expect(lane).toBe(laneOf(`T0${team}`, channel));
        sizes[lane] = (sizes[lane] ?? Number.NaN) + 1;
      }
    }
    expect(Math.min(...sizes) * LANES).toBeGreaterThan(7_000);
    expect(Math.max(...sizes) * LANES).toBeLessThan(13_000);
  });
});

describe('batches under way', () => {
  it('are up to eight of different channels, however long Redis takes', async () => {
    const queue = new UnreliableQueue(
      range(0, 100).map(() => ({ runsAfterMs: 99, endsAfterMs: 100, lost: false, cutOff: false, room: 99 })),
    );
    const publisher = publisherOf(queue);
    for (const n of range(0, 6_000)) publisher.offer(inChannel(n, `C${n >> 5}`));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(queue.mostUnderWay).toBe(8);
    expect(publisher.counts().queued).toBeGreaterThan(50 * 8);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(publisher.counts()).toMatchObject({ queued: 6_000, pending: 0 });
  });

  it('are one for a channel', async () => {
    const queue = new UnreliableQueue();
    const publisher = publisherOf(queue);
    for (const n of range(0, 1_000)) publisher.offer(inChannel(n, 'C1'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(queue.mostUnderWay).toBe(1);
    expect(queue.items.map(({ n }) => n)).toEqual(range(0, 1_000));
  });

  it('are one after Redis was away, until it has answered', async () => {
    const away = { runsAfterMs: undefined, endsAfterMs: 5, lost: true, cutOff: false, room: 99 };
    const queue = new UnreliableQueue(range(0, 20).map(() => away));
    const publisher = publisherOf(queue);
    for (const n of range(0, 2_000)) publisher.offer(inChannel(n, `C${n >> 4}`));
    expect(queue.mostUnderWay).toBe(8);
    await vi.advanceTimersByTimeAsync(6);
    queue.mostUnderWay = 0;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(queue.mostUnderWay).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(queue.mostUnderWay).toBeGreaterThan(4);
    expect(publisher.counts()).toMatchObject({ queued: 2_000, pending: 0 });
  });

  it('that fail together count as one failure: the next try comes as soon as after one', async () => {
    let calls = 0;
    const publisher = publisherOf({
      enqueue: async () => {
        calls += 1;
        await new Promise((resolve) => setTimeout(resolve, 5));
        throw new Error('connect ECONNREFUSED');
      },
    });
    for (const n of range(0, 2_000)) publisher.offer(inChannel(n, `C${n >> 4}`));
    expect(calls).toBe(8);
    await vi.advanceTimersByTimeAsync(60);
    expect(calls).toBeGreaterThan(8);
  });

  it('without an answer hold back no other channel', async () => {
    const queue = new UnreliableQueue([
      { runsAfterMs: undefined, endsAfterMs: 4_000, lost: true, cutOff: false, room: 99 },
    ]);
    const publisher = publisherOf(queue);
    publisher.offer(inChannel(0, 'C1'));
    await vi.advanceTimersByTimeAsync(5);
    for (const n of range(1, 400)) publisher.offer(inChannel(n, n % 2 === 0 ? 'C1' : `D${n}`));
    await vi.advanceTimersByTimeAsync(100);
    const of = (even: boolean): number => queue.items.filter(({ n }) => (n % 2 === 0) === even).length;
    // Other channels may share a lane with C1.
    expect(of(false)).toBeGreaterThan(170);
    expect(of(true)).toBe(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([of(false), of(true)]).toEqual([200, 200]);
  });
});

describe('whatever becomes of batches', () => {
  const delay = fc.integer({ min: 0, max: 12 });
  const fate: fc.Arbitrary<Fate> = fc.record({
    runsAfterMs: fc.option(delay, { nil: undefined, freq: 5 }),
    endsAfterMs: delay,
    lost: fc.boolean(),
    cutOff: fc.boolean(),
    room: fc.oneof(fc.constant(99), fc.integer({ min: 0, max: 20 })),
  });
  const turn = fc.record({
    offers: fc.array(fc.record({ channel: fc.integer({ min: 0, max: 40 }), urgent: fc.boolean() }), { maxLength: 90 }),
    again: fc.boolean(),
    waitMs: fc.integer({ min: 0, max: 30 }),
  });

  it.each([
    ['with', URGENT],
    ['without', undefined],
  ])(
    'each event is queued once and has one outcome, and each channel keeps its order, %s a second list',
    async (_name, urgentKey) => {
      await fc.assert(
        fc.asyncProperty(fc.array(turn, { maxLength: 12 }), fc.array(fate, { maxLength: 60 }), async (turns, fates) => {
          const queue = new UnreliableQueue(fates);
          const publisher = publisherOf(queue, {}, urgentKey);
          const outcomes: string[] = [];
          let serial = 0;
          let offered = 0;
          for (const { offers, again, waitMs } of turns) {
            for (const { channel, urgent } of offers) {
              const one = inChannel(serial++, `C${channel}`, urgent);
              for (const _ of again ? [1, 2] : [1]) {
                offered += 1;
                publisher.offer(one, ({ kind }) => outcomes.push(kind), again);
              }
            }
            await vi.advanceTimersByTimeAsync(waitMs);
            expect(sumOf(publisher.counts())).toBe(offered);
          }
          const drained = publisher.drain(100_000);
          await vi.advanceTimersByTimeAsync(100_000);
          expect(await drained).toBe(0);
          expect(outcomes).toHaveLength(offered);
          expect(outcomes.every((kind) => kind === 'queued' || kind === 'duplicate')).toBe(true);
          expect(queue.mostUnderWay).toBeLessThanOrEqual(8);
          expect(queue.items.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(range(0, serial));
          expectOrder(queue);
        }),
        { numRuns: 60 },
      );
    },
  );
});
