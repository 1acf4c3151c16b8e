import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Log } from '#core/process/log.ts';
import { IoredisClient } from '#core/redis/ioredis-client.ts';
import type { RedisRole } from '#core/redis/redis.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from './redis-server.ts';
import { silentLog } from './silent-log.ts';

/** What the programs use, and every other command too. */
export type TestRedis = IoredisClient;

export interface ConnectOptions {
  role?: RedisRole;
  /** What the server calls the connection. */
  name?: string;
  log?: Log;
  passwordFile?: string;
}

export interface RedisFixtureOptions extends RedisServerOptions {
  /** One server for the tests of a file (or of a `describe`), or a new one for each test. */
  lifetime?: 'file' | 'test';
  /** Each test begins with an empty server. */
  emptied?: boolean;
}

/** A server that runs while the tests run; all that is connected through it ends with it. */
export interface RedisFixture extends Omit<RedisServer, 'stop'> {
  /** One more connection, for a hook or a test. */
  connect(options?: ConnectOptions): Promise<TestRedis>;
  /** A connection that is there whenever the server is: declared once, at the top of a file or of a `describe`. */
  useClient(options?: ConnectOptions): TestRedis;
}

/** Connects as the programs do, in silence. Whoever calls this disconnects. */
export async function connectTo(server: Pick<RedisServer, 'url'>, options: ConnectOptions = {}): Promise<TestRedis> {
  const { role = 'command', name = 'test', passwordFile, log = silentLog } = options;
  const redis = new IoredisClient(
    { url: server.url, username: undefined, passwordFile, caFile: undefined },
    role,
    name,
    log,
  );
  await redis.connect().catch((error: unknown) => {
    redis.close();
    throw error;
  });
  return redis;
}

/** Call it first: hooks end in reverse order, so what uses Redis has stopped before the server goes. */
export function useRedis({ lifetime = 'file', emptied = false, ...options }: RedisFixtureOptions = {}): RedisFixture {
  const [before, after] = lifetime === 'test' ? [beforeEach, afterEach] : [beforeAll, afterAll];
  const connections: TestRedis[] = [];
  let server: RedisServer | undefined;
  const running = (): RedisServer => {
    if (server === undefined) throw new Error('this Redis runs in hooks and tests only');
    return server;
  };
  const connect = async (connectOptions?: ConnectOptions): Promise<TestRedis> => {
    const redis = await connectTo(running(), connectOptions);
    connections.push(redis);
    return redis;
  };

  before(async () => {
    server = await startRedis(options);
  });
  after(async () => {
    for (const redis of connections.splice(0)) redis.close();
    await server?.stop();
    server = undefined;
  });
  if (emptied) {
    beforeEach(async () => {
      const redis = await connectTo(running());
      await redis.flushall();
      redis.close();
    });
  }

  return {
    get url() {
      return running().url;
    },
    get port() {
      return running().port;
    },
    get pid() {
      return running().pid;
    },
    kill: () => running().kill(),
    restart: () => running().restart(),
    connect,
    useClient: (connectOptions) => {
      let current: TestRedis | undefined;
      before(async () => {
        current = await connect(connectOptions);
      });
      return standInFor(() => {
        if (current === undefined) throw new Error('this connection is there in hooks and tests only');
        return current;
      });
    },
  };
}

/** Names a connection before the hook that makes it has run. */
function standInFor(current: () => TestRedis): TestRedis {
  return new Proxy({} as TestRedis, {
    get: (_none, property) => {
      const redis = current();
      const value: unknown = Reflect.get(redis, property);
      return typeof value === 'function' ? value.bind(redis) : value;
    },
    // A test may put a faulty command in place of a real one.
    set: (_none, property, value) => Reflect.set(current(), property, value),
  });
}
