import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { Redis as Ioredis, type RedisOptions } from 'ioredis';
import { errorText, type Log } from '../process/log.ts';
import { COMMAND_TIMEOUT_MS, isReadOnly } from './fault.ts';
import type {
  BlockingRedis,
  LoneConnection,
  Redis,
  RedisCommand,
  RedisOfRole,
  RedisReplies,
  RedisRole,
  RedisSettings,
  RedisSubscriber,
  Unsubscribe,
} from './redis.ts';

/**
 * A connection without an answer for this long is reopened. Otherwise a connection that a firewall has forgotten, or whose
 * server is gone after a failover, would swallow commands until TCP gives up a quarter of an hour later. It is longer than a
 * command may take, so that the answer of a slow Redis is still read.
 */
const SILENCE_MS = 5_000;
/**
 * An idle connection is pinged, so that a cut is found before the next event rather than by it. This also keeps firewalls
 * and proxies from forgetting the connection.
 */
const PROBE_MS = 2_000;
const RECONNECT_CAP_MS = 2_000;

export function connectRedis<R extends RedisRole>(
  settings: RedisSettings,
  role: R,
  name: string,
  log: Log,
): RedisOfRole[R] {
  return new IoredisClient(settings, role, name, log);
}

/** The only file that knows the package `ioredis`, whose commands already have the shape that `Redis` declares. */
export class IoredisClient extends Ioredis implements Redis, RedisSubscriber, BlockingRedis {
  constructor(settings: RedisSettings, role: RedisRole, name: string, log: Log) {
    super(settings.url, { ...optionsOf(settings, role, name), replyMapping: 'legacy' });
    this.#tell(role, log);
    if (role === 'command') this.#probe();
    if (settings.passwordFile !== undefined) this.#followPassword(settings.passwordFile, log);
  }

  get isReady(): boolean {
    return this.status === 'ready';
  }

  get user(): string {
    return this.options.username ?? 'default';
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
    return repliesOf(commands, this.multi(commands.map((command) => [...command])).exec());
  }

  batch<const C extends readonly RedisCommand[]>(commands: C): Promise<RedisReplies<C>> {
    return repliesOf(commands, this.pipeline(commands.map((command) => [...command])).exec());
  }

  async clientKill(type: 'normal'): Promise<number> {
    return Number(await this.client('KILL', 'TYPE', type.toUpperCase() as 'NORMAL'));
  }

  async dialOnce(): Promise<LoneConnection> {
    const connection = this.duplicate({ retryStrategy: () => null, lazyConnect: true });
    connection.on('error', () => undefined);
    try {
      await connection.connect();
      await connection.ping();
    } catch (error) {
      connection.disconnect();
      throw error;
    }
    return {
      configGet: async (name) => {
        const answer: unknown = await connection.config('GET', name);
        return Array.isArray(answer) && answer.length > 1 ? String(answer[1]) : undefined;
      },
      takeSocket: (): Duplex => {
        // The client knows of no command that what comes now could be the answer to.
        connection.stream.removeAllListeners('data');
        return connection.stream;
      },
      close: () => connection.disconnect(),
    };
  }

  /** ioredis repeats the same error at each attempt; people need it once per cause. */
  #tell(role: RedisRole, log: Log): void {
    let lastError = '';
    this.onError((error) => {
      const text = errorText(error);
      if (text !== lastError) log.warn({ role, error: text }, 'Redis connection failed, retrying');
      lastError = text;
    });
    this.onReady(() => {
      if (lastError !== '') log.info({ role }, 'Redis connection restored');
      lastError = '';
    });
  }

  /** Says nothing: what a lost answer means is `SILENCE_MS`' business. */
  #probe(): void {
    let timer: NodeJS.Timeout | undefined;
    this.on('ready', () => {
      clearInterval(timer);
      timer = setInterval(() => void this.ping().catch(() => undefined), PROBE_MS);
    });
    this.on('close', () => clearInterval(timer));
  }

  #followPassword(file: string, log: Log): void {
    let lastError = '';
    this.on('reconnecting', () => {
      try {
        this.options.password = readPassword(file);
        lastError = '';
      } catch (error) {
        // The Secret is being replaced. The last password may still work, and if not, Redis says so.
        const text = errorText(error);
        if (text !== lastError)
          log.warn({ error: text }, 'could not read RELAX_REDIS_PASSWORD_FILE, keeping the last password');
        lastError = text;
      }
    });
  }
}

function optionsOf(settings: RedisSettings, role: RedisRole, name: string): RedisOptions {
  const options: RedisOptions = {
    connectionName: `relax-${name}-${role}`,
    connectTimeout: COMMAND_TIMEOUT_MS,
    enableOfflineQueue: role === 'subscriber',
    maxRetriesPerRequest: role === 'subscriber' ? null : 0,
    autoResendUnfulfilledCommands: false,
    reconnectOnError: isReadOnly,
    enableAutoPipelining: false,
    retryStrategy: (attempt) => Math.round(Math.min(RECONNECT_CAP_MS, 50 * 2 ** attempt) * (0.5 + Math.random() / 2)),
    lazyConnect: true,
  };
  if (role === 'command') options.commandTimeout = COMMAND_TIMEOUT_MS;
  // A subscriber may hear nothing for hours; a blocking read asks again at least once a second.
  if (role !== 'subscriber') options.socketTimeout = SILENCE_MS;
  if (settings.username !== undefined) options.username = settings.username;
  if (settings.passwordFile !== undefined) options.password = readPassword(settings.passwordFile);
  if (settings.caFile !== undefined) options.tls = { ca: readFileSync(settings.caFile) };
  return options;
}

const readPassword = (file: string): string => readFileSync(file, 'utf8').trim();

async function repliesOf<C extends readonly RedisCommand[]>(
  commands: C,
  answers: Promise<[Error | null, unknown][] | null>,
): Promise<RedisReplies<C>> {
  const replies = ((await answers) ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
  if (replies.length !== commands.length) throw new Error('Redis gave no answer to a transaction');
  return replies as RedisReplies<C>;
}
