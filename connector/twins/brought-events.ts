import type { Clock } from '../../core/process/clock.ts';
import { broughtKey } from '../../core/protocol/keys.ts';
import type { Redis } from '../../core/redis/redis.ts';
import type { RedisClock } from '../../core/redis/redis-clock.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';

/** What processes tell each other of the sockets of each stream. Times are of this process's monotonic clock. */
export interface BroughtEvents {
  /**
   * @param told when the sockets of this process last brought an event, by stream
   * @param asked streams of sockets that bring none
   * @returns when any socket of the asked streams last brought one; undefined if that can't be said now
   * Rejects when Redis is away.
   */
  exchange(
    told: ReadonlyMap<string, number>,
    asked: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, number> | undefined>;
}

const SCRIPT = loadScript(new URL('./brought-events.lua', import.meta.url));

/** Hashes are for one minute each, so that what is old goes by itself. */
const MINUTE_MS = 60_000;
/** A hash is read for two minutes. */
const TTL_MS = 3 * MINUTE_MS;
/** Our estimate of Redis's clock is off by no more, and a call takes no longer, or its times don't count. */
const MOST_ERROR_MS = 1_000;
/** Streams of one call: it keeps Redis busy for less than a millisecond. */
const CALL_STREAMS = 500;

/** In two hashes of Redis, shared by all clusters. */
export function redisBroughtEvents(
  redis: Redis,
  clock: Pick<Clock, 'monotonicMs'>,
  redisClock: RedisClock,
): BroughtEvents {
  const call = async (
    told: readonly (readonly [string, number])[],
    asked: readonly string[],
  ): Promise<readonly (readonly [string, number])[] | undefined> => {
    const [sentAtMs, redisNowMs] = [clock.monotonicMs(), redisClock.nowMs()];
    const minute = Math.floor(redisNowMs / MINUTE_MS);
    const times = told.flatMap(([stream, atMs]) => [stream, Math.round(redisNowMs - (sentAtMs - atMs))]);
    const reply = await runScript(
      redis,
      SCRIPT,
      [broughtKey(minute), broughtKey(minute - 1)],
      [Math.round(redisNowMs), MOST_ERROR_MS, TTL_MS, told.length, ...times, ...asked],
    );
    const [redisMs = 0, isTaken, ...newest] = numbersOf(reply);
    const nowMs = clock.monotonicMs();
    if (nowMs - sentAtMs > MOST_ERROR_MS) return undefined;
    if (isTaken !== 1) {
      redisClock.observe(redisMs, sentAtMs);
      return undefined;
    }
    return asked.flatMap((stream, n) => {
      const atMs = newest[n] ?? 0;
      return atMs > 0 && atMs <= redisMs ? [[stream, nowMs - (redisMs - atMs)] as const] : [];
    });
  };
  return {
    async exchange(told, asked) {
      const [toTell, toAsk] = [[...told], [...asked]];
      const brought = new Map<string, number>();
      for (let n = 0; n < Math.max(toTell.length, toAsk.length); n += CALL_STREAMS) {
        const part = await call(toTell.slice(n, n + CALL_STREAMS), toAsk.slice(n, n + CALL_STREAMS));
        if (part === undefined) return undefined;
        for (const [stream, atMs] of part) brought.set(stream, atMs);
      }
      return brought;
    },
  };
}

function numbersOf(reply: unknown): number[] {
  if (Array.isArray(reply) && reply.every((value) => typeof value === 'number')) return reply;
  throw new Error('the script of brought events gave an answer of another shape');
}
