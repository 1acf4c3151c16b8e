import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { NormalizedEvent } from '#connector/event/normalize.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import {
  eventIn,
  offerAll,
  range,
  settledAll,
  startPublisher,
  type TestPublisher,
  type TestPublisherOptions,
  textsOn,
} from './publisher-fleet.ts';

const STEPS = '{relax:events}:subbuckets';
/** A step begins here in these tests. */
const FROM = 28_400_000;
const STEPPED = `0:64,${FROM}:1024`;

const server = useRedis({ lifetime: 'test', appendOnly: true });
const admin = server.useClient({ name: 'admin' });
const started: TestPublisher[] = [];
const start = async (options: TestPublisherOptions = {}): Promise<TestPublisher> => {
  const one = await startPublisher(server, options);
  started.push(one);
  return one;
};

const delayed = (one: NormalizedEvent, for26Hours: boolean): NormalizedEvent =>
  one.mark.kind === 'timed' ? { ...one, mark: { ...one.mark, delayed: for26Hours } } : one;
const around = range(FROM - 2, FROM + 3);
const eventsAround = around.flatMap((bucket) => range(0, 40).map((n) => eventIn(bucket, n)));
const textsAround = around.flatMap((bucket) => range(0, 40).map((n) => `${bucket}/${n}`)).sort();
const hashesOf = async (bucket: number, family = 'dd'): Promise<number[]> =>
  (await admin.keys(`{relax:events}:${family}:${bucket}:*`)).map((key) => Number(key.split(':').at(-1)));

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

