import { afterEach, describe, expect, it } from 'vitest';
import { disableBot } from '#connector/event/normalize.ts';
import { fenceField } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { sourceOf } from '#test/unit/connector/event/source.ts';
import {
  event,
  eventOf,
  expected,
  inChannelOrder,
  offerSlowly,
  range,
  settledAll,
  startPublisher,
  type TestPublisher,
  type TestPublisherOptions,
  textsOn,
} from './publisher-fleet.ts';

const server = useRedis({ emptied: true });
const admin = server.useClient({ name: 'admin' });
const started: TestPublisher[] = [];
const start = async (options?: TestPublisherOptions): Promise<TestPublisher> => {
  const one = await startPublisher(server, options);
  started.push(one);
  return one;
};

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

describe('one queue for many connectors', () => {
  it('receives 10,000 events exactly once when two publishers offer each of them twice', async () => {
    const publishers = [(await start()).publisher, (await start()).publisher];
    const work = publishers.map(async (publisher) => {
      await offerSlowly([publisher], 0, 10_000);
      await offerSlowly([publisher], 0, 10_000);
    });
    await Promise.all(work);
    await settledAll(publishers);
    const texts = await textsOn(admin);
    expect(texts).toHaveLength(10_000);
    expect(new Set(texts)).toEqual(new Set(expected(0, 10_000)));
    const counts = publishers.map((publisher) => publisher.counts());
    expect(counts.map(({ offered, queued, duplicate }) => [offered, queued + duplicate])).toEqual([
      [20_000, 20_000],
      [20_000, 20_000],
    ]);
    expect(counts.reduce((sum, { queued }) => sum + queued, 0)).toBe(10_000);
  });

  it('keeps the order of each channel in which one publisher offered', async () => {
    const { publisher } = await start();
    await offerSlowly([publisher], 0, 1_000);
    await settledAll([publisher]);
    expect(await textsOn(admin)).toEqual(expected(0, 1_000));
  });

  it('receives untimed events once, on whichever side of a minute the first copy came, and again when they recur', async () => {
    let nowMs = Date.UTC(2026, 10, 24, 8, 30, 59, 900);
    const early = (await start({ redisNowMs: () => nowMs })).publisher;
    const late = (await start({ redisNowMs: () => nowMs + 30_000 })).publisher;
    const joined = eventOf({ type: 'channel_joined', channel: { id: 'C9', name: 'nine' } });
    for (const [round, course] of [
      [early, late],
      [late, early],
      [early, early],
    ].entries()) {
      for (const publisher of course) {
        publisher.offer(joined);
        await settledAll([publisher]);
      }
      expect(await admin.llen('relax:events')).toBe(round + 1);
      nowMs += 240_000;
    }
  });

  it('receives disable_bot once for a refused token, with a mark of 30 days', async () => {
    const publishers = [(await start()).publisher, (await start()).publisher];
    for (const publisher of publishers) publisher.offer(disableBot(sourceOf(), 'invalid_auth', Date.now()));
    await settledAll(publishers);
    expect(await admin.llen('relax:events')).toBe(1);
    const [key = ''] = await admin.keys('{relax:events}:dd:own:*');
    expect(await admin.ttl(key)).toBeGreaterThan(29 * 86_400);
  });

  it('leaves nothing but the queue, the steps of its dedupe memory and compact marks that expire', async () => {
    const { publisher } = await start();
    for (const n of range(0, 3_000)) publisher.offer(event(n));
    await settledAll([publisher]);
    const keys = await admin.keys('*');
    const marks = keys.filter((key) => !['relax:events', '{relax:events}:subbuckets'].includes(key));
    expect(await admin.get('{relax:events}:subbuckets')).toBe('0:64');
    expect(marks.length).toBeGreaterThan(60);
    for (const key of marks) {
      expect(key).toMatch(/^\{relax:events\}:dd:\d+:\d+$/);
      expect(await admin.object('ENCODING', key)).toBe('listpack');
      const ttl = await admin.ttl(key);
      expect(ttl).toBeGreaterThan(3_600);
      expect(ttl).toBeLessThanOrEqual(3_660);
    }
    const fields = (await Promise.all(marks.map((key) => admin.hkeys(key)))).flat();
    expect(fields.filter((field) => field !== '?')).toHaveLength(3_000);
  });

  it('renews the life of a bucket with a mark that comes a minute or more after the last renewal', async () => {
    const { publisher } = await start();
    const message = (channel: string): void =>
      publisher.offer(eventOf({ type: 'message', channel, user: 'U1', text: channel, ts: '1700000000.000001' }));
    message('C1');
    await settledAll([publisher]);
    const [key = ''] = await admin.keys('{relax:events}:dd:*');
    const nowSeconds = Number((await admin.time())[0]);
    const renewAt = Number(await admin.hget(key, '?'));
    expect(renewAt).toBeGreaterThan(nowSeconds + 50);
    expect(renewAt).toBeLessThanOrEqual(nowSeconds + 60);
    // A minute later.
    await admin.hset(key, '?', nowSeconds);
    await admin.expire(key, 3_590);
    for (const n of range(0, 640)) message(`D${n}`);
    await settledAll([publisher]);
    expect(await admin.hlen(key)).toBeGreaterThan(2);
    expect(await admin.ttl(key)).toBeGreaterThan(3_600);
    expect(Number(await admin.hget(key, '?'))).toBeGreaterThanOrEqual(renewAt);
  });

  it('gives a life to a bucket that a connector of an earlier version has made, or one whose Redis was emptied', async () => {
    const { publisher } = await start();
    const offer = (): void => publisher.offer(eventOf({ type: 'message', channel: 'C1', ts: '1700000000.000001' }));
    offer();
    await settledAll([publisher]);
    const [key = ''] = await admin.keys('{relax:events}:dd:*');
    for (const left of [{}, { another: '1' }, { another: '1', '?': '1' }]) {
      await admin.flushall();
      if ('another' in left) await admin.hset(key, left);
      offer();
      await settledAll([publisher]);
      expect(await admin.ttl(key)).toBeGreaterThan(3_600);
    }
  });
});

