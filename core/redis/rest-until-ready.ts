import { sleep, type Timers } from '../process/timers.ts';
import type { BlockingRedis } from './redis.ts';

/** Until it makes sense to ask Redis again after a failure: so many ms, or until there is a connection, or `signal` aborts. */
export async function restUntilReady(
  redis: Pick<BlockingRedis, 'onReady'>,
  timers: Timers,
  delayMs: number,
  signal: AbortSignal,
): Promise<void> {
  const waking = new AbortController();
  const unsubscribe = redis.onReady(() => waking.abort());
  await sleep(timers, delayMs, AbortSignal.any([signal, waking.signal]));
  unsubscribe();
}