describe('copies of an event find each other, whatever each connector knows of the steps', () => {
  it('one that learned of a step and one that did not: each is queued once, by both', async () => {
    const [one, two] = [await start(), await start()];
    await offerAll(one, [eventIn(FROM - 3, 0)]);
    await offerAll(two, [eventIn(FROM - 3, 1)]);
    await admin.set(STEPS, STEPPED);
    await offerAll(one, eventsAround);
    await offerAll(two, eventsAround);
    expect((await textsOn(admin)).slice(2).sort()).toEqual(textsAround);
    expect(one.publisher.counts()).toMatchObject({ queued: 201 });
    expect(two.publisher.counts()).toMatchObject({ queued: 1, duplicate: 200 });
    expect([one.known.current.text, two.known.current.text]).toEqual([STEPPED, STEPPED]);
    expect(Math.max(...(await hashesOf(FROM - 1)))).toBeLessThan(64);
    expect(Math.max(...(await hashesOf(FROM)))).toBeGreaterThan(64);
  });

  it('one that was stopped while the step was added, with its batch made and not yet sent', async () => {
    const [stopped, other] = [await start(), await start()];
    await offerAll(stopped, [eventIn(FROM - 3, 0)]);
    const evalsha = stopped.redis.evalsha.bind(stopped.redis);
    const goesOn = Promise.withResolvers<void>();
    let held = 0;
    const late = async (sha: string, count: number, ...rest: (string | number)[]): Promise<unknown> => {
      held += 1;
      await goesOn.promise;
      return await evalsha(sha, count, ...rest);
    };
    stopped.redis.evalsha = late as typeof evalsha;
    for (const one of eventsAround) stopped.publisher.offer(one);
    await waitFor(() => held > 0);
    await admin.set(STEPS, STEPPED);
    other.known.take(STEPPED);
    await offerAll(other, eventsAround);
    goesOn.resolve();
    await settledAll([stopped.publisher]);
    expect((await textsOn(admin)).slice(1).sort()).toEqual(textsAround);
    expect(stopped.publisher.counts()).toMatchObject({ queued: 1, duplicate: 200 });
  });

  it('copies of events without a time, which look in the buckets beside their own', async () => {
    const untimed = range(0, 100).map((n) => eventIn(1, n, { mark: { kind: 'untimed' } }));
    const at = (bucket: number): TestPublisherOptions => ({ redisNowMs: () => bucket * 60_000 });
    await admin.set(STEPS, `0:64,${FROM}:1024,${FROM + 1}:3`);
    const early = await start(at(FROM - 1));
    const middle = await start(at(FROM));
    const late = await start(at(FROM + 1));
    await offerAll(middle, untimed);
    await offerAll(early, untimed);
    await offerAll(late, untimed);
    expect(await admin.llen('relax:events')).toBe(100);
    expect(Math.max(...(await hashesOf(FROM)))).toBeGreaterThan(64);
  });

  it('marks that live for a day, and copies that say otherwise', async () => {
    await admin.set(STEPS, STEPPED);
    const [one, two] = [await start(), await start()];
    const events = eventsAround.map((each, n) => delayed(each, n % 2 === 0));
    const copies = eventsAround.map((each, n) => delayed(each, n % 3 === 0));
    await offerAll(one, events);
    await offerAll(two, copies);
    expect((await textsOn(admin)).sort()).toEqual(textsAround);
    expect(Math.max(...(await hashesOf(FROM, 'dd26')))).toBeGreaterThan(64);
    expect(Math.max(...(await hashesOf(FROM - 1, 'dd26')))).toBeLessThan(64);
    const [key = ''] = await admin.keys(`{relax:events}:dd26:${FROM}:*`);
    expect(await admin.ttl(key)).toBeGreaterThan(26 * 3_600);
  });

  it('the order stays, also of batches that are placed anew', async () => {
    const { publisher } = await start();
    const events = range(0, 600).map((n) => eventIn(FROM + Math.floor(n / 100), n));
    let steps = '0:64';
    for (const [n, one] of events.entries()) {
      publisher.offer(one);
      if (n % 100 === 99) {
        steps = `${steps},${FROM + Math.ceil(n / 100)}:${n}`;
        await admin.set(STEPS, steps);
      }
      if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await settledAll([publisher]);
    const channelOf = (text: string): number => Number(text.split('/')[1]) % 7;
    const texts = await textsOn(admin);
    for (const channel of range(0, 7)) {
      const of = events.map(({ item }) => item.text ?? '').filter((text) => channelOf(text) === channel);
      expect(texts.filter((text) => channelOf(text) === channel)).toEqual(of);
    }
  });

  it('whenever steps are added, in whatever order they are read: each once', async () => {
    const reader = fc.record({ who: fc.nat({ max: 2 }), bucket: fc.nat({ max: 9 }), from: fc.nat({ max: 30 }) });
    const script = fc.array(fc.oneof({ weight: 5, arbitrary: reader }, fc.constantFrom(128, 1, 4_096)), {
      minLength: 5,
      maxLength: 25,
    });
    const pods = [await start(), await start(), await start()];
    await fc.assert(
      fc.asyncProperty(script, async (acts) => {
        await admin.flushall();
        await admin.set(STEPS, '0:64');
        const offered = new Set<string>();
        let steps = '0:64';
        let from = FROM;
        for (const act of acts) {
          if (typeof act === 'number') {
            // Not for a bucket that has a mark already; the rule that ensures it is `nextStep`.
            steps = `${steps},${from}:${act}`;
            await admin.set(STEPS, steps);
            pods[act % 3]?.known.take(steps);
            from += 1;
            continue;
          }
          const bucket = from - 8 + act.bucket;
          for (const n of range(act.from, act.from + 20)) {
            pods[act.who]?.publisher.offer(eventIn(bucket, n));
            offered.add(`${bucket}/${n}`);
          }
          from = Math.max(from, bucket + 1);
          if (act.from % 2 === 0) await settledAll(pods.map(({ publisher }) => publisher));
        }
        await settledAll(pods.map(({ publisher }) => publisher));
        expect((await textsOn(admin)).sort()).toEqual([...offered].sort());
      }),
      { numRuns: 15 },
    );
  });
});

describe('what Redis has of the steps is right, also when it is less than before', () => {
  it('restarted: the steps are there as the marks are', async () => {
    // Otherwise Redis keeps up to 2 s back while the disk is busy, marks and steps alike.
    await admin.config('SET', 'appendfsync', 'always');
    const one = await start();
    await offerAll(one, [eventIn(FROM, 1_000)]);
    await admin.set(STEPS, STEPPED);
    await offerAll(one, eventsAround);
    await server.restart();
    await waitFor(async () => (await admin.ping()) === 'PONG');
    const fresh = await start();
    await offerAll(fresh, eventsAround);
    await offerAll(one, eventsAround);
    expect(await admin.llen('relax:events')).toBe(201);
    expect(fresh.publisher.counts()).toMatchObject({ queued: 0, duplicate: 200 });
  });

  it('a replica took over that lacks the newest step, and so every mark that was placed by it', async () => {
    const [one, two] = [await start(), await start()];
    await admin.set(STEPS, STEPPED);
    await offerAll(one, eventsAround);
    // As the replica has it.
    await admin.flushall();
    await admin.set(STEPS, '0:64');
    await offerAll(two, eventsAround);
    await offerAll(one, eventsAround);
    expect((await textsOn(admin)).sort()).toEqual(textsAround);
    expect([one.known.current.text, two.known.current.text]).toEqual(['0:64', '0:64']);
  });

  it('emptied: the first that comes says what it knows, and all others take that', async () => {
    const [one, two] = [await start(), await start()];
    await admin.set(STEPS, STEPPED);
    await offerAll(one, [eventIn(FROM, 1_000)]);
    await admin.flushall();
    await offerAll(one, eventsAround);
    await offerAll(two, eventsAround);
    expect(await admin.get(STEPS)).toBe(STEPPED);
    expect((await textsOn(admin)).sort()).toEqual(textsAround);
  });

  it('deleted by somebody: a connector that is at work writes it again, and no mark is out of place', async () => {
    const [one, two] = [await start(), await start()];
    await admin.set(STEPS, STEPPED);
    await offerAll(one, eventsAround);
    await admin.del(STEPS);
    await offerAll(one, [eventIn(FROM, 1_000)]);
    await offerAll(two, eventsAround);
    expect(await admin.get(STEPS)).toBe(STEPPED);
    expect(await admin.llen('relax:events')).toBe(201);
  });

  it.each(['0:64,nonsense', ''])(
    'nothing that Relax writes ("%s"): events wait, and readiness says why',
    async (text) => {
      const one = await start();
      await offerAll(one, [eventIn(FROM, 1_000)]);
      await admin.set(STEPS, text);
      for (const each of eventsAround) one.publisher.offer(each);
      const words = `${STEPS} holds "${text}"`;
      await waitFor(() => one.publisher.faults().some((fault) => fault.includes(words)), { timeoutMs: 10_000 });
      expect(one.publisher.counts()).toMatchObject({ queued: 1, pending: 200 });
      await admin.del(STEPS);
      await settledAll([one.publisher]);
      expect(await admin.llen('relax:events')).toBe(201);
    },
  );

  it('a key of another type: the same', async () => {
    const one = await start();
    await admin.rpush(STEPS, 'x');
    one.publisher.offer(eventIn(FROM, 1));
    const words = 'another type';
    await waitFor(() => one.publisher.faults().some((fault) => fault.includes(words)), { timeoutMs: 10_000 });
    await admin.del(STEPS);
    await settledAll([one.publisher]);
    expect(one.publisher.counts()).toMatchObject({ queued: 1 });
  });
});
