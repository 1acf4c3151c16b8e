import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectTo, type TestRedis, useRedis } from '#test/support/redis-fixture.ts';
import { TcpRelay } from '#test/support/tcp-relay.ts';
import { waitFor } from '#test/support/wait.ts';

const server = useRedis({ lifetime: 'test' });
let way: TcpRelay;
let redis: TestRedis;

beforeEach(async () => {
  way = await TcpRelay.start(server.port);
  redis = await connectTo(way);
});
afterEach(async () => {
  redis.disconnect();
  await way.stop();
});

describe('a command connection', () => {
  it('that vanished silently is given up and opened again', async () => {
    await redis.set('key', 'value');
    way.swallow();
    const startedAtMs = performance.now();
    await expect(redis.get('key')).rejects.toThrow('Command timed out');
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    await waitFor(async () => (await redis.get('key')) === 'value', { timeoutMs: 15_000, what: 'a new connection' });
  });

  it('that vanished while unused is opened again before anybody uses it', async () => {
    await redis.set('key', 'value');
    way.swallow();
    const startedAtMs = performance.now();
    await new Promise((resolve) => redis.once('close', resolve));
    expect(performance.now() - startedAtMs).toBeLessThan(7_800);
    await waitFor(() => redis.status === 'ready');
    const askedAtMs = performance.now();
    expect(await redis.get('key')).toBe('value');
    expect(performance.now() - askedAtMs).toBeLessThan(500);
  });

  it('that is idle and healthy stays open', async () => {
    let closed = false;
    redis.once('close', () => {
      closed = true;
    });
    const pings = async (): Promise<number> =>
      Number(/cmdstat_ping:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
    await waitFor(async () => (await pings()) >= 4, { everyMs: 500, timeoutMs: 15_000 });
    expect(closed).toBe(false);
  });

  it('fails at once, rather than queueing, while there is no connection', async () => {
    await server.kill();
    await waitFor(() => redis.status !== 'ready');
    const startedAtMs = performance.now();
    await expect(redis.get('key')).rejects.toThrow();
    expect(performance.now() - startedAtMs).toBeLessThan(500);
  });
});

describe('a transaction, and a batch', () => {
  it.each(['transaction', 'batch'] as const)('gives the answers in order: %s', async (together) => {
    await redis.set('text', 'value');
    await redis.hset('hash', 'a', '1', 'b', '2');
    expect(
      await redis[together]([
        ['get', 'text'],
        ['hgetall', 'hash'],
        ['hlen', 'hash'],
        ['get', 'none'],
      ]),
    ).toEqual(['value', { a: '1', b: '2' }, 2, null]);
  });

  it.each(['transaction', 'batch'] as const)('rejects with the error of a command in it: %s', async (together) => {
    await redis.set('text', 'value');
    const asked = redis[together]([
      ['get', 'text'],
      ['hgetall', 'text'],
    ]);
    await expect(asked).rejects.toThrow('WRONGTYPE');
  });
});

describe('a listener', () => {
  it('hears of each connection until it unsubscribes', async () => {
    let heard = 0;
    const end = redis.onReady(() => {
      heard += 1;
    });
    redis.reconnect();
    await waitFor(() => heard === 1 && redis.isReady);
    end();
    redis.reconnect();
    await waitFor(() => !redis.isReady);
    await waitFor(() => redis.isReady);
    expect(heard).toBe(1);
  });

  it('is told why there is no connection', async () => {
    const direct = await connectTo(server);
    const errors: string[] = [];
    direct.onError((error) => errors.push(error.message));
    await server.kill();
    await waitFor(() => errors.some((text) => text.includes('ECONNREFUSED')));
    expect(direct.isReady).toBe(false);
    direct.close();
  });
});
