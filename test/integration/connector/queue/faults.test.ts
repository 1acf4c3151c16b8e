import { afterEach, describe, expect, it } from 'vitest';
import { connectTo, useRedis } from '#test/support/redis-fixture.ts';
import { type RedisServer, startRedis } from '#test/support/redis-server.ts';
import { TcpRelay } from '#test/support/tcp-relay.ts';
import { waitFor } from '#test/support/wait.ts';
import {
  event,
  expected,
  offerSlowly,
  range,
  settledAll,
  startPublisher,
  type TestPublisher,
  type TestPublisherOptions,
  textsOn,
} from './publisher-fleet.ts';

const server = useRedis({ lifetime: 'test', appendOnly: true });
const admin = server.useClient({ name: 'admin' });
const others: RedisServer[] = [];
const started: TestPublisher[] = [];
const start = async (options?: TestPublisherOptions, on: Pick<RedisServer, 'url'> = server): Promise<TestPublisher> => {
  const one = await startPublisher(on, options);
  started.push(one);
  return one;
};
/** A second server, for a failover. */
const serve = async (...options: Parameters<typeof startRedis>): Promise<RedisServer> => {
  const one = await startRedis(...options);
  others.push(one);
  return one;
};

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
  for (const one of others.splice(0)) await one.stop();
});

const exactlyOnce = async (from: number, to: number): Promise<void> => {
  const texts = await textsOn(admin);
  expect(texts).toHaveLength(to - from);
  expect(new Set(texts)).toEqual(new Set(expected(from, to)));
};

/** Waits for the words, so that a fault that the test did not bring about fails it. */
const says = async (one: TestPublisher, words: string): Promise<void> => {
  await waitFor(() => one.publisher.faults().some((fault) => fault.includes(words)), {
    timeoutMs: 30_000,
    what: `the fault "${words}"`,
  });
};

