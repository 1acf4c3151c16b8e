import type { Duplex } from 'node:stream';

/**
 * What Relax needs from a Redis client: the commands it uses, with the names and arguments that Redis gives them, and the
 * few things it must know about the connection. Redis 6.2 or later, Valkey 7.2 or later. `ioredis-client.ts` is the one
 * implementation that ships; `fault.ts` says what a rejected call means.
 */

/** Removes a listener; calling it twice does nothing. */
export type Unsubscribe = () => void;

/** A connection that reconnects by itself until it is closed. */
interface RedisConnection {
  /** False while there is no connection, and until the server has said that it accepts commands. */
  readonly isReady: boolean;
  /** Our user, as the server's ACL names it. */
  readonly user: string;
  /** Resolves when ready. Rejects when the first attempt fails; further attempts follow automatically. */
  connect(): Promise<void>;
  /** Drops the connection and connects again: the address may lead to another server by now. */
  reconnect(): void;
  /** Closes permanently; calls that still wait for an answer reject. */
  close(): void;
  /** Called each time the connection is (re)established. */
  onReady(listener: () => void): Unsubscribe;
  /** Why there is no connection, at each failed attempt. */
  onError(listener: (error: Error) => void): Unsubscribe;
}

/** Commands that may be part of a transaction or a batch, as Redis writes them: name first. */
export type RedisCommand =
  | readonly ['time']
  | readonly ['get', key: string]
  | readonly ['hget', key: string, field: string]
  | readonly ['hgetall', key: string]
  | readonly ['hlen', key: string]
  | readonly ['zscore', key: string, member: string]
  | readonly ['zrange', key: string, start: string, stop: string, withScores: 'WITHSCORES']
  | readonly ['del', key: string]
  | readonly ['hset', key: string, fields: Readonly<Record<string, string>>]
  | readonly ['hdel', key: string, ...fields: readonly string[]]
  | readonly ['pexpire', key: string, ttlMs: number]
  | readonly ['rpush', key: string, item: string]
  | readonly ['lmove', source: string, destination: string, from: 'LEFT', to: 'RIGHT'];

interface ReplyOf {
  time: readonly [seconds: string, micros: string];
  get: string | null;
  hget: string | null;
  hgetall: Record<string, string>;
  hlen: number;
  zscore: string | null;
  zrange: string[];
  del: number;
  hset: number;
  hdel: number;
  pexpire: number;
  rpush: number;
  lmove: string | null;
}

/** The answer of each command, in order. */
export type RedisReplies<C extends readonly RedisCommand[]> = { -readonly [N in keyof C]: ReplyOf[C[N][0]] };

/**
 * For commands. Without a connection a call fails instead of waiting, so that the caller's own bounded buffer holds the
 * data. No call is repeated: a command whose answer was lost may have run.
 */
export interface Redis extends RedisConnection {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<'OK'>;
  set(key: string, value: string, px: 'PX', ttlMs: number): Promise<'OK'>;
  set(key: string, value: string, px: 'PX', ttlMs: number, nx: 'NX'): Promise<'OK' | null>;
  setnx(key: string, value: string): Promise<number>;
  exists(key: string): Promise<number>;
  hget(key: string, field: string): Promise<string | null>;
  hgetall(key: string): Promise<Record<string, string>>;
  hlen(key: string): Promise<number>;
  /** The next cursor, `0` at the end, and fields and values in turn. What stays during a scan is met at least once. */
  hscan(key: string, cursor: string, word: 'COUNT', count: number): Promise<[cursor: string, page: string[]]>;
  hset(key: string, fields: Readonly<Record<string, string | number>>): Promise<number>;
  hdel(key: string, ...fields: string[]): Promise<number>;
  zrange(key: string, start: string, stop: string): Promise<string[]>;
  zrange(key: string, start: string, stop: string, withScores: 'WITHSCORES'): Promise<string[]>;
  llen(key: string): Promise<number>;
  lrange(key: string, start: string, stop: string): Promise<string[]>;
  publish(channel: string, message: string): Promise<number>;
  /** Use `runScript` instead, which handles a server that has forgotten the script. */
  evalsha(sha: string, keyCount: number, ...keysAndArgs: (string | number)[]): Promise<unknown>;
  eval(lua: string, keyCount: number, ...keysAndArgs: (string | number)[]): Promise<unknown>;
  /** Seconds and microseconds. Use `redis-clock.ts` instead. */
  time(): Promise<readonly (string | number)[]>;
  info(...sections: string[]): Promise<string>;
  /** CLIENT KILL TYPE: how many connections were cut. */
  clientKill(type: 'normal'): Promise<number>;

  /** MULTI/EXEC: nobody sees or does anything in between. Keys share a slot. Rejects with the first error of a command. */
  transaction<const C extends readonly RedisCommand[]>(commands: C): Promise<RedisReplies<C>>;
  /** One round trip for many commands, which are not atomic. Keys share a slot. Rejects with the first error. */
  batch<const C extends readonly RedisCommand[]>(commands: C): Promise<RedisReplies<C>>;
  /** A second connection to the same server, which does not reconnect. Rejects if the server does not answer on it. */
  dialOnce(): Promise<LoneConnection>;
}

/** Authenticated, and used by nobody else. */
export interface LoneConnection {
  configGet(name: string): Promise<string | undefined>;
  /** Raw bytes from here on; no other method but `close` may be called. */
  takeSocket(): Duplex;
  close(): void;
}

/** For pub/sub: a lost message costs seconds, never correctness. Subscriptions outlast the connection. */
export interface RedisSubscriber extends RedisConnection {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  onMessage(listener: (channel: string, message: string) => void): Unsubscribe;
}

/**
 * For reads that wait on the server for something to read: whatever else were asked over the connection would wait as well.
 * Without a connection a call fails instead of waiting.
 */
export interface BlockingRedis extends RedisConnection {
  /** The first item, or null when none has come within so many seconds. */
  blpop(key: string, seconds: number): Promise<[key: string, item: string] | null>;
  /** Up to `count` items at once, null for none. Asked right after `blpop`, it runs as soon as that is answered. */
  lpop(key: string, count: number): Promise<string[] | null>;
  /** What was moved, or null when nothing has come within so many seconds. */
  blmove(source: string, destination: string, from: 'LEFT', to: 'RIGHT', seconds: number): Promise<string | null>;
}

export interface RedisOfRole {
  command: Redis;
  subscriber: RedisSubscriber;
  blocking: BlockingRedis;
}

export type RedisRole = keyof RedisOfRole;

export interface RedisSettings {
  url: string;
  username: string | undefined;
  /** Read again at each connect, so that a rotated password needs no restart. */
  passwordFile: string | undefined;
  caFile: string | undefined;
}
