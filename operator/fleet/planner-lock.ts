/** The right to plan: a lock in Redis (design rule 7, ADR 0003 and 0004). */

import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/process/clock.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import { type RedisLock, Term } from './redis-lock.ts';

/**
 * One planner per cluster scope. The lock limits wasted work. What keeps a planner that lost it unknowingly from writing is
 * that every write of assignments compares `value` with the key (docs/adr/0003-redlock.md).
 */
export type PlannerLock = RedisLock;

const EXTEND = loadScript(new URL('./lock-extend.lua', import.meta.url));
const RELEASE = loadScript(new URL('./lock-release.lua', import.meta.url));

/** The fallback: what Redlock amounts to on one Redis, without the package. */
export class SingleRedisPlannerLock implements PlannerLock {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #ttlMs: number;
  readonly #term: Term<string>;

  constructor(redis: Redis, key: string, ttlMs: number, clock: Clock) {
    this.#redis = redis;
    this.#key = key;
    this.#ttlMs = ttlMs;
    this.#term = new Term(clock, ttlMs);
  }

  acquire(): Promise<boolean> {
    const value = randomUUID();
    return this.#term.renew(async () => {
      const reply = await this.#redis.set(this.#key, value, 'PX', this.#ttlMs, 'NX');
      return reply === 'OK' ? value : undefined;
    });
  }

  async extend(): Promise<boolean> {
    const value = this.#term.held;
    if (value === undefined) return false;
    return await this.#term.renew(async () => {
      const extended = await runScript(this.#redis, EXTEND, [this.#key], [value, this.#ttlMs]);
      return extended === 1 ? value : undefined;
    });
  }

  async release(): Promise<void> {
    const value = this.#term.end();
    if (value !== undefined) await runScript(this.#redis, RELEASE, [this.#key], [value]).catch(() => {});
  }

  value(): string | undefined {
    return this.#term.held;
  }
}
