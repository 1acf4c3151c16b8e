import { Cluster } from 'ioredis';
import type {
  BlockingRedis,
  LoneConnection,
  Redis,
  RedisCommand,
  RedisReplies,
  RedisSubscriber,
  Unsubscribe,
} from '#core/redis/redis.ts';

/** `Redis` on a Redis Cluster: that the interface is enough for one is what the tests of a Cluster show. */
export class ClusterClient extends Cluster implements Redis, RedisSubscriber, BlockingRedis {
  readonly user = 'default';

  constructor(ports: readonly number[]) {
    super(
      ports.map((port) => ({ host: '127.0.0.1', port })),
      {
        lazyConnect: true,
        enableOfflineQueue: false,
        // As on a single Redis: whoever calls decides what a lost answer means.
        retryDelayOnFailover: 0,
        retryDelayOnClusterDown: 100,
        clusterRetryStrategy: () => 100,
        slotsRefreshTimeout: 1_000,
        redisOptions: { commandTimeout: 4_000, connectTimeout: 1_000, autoResendUnfulfilledCommands: false },
      },
    );
    this.on('error', () => undefined);
  }

  get isReady(): boolean {
    return this.status === 'ready';
  }

  reconnect(): void {
    this.disconnect(true);
  }

  close(): void {
    this.disconnect();
  }

  onReady(listener: () => void): Unsubscribe {
    this.on('ready', listener);
    return () => this.off('ready', listener);
  }

  onError(listener: (error: Error) => void): Unsubscribe {
    this.on('error', listener);
    return () => this.off('error', listener);
  }

  onMessage(listener: (channel: string, message: string) => void): Unsubscribe {
    this.on('message', listener);
    return () => this.off('message', listener);
  }

  transaction<const C extends readonly RedisCommand[]>(commands: C): Promise<RedisReplies<C>> {
    return repliesOf(this.multi(commands.map((command) => [...command])).exec());
  }

  batch<const C extends readonly RedisCommand[]>(commands: C): Promise<RedisReplies<C>> {
    return repliesOf(this.pipeline(commands.map((command) => [...command])).exec());
  }

  clientKill(): Promise<number> {
    return Promise.reject(new Error('of no single server'));
  }

  dialOnce(): Promise<LoneConnection> {
    return Promise.reject(new Error('of no single server'));
  }
}

async function repliesOf<C extends readonly RedisCommand[]>(
  answers: Promise<[Error | null, unknown][] | null>,
): Promise<RedisReplies<C>> {
  const replies = ((await answers) ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
  return replies as RedisReplies<C>;
}