describe('the fence', () => {
  const field = fenceField('c1', 'uid-1');

  it('refuses events of generations up to its own from the moment it is set, and no others', async () => {
    const { publisher, keys } = await start();
    await offerSlowly([publisher], 0, 200);
    await settledAll([publisher]);
    await admin.hset(keys.fence, field, 1);
    await offerSlowly([publisher], 200, 400);
    publisher.offer(event(400, { ownerUid: 'another' }));
    publisher.offer(event(401, { cluster: 'c2' }));
    publisher.offer(event(402, { generation: 2 }));
    await settledAll([publisher]);
    expect(await textsOn(admin)).toEqual([...expected(0, 200), ...expected(400, 403)]);
    expect(publisher.counts()).toMatchObject({ queued: 203, fenced: 200 });
  });

  it('leaves no mark for what it refused, so that a resumed bot still gets it', async () => {
    const { publisher, keys } = await start();
    await admin.hset(keys.fence, field, 5);
    publisher.offer(event(1, { generation: 5 }));
    await settledAll([publisher]);
    await admin.hdel(keys.fence, field);
    publisher.offer(event(1, { generation: 5 }));
    await settledAll([publisher]);
    expect(publisher.counts()).toMatchObject({ fenced: 1, queued: 1 });
  });

  it('that holds no number refuses nothing', async () => {
    const { publisher, keys } = await start();
    await admin.hset(keys.fence, field, 'what?');
    publisher.offer(event(1));
    await settledAll([publisher]);
    expect(publisher.counts()).toMatchObject({ queued: 1 });
  });
});

describe('a queue at RELAX_QUEUE_MAX', () => {
  it('grows no further, says so, and continues in the order of each channel as consumers take items', async () => {
    const { publisher } = await start({ queueMax: 110 });
    await offerSlowly([publisher], 0, 180);
    await waitFor(() => publisher.faults().length > 0);
    expect(publisher.faults()).toEqual([expect.stringContaining('RELAX_QUEUE_MAX')]);
    expect(await admin.llen('relax:events')).toBe(110);
    publisher.offer(event(5));
    const taken = (await admin.lpop('relax:events', 80)) ?? [];
    await settledAll([publisher]);
    const texts = [...taken.map((payload) => JSON.parse(payload).text), ...(await textsOn(admin))];
    expect(inChannelOrder(texts)).toEqual(expected(0, 180));
    expect(publisher.faults()).toEqual([]);
    expect(publisher.counts()).toMatchObject({ queued: 180, duplicate: 1 });
  });
});
