import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import {
  event,
  expected,
  offerSlowly,
  settledAll,
  startPublisher,
  type TestPublisher,
  type TestPublisherOptions,
  textsOn,
} from './publisher-fleet.ts';

const server = useRedis({ lifetime: 'test' });
const admin = server.useClient({ name: 'admin' });
const started: TestPublisher[] = [];
const start = async (options: TestPublisherOptions = {}): Promise<TestPublisher> => {
  const one = await startPublisher(
    { url: `redis://app:pw@127.0.0.1:${server.port}` },
    { redisUser: 'app', ...options },
  );
  started.push(one);
  return one;
};
const acl = (...rules: string[]): Promise<unknown> => admin.call('ACL', 'SETUSER', 'app', ...rules);

beforeEach(async () => {
  await acl('on', '>pw', '~*', '&*', '+@all');
});
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

/** Two connectors that get every event, as in a fleet; a right is missing from the start of the second half. */
async function without(rules: string[], words: string[], options: TestPublisherOptions = {}): Promise<void> {
  const pods = [await start(options), await start(options)];
  const publishers = pods.map(({ publisher }) => publisher);
  await offerSlowly(publishers, 0, 500);
  await settledAll(publishers);
  await acl(...rules);
  await offerSlowly(publishers, 500, 1_000);
  const says = (text: string): boolean =>
    publishers.every((publisher) => publisher.faults().some((fault) => fault.includes(text)));
  await waitFor(() => words.every(says), { what: `faults that say ${words}`, timeoutMs: 10_000 });
  expect(await admin.llen('relax:events'), 'pushed without being markable').toBe(500);
  for (const publisher of publishers)
    expect(publisher.counts()).toMatchObject({ pending: 500, failed: { refused: 0 } });
  await acl('~*', '+@all');
  await settledAll(publishers);
  const texts = await textsOn(admin);
  expect(texts).toHaveLength(1_000);
  expect(new Set(texts)).toEqual(new Set(expected(0, 1_000)));
  for (const publisher of publishers) expect(publisher.faults()).toEqual([]);
  const marks = await Promise.all((await admin.keys('{relax:events}:dd:*')).map((key) => admin.hkeys(key)));
  expect(marks.flat().filter((field) => field.length !== 22 && field !== '?')).toEqual([]);
}

describe('without a permission no event is lost or duplicated, and readiness names what to grant', () => {
  it.each(['get', 'rpush', 'hmget', 'hset', 'hlen', 'time', 'evalsha'])('%s', async (command) => {
    await without([`-${command}`], [command, `ACL SETUSER app +${command}`]);
  });

  it('llen, by which a full queue is known', async () => {
    await without(['-llen'], ['ACL SETUSER app +llen'], { queueMax: 100_000 });
  });

  it('expire, which is used when the first mark of a minute comes, and once a minute after that', async () => {
    const pod = await start();
    await acl('-expire');
    await offerSlowly([pod.publisher], 0, 200);
    await waitFor(() => pod.publisher.faults().some((fault) => fault.includes('ACL SETUSER app +expire')));
    expect(await admin.llen('relax:events'), 'pushed without being markable').toBe(0);
    await acl('+expire');
    await settledAll([pod.publisher]);
    expect((await textsOn(admin)).sort()).toEqual(expected(0, 200).sort());
    for (const key of await admin.keys('{relax:events}:dd:*')) expect(await admin.ttl(key)).toBeGreaterThan(3_600);
  });

  it('hexists, which is used for events over Socket Mode', async () => {
    const pod = await start();
    const offer = (n: number): void => {
      const one = event(n);
      pod.publisher.offer(one.mark.kind === 'timed' ? { ...one, mark: { ...one.mark, delayed: false } } : one);
    };
    await acl('-hexists');
    for (let n = 0; n < 100; n++) offer(n);
    await waitFor(() => pod.publisher.faults().some((fault) => fault.includes('ACL SETUSER app +hexists')));
    expect(await admin.llen('relax:events'), 'pushed though it may be there').toBe(0);
    await acl('+hexists');
    await settledAll([pod.publisher]);
    expect((await textsOn(admin)).sort()).toEqual(expected(0, 100).sort());
  });

  it('eval, after the scripts were flushed', async () => {
    const pod = await start();
    await acl('-eval');
    await admin.script('FLUSH');
    await offerSlowly([pod.publisher], 0, 100);
    await waitFor(() => pod.publisher.faults().some((fault) => fault.includes('ACL SETUSER app +eval')));
    await acl('+eval');
    await settledAll([pod.publisher]);
    expect(await textsOn(admin)).toEqual(expected(0, 100));
  });

  it('the key of the queue', async () => {
    await without(['resetkeys', '~{relax:events}:*'], ['Redis ACL refuses a key', 'ACL SETUSER app ~']);
  });

  it('the keys of the marks', async () => {
    await without(['resetkeys', '~relax:events'], ['Redis ACL refuses a key', 'ACL SETUSER app ~']);
  });
});
