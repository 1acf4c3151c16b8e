import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Normalized, normalize } from '#connector/event/normalize.ts';
import type { QueueEntry } from '#connector/queue/buffer.ts';
import type { Enqueue } from '#connector/queue/enqueue.ts';
import type { OutcomeCounts } from '#connector/queue/outcome.ts';
import { Publisher, type PublisherOptions } from '#connector/queue/publisher.ts';
import { shardOf } from '#connector/queue/shard.ts';
import { systemClock } from '#core/process/clock.ts';
import { DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { queueKeys } from '#core/protocol/keys.ts';
import { sourceOf } from '#test/unit/connector/event/source.ts';

/** Of two shards. */
const FIRST = 'T0A';
const SECOND = 'T0B';

const message = (teamID: string, n: number, channel = 'C1', text = 'x'): Normalized =>
  normalize(
    { type: 'message', channel, user: 'U1', text, ts: `1700000000.${n}` },
    sourceOf({ teamID, slackTeamID: teamID, ownerUid: teamID }),
    0,
  );
const itemOf = ({ payload }: QueueEntry): { team: string; channel: string; n: number } => {
  const { team_uid, channel_uid, timestamp } = JSON.parse(payload);
  return { team: team_uid, channel: channel_uid, n: Number(timestamp.split('.')[1]) };
};

/** A queue whose Redis is away when the test says so, and answers after a while. */
class Queue {
  readonly taken: QueueEntry[] = [];
  away = false;
  readonly tookMs: number;

  constructor(tookMs = 1) {
    this.tookMs = tookMs;
  }

  readonly enqueue: Enqueue = async (batch) => {
    await new Promise((resolve) => setTimeout(resolve, this.tookMs));
    if (this.away) throw new Error('connect ECONNREFUSED');
    this.taken.push(...batch);
    return batch.map(() => ({ kind: 'queued' }));
  };

  order(channel?: string): number[] {
    const items = this.taken.map(itemOf);
    return items.filter((item) => channel === undefined || item.channel === channel).map(({ n }) => n);
  }
}

let queues: [Queue, Queue];
const publisherOf = (options: Partial<PublisherOptions> = {}): Publisher =>
  new Publisher({
    shards: [
      { keys: queueKeys('q:0'), enqueue: queues[0].enqueue },
      { keys: queueKeys('q:1'), enqueue: queues[1].enqueue },
    ],
    contract: DEFAULT_CONTRACT,
    buffer: { maxBytes: 64 * 1_048_576, maxAgeMs: 120_000 },
    clock: systemClock,
    redisNowMs: () => 0,
    onPressure: () => {},
    ...options,
  });
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const sumOf = ({ offered: _, failed, ...others }: OutcomeCounts): number =>
  [...Object.values(others), ...Object.values(failed)].reduce((sum, count) => sum + count, 0);

beforeEach(() => {
  queues = [new Queue(), new Queue()];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the shard of a team', () => {
  it('is the only one where there is one', () => {
    fc.assert(fc.property(fc.string(), (teamID) => shardOf(teamID, 1) === 0));
  });

  it('is one of them, the same whoever asks, and each has its share of the teams', () => {
    const teams = range(0, 10_000).map((n) => `T0${(n * 7_919).toString(36).toUpperCase()}`);
    for (const shards of [2, 3, 8, 16]) {
      const sizes = Array<number>(shards).fill(0);
      for (const team of teams) {
        const shard = shardOf(team, shards);
        sizes[shard] = (sizes[shard] ?? Number.NaN) + 1;
      }
      expect(Math.min(...sizes) * shards).toBeGreaterThan(9_000);
      expect(Math.max(...sizes) * shards).toBeLessThan(11_000);
    }
  });

  it('never changes: marks and queues of earlier events are where it says', () => {
    expect(['T024BE7LH', 'T0A', 'T0B', 'E012345'].map((team) => shardOf(team, 16))).toEqual([15, 8, 1, 11]);
    expect([shardOf(FIRST, 2), shardOf(SECOND, 2)]).toEqual([0, 1]);
  });
});

describe('a publisher with two shards', () => {
  it('brings the copies of an event to one queue, also if one cluster names the organization and another the workspace', async () => {
    const frame = { type: 'message', channel: 'C1', user: 'U1', text: 'x', ts: '1700000000.1' };
    expect(shardOf('E0B', 2)).not.toBe(shardOf(SECOND, 2));
    const publisher = publisherOf();
    for (const teamID of ['E0B', SECOND]) {
      publisher.offer(normalize(frame, sourceOf({ teamID, slackTeamID: SECOND }), 0));
    }
    await vi.advanceTimersByTimeAsync(50);
    const [one, other, ...more] = queues[1].taken;
    expect([one?.mark, queues[0].taken, more]).toEqual([other?.mark, [], []]);
  });

  it('delivers each event to the queue of its team, in order', async () => {
    const publisher = publisherOf();
    for (const n of range(0, 120)) publisher.offer(message(n % 3 === 0 ? SECOND : FIRST, n));
    await vi.advanceTimersByTimeAsync(50);
    expect(queues[0].order()).toEqual(range(0, 120).filter((n) => n % 3 !== 0));
    expect(queues[1].order()).toEqual(range(0, 120).filter((n) => n % 3 === 0));
    expect(publisher.counts()).toMatchObject({ offered: 120, queued: 120, pending: 0 });
  });

  it('continues with one while the Redis of the other is away, and keeps what the other is to have', async () => {
    queues[0].away = true;
    const publisher = publisherOf();
    for (const n of range(0, 300)) {
      publisher.offer(message(n % 2 === 0 ? FIRST : SECOND, n));
      if (n % 20 === 0) await vi.advanceTimersByTimeAsync(100);
    }
    await vi.advanceTimersByTimeAsync(10_000);
    expect(queues[1].order()).toEqual(range(0, 300).filter((n) => n % 2 === 1));
    expect(publisher.counts()).toMatchObject({ queued: 150, pending: 150 });
    expect(publisher.faults()).toEqual([expect.stringContaining('Redis has accepted no event for')]);
    queues[0].away = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(queues[0].order()).toEqual(range(0, 300).filter((n) => n % 2 === 0));
    expect(publisher.faults()).toEqual([]);
  });

  it('does not wait for batches of the other queue', async () => {
    queues = [new Queue(3_000), new Queue(1)];
    const publisher = publisherOf();
    publisher.offer(message(FIRST, 1));
    await vi.advanceTimersByTimeAsync(10);
    for (const n of range(0, 120)) publisher.offer(message(SECOND, n));
    await vi.advanceTimersByTimeAsync(40);
    expect(queues.map(({ taken }) => taken.length)).toEqual([0, 120]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(queues[0].order()).toEqual([1]);
  });

  it('has one bound on the bytes of both, and pauses the bots that fill it', async () => {
    const pressure: string[] = [];
    queues[0].away = true;
    const publisher = publisherOf({
      buffer: { maxBytes: 100_000, maxAgeMs: 1e9 },
      onPressure: ({ all, bots }) => pressure.push(all ? 'all' : [...bots].join()),
    });
    const text = 'x'.repeat(400);
    for (let n = 0; publisher.backlog().bytes < 80_000; n++) {
      publisher.offer(message(FIRST, n, 'C1', text));
      publisher.offer(message(SECOND, n, 'C1', text));
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(pressure).toEqual([`c1/${FIRST}`]);
    for (let n = 1_000; n < 1_100; n++) publisher.offer(message(SECOND, n, 'C1', text));
    const { failed, pending } = publisher.counts();
    expect(publisher.backlog().bytes).toBeLessThanOrEqual(100_000);
    expect(failed.buffer_full).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(100);
    expect(publisher.counts().pending).toBeLessThan(pending);
    expect(queues[1].taken.length).toBeGreaterThan(0);
    queues[0].away = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(pressure.at(-1)).toBe('');
    expect(publisher.backlog()).toEqual({ events: 0, urgent: 0, bytes: 0, ageMs: 0 });
  });

  it('is empty when both are, and gives up only what the one that is away has not taken', async () => {
    queues = [new Queue(1), new Queue(500)];
    const publisher = publisherOf();
    for (const n of range(0, 10)) publisher.offer(message(n % 2 === 0 ? FIRST : SECOND, n));
    let lost: number | undefined;
    const drained = publisher.drain(2_000).then((count) => {
      lost = count;
    });
    await vi.advanceTimersByTimeAsync(400);
    expect([queues[0].taken.length, lost]).toEqual([5, undefined]);
    await vi.advanceTimersByTimeAsync(200);
    await drained;
    expect([queues[1].taken.length, lost]).toEqual([5, 0]);
  });

  it('gives up at its end only what the queue that is away has not taken', async () => {
    queues[0].away = true;
    const publisher = publisherOf();
    for (const n of range(0, 10)) publisher.offer(message(n % 2 === 0 ? FIRST : SECOND, n));
    const drained = publisher.drain(1_000);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await drained).toBe(5);
    publisher.offer(message(SECOND, 10));
    expect(publisher.counts()).toMatchObject({ offered: 11, queued: 5, pending: 0, failed: { shutdown: 6 } });
    expect(queues[1].order()).toEqual([1, 3, 5, 7, 9]);
  });

  it('counts every event once, at every moment, and keeps the order of each channel, whatever the two do', async () => {
    const turn = fc.record({
      away: fc.tuple(fc.boolean(), fc.boolean()),
      offers: fc.array(fc.record({ team: fc.constantFrom(FIRST, SECOND), channel: fc.constantFrom('C1', 'C2') }), {
        maxLength: 60,
      }),
      waitMs: fc.integer({ min: 0, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { maxLength: 12 }), async (turns) => {
        queues = [new Queue(2), new Queue(3)];
        const publisher = publisherOf();
        let serial = 0;
        for (const { away, offers, waitMs } of turns) {
          [queues[0].away, queues[1].away] = away;
          for (const { team, channel } of offers) publisher.offer(message(team, serial++, channel));
          await vi.advanceTimersByTimeAsync(waitMs);
          expect(sumOf(publisher.counts())).toBe(serial);
        }
        [queues[0].away, queues[1].away] = [false, false];
        const drained = publisher.drain(60_000);
        await vi.advanceTimersByTimeAsync(10_000);
        expect(await drained).toBe(0);
        expect(publisher.counts()).toMatchObject({ offered: serial, queued: serial, pending: 0 });
        for (const queue of queues) {
          for (const channel of ['C1', 'C2']) {
            expect(queue.order(channel)).toEqual(queue.order(channel).toSorted((a, b) => a - b));
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