describe('Redis fails in the middle, and every event still arrives exactly once', () => {
  it('killed with SIGKILL and started again', async () => {
    const pods = [await start(), await start()];
    const publishers = pods.map(({ publisher }) => publisher);
    const offers = offerSlowly(publishers, 0, 6_000);
    await waitFor(async () => (await admin.llen('relax:events')) > 500);
    await server.kill();
    await offers;
    expect(publishers.every((publisher) => publisher.counts().pending > 0)).toBe(true);
    await Promise.all(pods.map((pod) => says(pod, 'Redis has accepted no event for')));
    await server.restart();
    await settledAll(publishers);
    await waitFor(async () => (await admin.ping()) === 'PONG');
    await exactlyOnce(0, 6_000);
    expect(publishers.flatMap((publisher) => publisher.faults())).toEqual([]);
  });

  it('stopped for longer than a command timeout: the reply is lost, the batch has run', async () => {
    const pod = await start();
    await offerSlowly([pod.publisher], 0, 100);
    await settledAll([pod.publisher]);
    process.kill(server.pid, 'SIGSTOP');
    for (const n of range(100, 200)) pod.publisher.offer(event(n));
    await says(pod, 'no answer from Redis');
    process.kill(server.pid, 'SIGCONT');
    await settledAll([pod.publisher]);
    expect(await textsOn(admin)).toEqual(expected(0, 200));
    // The batches that timed out ran once Redis woke up; only its marks kept the retry from the queue.
    const { duplicate, queued } = pod.publisher.counts();
    expect([duplicate >= 50, duplicate + queued]).toEqual([true, 200]);
  });

  it('connections cut again and again', async () => {
    const pods = [await start(), await start()];
    const publishers = pods.map(({ publisher }) => publisher);
    let offering = true;
    let cuts = 0;
    const cutter = (async () => {
      while (offering) {
        cuts += Number(await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    })();
    await offerSlowly(publishers, 0, 5_000);
    offering = false;
    await cutter;
    await settledAll(publishers);
    expect(cuts).toBeGreaterThan(2);
    await exactlyOnce(0, 5_000);
  });

  it('scripts flushed', async () => {
    const { publisher } = await start();
    for (const at of range(0, 10)) {
      await admin.script('FLUSH');
      await offerSlowly([publisher], at * 100, at * 100 + 100);
      await settledAll([publisher]);
    }
    expect(await textsOn(admin)).toEqual(expected(0, 1_000));
    expect(publisher.counts().duplicate).toBe(0);
  });
});

describe('a refusal by Redis is explained, and events flow again once somebody has fixed it', () => {
  it('out of memory', async () => {
    const pod = await start();
    await offerSlowly([pod.publisher], 0, 100);
    await settledAll([pod.publisher]);
    await admin.config('SET', 'maxmemory', '1mb');
    await offerSlowly([pod.publisher], 100, 300);
    await says(pod, 'OOM');
    expect(pod.publisher.counts()).toMatchObject({ queued: 100, pending: 200 });
    await admin.config('SET', 'maxmemory', '0');
    await settledAll([pod.publisher]);
    expect(await textsOn(admin)).toEqual(expected(0, 300));
    expect(pod.publisher.faults()).toEqual([]);
  });

  it('another type under the name of the queue', async () => {
    await admin.set('relax:events', 'mine');
    const pod = await start();
    await offerSlowly([pod.publisher], 0, 120);
    await says(pod, 'another type');
    const marks = await admin.keys('{relax:events}:dd*');
    for (const key of marks) expect(await admin.hkeys(key), 'marked without a push').toEqual(['?']);
    await admin.rename('relax:events', 'elsewhere');
    await settledAll([pod.publisher]);
    expect(await textsOn(admin)).toEqual(expected(0, 120));
  });

  it('a read-only replica that becomes the primary', async () => {
    const replica = await serve({ args: ['--replicaof', '127.0.0.1', String(server.port)] });
    const onReplica = await connectTo(replica, { name: 'admin' });
    try {
      await waitFor(async () => (await onReplica.info('replication')).includes('master_link_status:up'));
      const pod = await start({}, replica);
      await offerSlowly([pod.publisher], 0, 120);
      await says(pod, 'read-only replica');
      expect(pod.publisher.counts()).toMatchObject({ queued: 0, pending: 120 });
      await onReplica.replicaof('NO', 'ONE');
      await settledAll([pod.publisher]);
      expect(await textsOn(onReplica)).toEqual(expected(0, 120));
    } finally {
      onReplica.disconnect();
    }
  });

  it('a primary that became a replica, while its address is the new primary’s: it is dialed again', async () => {
    const successor = await serve();
    const onSuccessor = await connectTo(successor, { name: 'admin' });
    const address = await TcpRelay.start(server.port);
    try {
      const pod = await start({}, address);
      await offerSlowly([pod.publisher], 0, 10);
      await settledAll([pod.publisher]);
      address.leadTo(successor.port);
      await admin.replicaof('127.0.0.1', String(successor.port));
      await offerSlowly([pod.publisher], 10, 120);
      await settledAll([pod.publisher]);
      expect(await textsOn(onSuccessor)).toEqual(expected(10, 120));
      expect(pod.publisher.faults()).toEqual([]);
    } finally {
      onSuccessor.disconnect();
      await address.stop();
    }
  });

  it('too few replicas', async () => {
    const pod = await start();
    await admin.config('SET', 'min-replicas-to-write', '1');
    await offerSlowly([pod.publisher], 0, 60);
    await says(pod, 'NOREPLICAS');
    await admin.config('SET', 'min-replicas-to-write', '0');
    await settledAll([pod.publisher]);
    expect(await textsOn(admin)).toEqual(expected(0, 60));
  });

  it('another type under the fence', async () => {
    const pod = await start();
    await admin.set(pod.keys.fence, 'mine');
    await offerSlowly([pod.publisher], 0, 60);
    await says(pod, 'fence');
    await admin.del(pod.keys.fence);
    await settledAll([pod.publisher]);
    expect(await textsOn(admin)).toEqual(expected(0, 60));
  });
});

describe('one bad key', () => {
  it('fails only the events that need it', async () => {
    const words: string[] = [];
    const pod = await start({ observer: { refused: (text) => words.push(text) } });
    pod.publisher.offer(event(0));
    await settledAll([pod.publisher]);
    const [mark = ''] = await admin.keys('{relax:events}:dd:*');
    await admin.flushall();
    await admin.set(mark, 'mine');
    for (const n of range(0, 50)) pod.publisher.offer(event(n));
    await settledAll([pod.publisher]);
    const { queued, failed } = pod.publisher.counts();
    expect(failed.refused).toBeGreaterThan(0);
    expect(failed.refused).toBeLessThan(10);
    expect(queued + failed.refused).toBe(51);
    expect(await textsOn(admin)).not.toContain('event 0');
    expect(await admin.llen('relax:events')).toBe(50 - failed.refused);
    expect(words[0]).toContain('mark key holds another type');
    expect(pod.publisher.faults()).toEqual([]);
  });
});
