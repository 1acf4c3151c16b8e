import { afterEach, describe, expect, it } from 'vitest';
import type { KnownSteps } from '#connector/queue/known-steps.ts';
import { SubBucketWatch } from '#connector/queue/sub-bucket-watch.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';
import { eventIn, offerAll, range, startPublisher, type TestPublisher } from './publisher-fleet.ts';

const STEPS = '{relax:events}:subbuckets';

const server = useRedis({ emptied: true });
const admin = server.useClient({ name: 'admin' });
const started: TestPublisher[] = [];
const start = async (): Promise<TestPublisher> => {
  const one = await startPublisher(server);
  started.push(one);
  return one;
};

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

describe('the marks of the last minute decide', () => {
  const NOW = async (): Promise<number> => Math.floor(Number((await admin.time())[0]) / 60);
  const FLOOR = 4;
  const watchOn = ({ redis, keys, known }: TestPublisher, more: { nowBucket?: number } = {}): SubBucketWatch =>
    new SubBucketWatch({
      redis,
      keys,
      known,
      contract: { bucketMs: 60_000, subBuckets: FLOOR },
      redisNowMs: () => (more.nowBucket ?? Math.floor(Date.now() / 60_000)) * 60_000,
      random: () => 0,
      log: silentLog,
    });
  /** Fresh from the same minute, so that neither the look nor the script sees the next one. */
  async function crowded(marks: number, family = 'dd'): Promise<{ pods: [TestPublisher, TestPublisher]; now: number }> {
    await waitFor(() => Date.now() % 60_000 < 50_000, { timeoutMs: 15_000 });
    const now = await NOW();
    await admin.set(STEPS, `0:${FLOOR}`);
    const pods: [TestPublisher, TestPublisher] = [await start(), await start()];
    for (const pod of pods) await offerAll(pod, [eventIn(now, 1), eventIn(now - 1, 1)]);
    for (const hash of range(0, FLOOR)) {
      const fields = Object.fromEntries(range(0, marks / FLOOR).map((n) => [`m${n}`, '1']));
      await admin.hset(`{relax:events}:${family}:${now - 1}:${hash}`, fields);
    }
    return { pods, now };
  }

  it.each(['dd', 'dd26'])('with more than 200 in each hash (%s), one step is added, whoever looks', async (family) => {
    const { pods, now } = await crowded(1_000, family);
    const [one, two] = pods.map((pod) => watchOn(pod, { nowBucket: now }));
    await Promise.all([one?.look(), two?.look()]);
    const steps = `0:${FLOOR},${now + 5}:8`;
    expect(await admin.get(STEPS)).toBe(steps);
    await offerAll(pods[0], [eventIn(now, 2)]);
    await offerAll(pods[1], [eventIn(now, 2)]);
    for (const watch of [one, two]) await watch?.look();
    expect(await admin.get(STEPS)).toBe(steps);
    const knownOf = ({ known }: { known: KnownSteps }): string => known.current.text;
    expect(pods.map(knownOf)).toEqual([steps, steps]);
  });

  it('none is added for a rate that fits', async () => {
    const { pods, now } = await crowded(700);
    await watchOn(pods[0], { nowBucket: now }).look();
    expect(await admin.get(STEPS)).toBe(`0:${FLOOR}`);
  });

  it('none is added by one that was stopped after it had measured', async () => {
    const { pods, now } = await crowded(1_000);
    // What it decided was for five minutes after this; by now that is past.
    await admin.rename(`{relax:events}:dd:${now - 1}:0`, `{relax:events}:dd:${now - 21}:0`);
    for (const hash of range(1, FLOOR)) {
      await admin.rename(`{relax:events}:dd:${now - 1}:${hash}`, `{relax:events}:dd:${now - 21}:${hash}`);
    }
    pods[0].known.takeNewestBucket();
    pods[0].known.noteBucket(now - 20);
    await watchOn(pods[0], { nowBucket: now - 20 }).look();
    expect(await admin.get(STEPS)).toBe(`0:${FLOOR}`);
  });

  it('none is added where events are ahead of the clock of Redis', async () => {
    const { pods, now } = await crowded(1_000);
    await offerAll(pods[0], [eventIn(now + 2, 1)]);
    await watchOn(pods[0], { nowBucket: now }).look();
    expect(await admin.get(STEPS)).toBe(`0:${FLOOR}`);
  });

  it('one that is behind adds none, and learns from its next batch', async () => {
    const { pods, now } = await crowded(1_000);
    await watchOn(pods[0], { nowBucket: now }).look();
    await watchOn(pods[1], { nowBucket: now }).look();
    expect(pods[1].known.current.text).toBe(`0:${FLOOR}`);
    await offerAll(pods[1], [eventIn(now, 9)]);
    expect(pods[1].known.current.text).toBe(await admin.get(STEPS));
  });
});
