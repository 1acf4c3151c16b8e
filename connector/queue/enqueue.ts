import type { QueueKeys } from '../../core/keys.ts';
import { isReadOnly, type Redis } from '../../core/redis.ts';
import { loadScript, runScript } from '../../core/script.ts';
import type { QueueEntry } from './buffer.ts';
import { type EnqueueResult, parseResult } from './redis-answer.ts';

/**
 * Hands a batch to Redis and says for each event what became of it.
 * Rejects when that is unknown: the batch may or may not have run, and must be handed over again.
 */
export type Enqueue = (batch: readonly QueueEntry[]) => Promise<EnqueueResult[]>;

const SCRIPT = loadScript(new URL('./enqueue.lua', import.meta.url));

/** @param queueMax most items on the queue, 0 for no bound */
export function redisEnqueue(redis: Redis, keys: QueueKeys, queueMax: number): Enqueue {
  return async (batch) => {
    const scriptKeys = [keys.queue, keys.fence];
    const args: (string | number)[] = [queueMax];
    for (const { fenceField, generation, mark, payload } of batch) {
      args.push(fenceField, generation, scriptKeys.length + 1, mark.keys.length, mark.field, mark.ttlSeconds, payload);
      scriptKeys.push(...mark.keys);
    }
    const reply = await runScript(redis, SCRIPT, scriptKeys, args);
    const answers: unknown[] = Array.isArray(reply) ? reply : [];
    const results = answers.map(parseResult).filter((result) => result !== undefined);
    if (results.length !== batch.length) throw new Error('the enqueue script gave an answer of another shape');
    if (results.some((result) => result.kind === 'error' && isReadOnly({ message: result.error }))) {
      redis.disconnect(true);
    }
    return results;
  };
}
