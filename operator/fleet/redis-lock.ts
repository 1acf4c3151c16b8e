import Redlock, { ExecutionError, type Lock, type RedlockClient, ResourceLockedError } from 'redlock';
import type { Clock } from '../../core/process/clock.ts';
import type { Redis } from '../../core/redis/redis.ts';

/** A lock in Redis, held by one process at a time for a bounded time (docs/adr/0003-redlock.md). */
export interface RedisLock {
  /** @returns false: another has it. @throws when Redis could not be asked; then it may be ours all the same */
  acquire(): Promise<boolean>;
  /** @returns false: lost, acquire again. @throws when Redis could not be asked; it is ours until the local deadline */
  extend(): Promise<boolean>;
  /** Frees it for the next at once. Never throws: the lock expires anyway. */
  release(): Promise<void>;
  /** What the key holds while the lock is ours by our monotonic clock; undefined otherwise. */
  value(): string | undefined;
}

/** Our deadline is earlier than Redis's by this part of the TTL, because clocks drift and answers take time. */
const MARGIN = 0.05;

/** What is held, and until when by the monotonic clock, measured from before the request was sent. */
export class Term<T> {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  #held: { what: T; untilMs: number } | undefined;

  constructor(clock: Clock, ttlMs: number) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  get held(): T | undefined {
    return this.#held !== undefined && this.#clock.monotonicMs() < this.#held.untilMs ? this.#held.what : undefined;
  }

  /** @param ask gives what is held from now on, undefined if nothing; when it throws nothing changes */
  async renew(ask: () => Promise<T | undefined>): Promise<boolean> {
    const untilMs = this.#clock.monotonicMs() + this.#ttlMs * (1 - MARGIN);
    const what = await ask();
    this.#held = what === undefined ? undefined : { what, untilMs };
    return what !== undefined;
  }

  end(): T | undefined {
    const what = this.#held?.what;
    this.#held = undefined;
    return what;
  }
}

/** The package `redlock` on our one Redis. */
export class Redlocked implements RedisLock {
  readonly #redlock: Redlock;
  readonly #key: string;
  readonly #ttlMs: number;
  readonly #term: Term<Lock>;

  constructor(redis: Redis, key: string, ttlMs: number, clock: Clock) {
    // No retries: whoever wants the lock has a loop of its own, and reports meanwhile what is wrong.
    this.#redlock = new Redlock([scriptsOf(redis)], { retryCount: 0 });
    this.#key = key;
    this.#ttlMs = ttlMs;
    this.#term = new Term(clock, ttlMs);
  }

  acquire(): Promise<boolean> {
    return this.#term.renew(() => unlessLocked(this.#redlock.acquire([this.#key], this.#ttlMs)));
  }

  async extend(): Promise<boolean> {
    const lock = this.#term.held;
    const extended = lock !== undefined && (await this.#term.renew(() => unlessLocked(lock.extend(this.#ttlMs))));
    // It may still be ours in Redis although redlock, which uses the wall clock, considers it expired.
    if (!extended) await lock?.release().catch(() => {});
    return extended;
  }

  async release(): Promise<void> {
    await this.#term
      .end()
      ?.release()
      .catch(() => {});
  }

  value(): string | undefined {
    return this.#term.held?.value;
  }
}

/** As redlock calls them: keys and arguments in one list. */
const scriptsOf = (redis: Redis): RedlockClient => ({
  evalsha: (sha, keyCount, keysAndArgs) => redis.evalsha(sha, keyCount, ...keysAndArgs),
  eval: (lua, keyCount, keysAndArgs) => redis.eval(lua, keyCount, ...keysAndArgs),
});

/** redlock says "no quorum" for a lock held by another and for a Redis that is unreachable; only the votes tell which. */
async function unlessLocked(asked: Promise<Lock>): Promise<Lock | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof ExecutionError)) throw error;
    for (const attempt of error.attempts) {
      for (const cause of (await attempt).votesAgainst.values()) {
        if (!(cause instanceof ResourceLockedError)) throw cause;
      }
    }
    return undefined;
  }
}
