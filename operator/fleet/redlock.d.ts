/**
 * The part of redlock 5.0.0-beta.2 that `redis-lock.ts` uses. The package has types, but its `exports` do not name them
 * (TS7016), and they are written for another
 * version of the client than ours.
 */
declare module 'redlock' {
  interface Votes {
    readonly votesAgainst: ReadonlyMap<unknown, Error>;
  }

  export interface RedlockClient {
    evalsha(sha: string, keyCount: number, keysAndArgs: (string | number)[]): Promise<unknown>;
    eval(lua: string, keyCount: number, keysAndArgs: (string | number)[]): Promise<unknown>;
  }

  export class ResourceLockedError extends Error {}

  export class ExecutionError extends Error {
    /** Empty when no Redis was asked. */
    readonly attempts: readonly Promise<Votes>[];
  }

  export interface Lock {
    readonly value: string;
    /** @throws ExecutionError */
    extend(durationMs: number): Promise<Lock>;
    /** @throws ExecutionError */
    release(): Promise<unknown>;
  }

  export default class Redlock {
    constructor(clients: Iterable<RedlockClient>, settings?: { retryCount?: number; driftFactor?: number });
    /** @throws ExecutionError */
    acquire(resources: string[], durationMs: number): Promise<Lock>;
  }
}
