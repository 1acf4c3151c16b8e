import { createServer, connect as dial, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Redis } from '#core/redis/redis.ts';
import { connectTo, useRedis } from '#test/support/redis-fixture.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { waitFor } from '#test/support/wait.ts';

/** A way to Redis on which everything can vanish without a word, as when a firewall forgets a connection. */
interface Way {
  port: number;
  /** What is connected now is swallowed from here on, both ways; a new connection works. */
  swallow(): void;
  stop(): void;
}

async function wayTo(server: Pick<RedisServer, 'port'>): Promise<Way> {
  const ends = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = dial(server.port, '127.0.0.1');
    for (const end of [near, far]) {
      ends.add(end);
      end.on('error', () => end.destroy());
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    swallow() {
      for (const end of ends) end.unpipe().resume();
    },
    stop() {
      proxy.close();
      for (const end of ends) end.destroy();
    },
  };
}

const server = useRedis({ lifetime: 'test' });
let way: Way;
let redis: Redis;

beforeEach(async () => {
  way = await wayTo(server);
  redis = await connectTo({ url: `redis://127.0.0.1:${way.port}` });
});
afterEach(() => {
  redis.disconnect();
  way.stop();
});

describe('a command connection', () => {
  it('that vanished without a word is given up and made anew', async () => {
    await redis.set('key', 'value');
    way.swallow();
    const startedAtMs = performance.now();
    await expect(redis.get('key')).rejects.toThrow('Command timed out');
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    await waitFor(async () => (await redis.get('key')) === 'value', { timeoutMs: 15_000, what: 'a new connection' });
  });

  it('that vanished while nobody used it is made anew before anybody does', async () => {
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

  it('that is idle and well stays as it is', async () => {
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
