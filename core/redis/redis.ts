import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import { errorText, type Log } from '../process/log.ts';
import { aclFault } from './acl.ts';

/** The only file that knows the Redis client. Redis 6.2 or later, Valkey 7.2 or later. */
export type { Redis } from 'ioredis';

export interface RedisSettings {
  url: string;
  username: string | undefined;
  /** Read again at each connect, so that a rotated password needs no restart. */
  passwordFile: string | undefined;
  caFile: string | undefined;
}

/**
 * `command`: short calls that fail fast instead of queueing, so that the caller's own bounded buffer holds the data.
 * `subscriber`: pub/sub nudges; a lost one costs seconds, never correctness.
 */
export type RedisRole = 'command' | 'subscriber';

/** Long enough for a Redis under load, short enough that a cut connection shows up before a lease runs out. */
const COMMAND_TIMEOUT_MS = 4_000;
/**
 * A connection that owes an answer for so long is made anew. Else one that a firewall has forgotten, or whose server is
 * gone after a failover, would swallow commands until TCP gives up, a quarter of an hour later. Longer than a command may
 * take, so that the answer of a Redis that is only slow is still read.
 */
const SILENCE_MS = 5_000;
/**
 * An idle connection owes no answer, so it is asked for one: a cut is found in time for the next event, not by it. Also
 * keeps firewalls and proxies from forgetting the connection.
 */
const PROBE_MS = 2_000;
const RECONNECT_CAP_MS = 2_000;

export function connectRedis(settings: RedisSettings, role: RedisRole, name: string, log: Log): Redis {
  const options: RedisOptions = {
    connectionName: `relax-${name}-${role}`,
    connectTimeout: COMMAND_TIMEOUT_MS,
    enableOfflineQueue: role === 'subscriber',
    maxRetriesPerRequest: role === 'subscriber' ? null : 0,
    // A command whose reply was lost may have run. Each caller decides what a repeat means; the client never repeats.
    autoResendUnfulfilledCommands: false,
    reconnectOnError: isReadOnly,
    enableAutoPipelining: false,
    retryStrategy: (attempt) => Math.round(Math.min(RECONNECT_CAP_MS, 50 * 2 ** attempt) * (0.5 + Math.random() / 2)),
    lazyConnect: true,
  };
  if (role === 'command') {
    options.commandTimeout = COMMAND_TIMEOUT_MS;
    options.socketTimeout = SILENCE_MS;
  }
  if (settings.username !== undefined) options.username = settings.username;
  if (settings.passwordFile !== undefined) options.password = readPassword(settings.passwordFile);
  if (settings.caFile !== undefined) options.tls = { ca: readFileSync(settings.caFile) };

  const redis = new Redis(settings.url, { ...options, replyMapping: 'legacy' });
  let lastError = '';
  redis.on('error', (error: Error) => {
    // ioredis repeats the same error at each attempt; a person needs it once per cause.
    const text = errorText(error);
    if (text !== lastError) log.warn({ role, error: text }, 'redis connection failed, trying again');
    lastError = text;
  });
  redis.on('ready', () => {
    if (lastError !== '') log.info({ role }, 'redis connection is back');
    lastError = '';
  });
  if (role === 'command') keepProbed(redis);
  let lastReadError = '';
  redis.on('reconnecting', () => {
    if (settings.passwordFile === undefined) return;
    try {
      redis.options.password = readPassword(settings.passwordFile);
      lastReadError = '';
    } catch (error) {
      // A Secret that is being replaced. The last password may still do, and Redis says so if it does not.
      const text = errorText(error);
      if (text !== lastReadError) log.warn({ error: text }, 'RELAX_REDIS_PASSWORD_FILE not read, the last one stays');
      lastReadError = text;
    }
  });
  return redis;
}

/** Says nothing: what a lost answer means is `socketTimeout`'s business. */
function keepProbed(redis: Redis): void {
  let timer: NodeJS.Timeout | undefined;
  redis.on('ready', () => {
    clearInterval(timer);
    timer = setInterval(() => void redis.ping().catch(() => undefined), PROBE_MS);
  });
  redis.on('close', () => clearInterval(timer));
}

const readPassword = (file: string): string => readFileSync(file, 'utf8').trim();

/**
 * After a failover the address may be the new primary's, while this connection still leads to the old one, now a
 * replica: only dialing again helps. The client does that for errors it sees; for those inside a script's answer its
 * caller must (`redis.disconnect(true)`).
 */
export const isReadOnly = ({ message }: { message: string }): boolean => /\bREADONLY\b/.test(message);

export class RedisTooOldError extends Error {
  override name = 'RedisTooOldError';
}

/** @throws RedisTooOldError naming what was found and what is needed. */
export async function checkRedisVersion(redis: Redis): Promise<string> {
  const info = await redis.info('server');
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
  const version = valkey ?? /^redis_version:(\S+)/m.exec(info)?.[1] ?? '0.0.0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor, needMinor] = valkey === undefined ? [6, 2] : [7, 2];
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    const product = valkey === undefined ? 'Redis' : 'Valkey';
    throw new RedisTooOldError(`${product} ${version} is too old: Relax needs Redis 6.2 or Valkey 7.2 or later`);
  }
  return `${valkey === undefined ? 'redis' : 'valkey'} ${version}`;
}

/** Redis time in ms. */
export async function redisTimeMs(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

/** What a failed Redis call means to a person; `undefined` when the error is not Redis' own answer. */
export function redisFault(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : String(error);
  if (text.startsWith('OOM')) return 'Redis is full (OOM): raise maxmemory or let consumers catch up';
  if (text.startsWith('READONLY')) return 'Redis is a read-only replica: point RELAX_REDIS_URL at the primary';
  if (text.startsWith('WRONGTYPE')) return 'the queue key holds another type: rename that key or set RELAX_QUEUE';
  if (text.startsWith('MISCONF')) return 'Redis refuses writes because it cannot persist (MISCONF): see its log';
  if (text.startsWith('NOAUTH') || text.startsWith('WRONGPASS')) {
    return 'Redis refused the password: check RELAX_REDIS_USERNAME and RELAX_REDIS_PASSWORD_FILE';
  }
  return aclFault(text);
}

/** Closed while an answer was owed, or with a word about what was sent. A smaller message may get through. */
export const isCutOff = (error: unknown): boolean =>
  error instanceof Error && /^(?:Reached the max retries|ERR Protocol error)/.test(error.message);

export const NO_CONNECTION = 'no connection to Redis';

/** A failed Redis call in words for people: the client's own speak of its options. */
export function redisErrorText(error: unknown): string {
  const text = errorText(error);
  if (text.startsWith("Stream isn't writeable") || text.startsWith('Reached the max retries')) {
    return NO_CONNECTION;
  }
  if (text === 'Command timed out') return `no answer from Redis within ${COMMAND_TIMEOUT_MS / 1000} s`;
  return aclFault(text) ?? text;
}
