import type { QueueKeys } from '../../core/protocol/keys.ts';
import { isCutOff, isReadOnly } from '../../core/redis/fault.ts';
import { whyUnreadable } from '../../core/redis/message-limit.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import type { QueueEntry } from './buffer.ts';
import type { KnownSteps } from './known-steps.ts';
import { markedBucket, markKeys } from './mark-keys.ts';
import { type EnqueueResult, newerSteps, parseResult } from './redis-answer.ts';

/**
 * Hands a batch, urgent events first, to Redis and says for each event what became of it.
 * Rejects when that is unknown: the batch may or may not have run, and must be handed over again.
 */
export type Enqueue = (batch: readonly QueueEntry[]) => Promise<EnqueueResult[]>;

const SCRIPT = loadScript(new URL('./enqueue.lua', import.meta.url));

/** Redis refuses to set any of its limits on the length of a message below 1 MiB. */
const ALWAYS_READ_BYTES = 1_048_576;

/** Steps are added minutes apart, so that a batch meets one at most. */
const MOST_PLACINGS = 3;

/**
 * @param queueMax most items on the queue and on the list of urgent events each, 0 for no bound
 * @param known by which the marks are placed; kept up to date here
 */
export function redisEnqueue(redis: Redis, keys: QueueKeys, queueMax: number, known: KnownSteps): Enqueue {
  const run = async (batch: readonly QueueEntry[]): Promise<unknown> => {
    const scriptKeys = [keys.queue, keys.fence, keys.urgent, keys.subBuckets];
    const args: (string | number)[] = [queueMax, keys.urgent === keys.queue ? 0 : leadingUrgent(batch)];
    const steps = known.current;
    args.push(steps.text);
    for (const { fenceField, generation, mark, payload } of batch) {
      const hashes = markKeys(mark, steps, keys);
      args.push(fenceField, generation, scriptKeys.length + 1, hashes.length, mark.field, mark.ttlSeconds, payload);
      scriptKeys.push(...hashes);
      const bucket = markedBucket(mark);
      if (bucket !== undefined) known.noteBucket(bucket.bucket);
    }
    return await runScript(redis, SCRIPT, scriptKeys, args);
  };

  /** Places the marks anew as often as Redis says that it has other steps; nothing was done until then. */
  const runPlaced = async (batch: readonly QueueEntry[]): Promise<unknown> => {
    for (let placings = 0; placings < MOST_PLACINGS; placings++) {
      const answer = await run(batch);
      const steps = newerSteps(answer);
      if (steps === undefined) return answer;
      known.take(steps);
    }
    throw new Error(`${keys.subBuckets} changes again and again`);
  };

  return async (batch) => {
    let reply: unknown;
    try {
      reply = await runPlaced(batch);
    } catch (error) {
      const verdict = isCutOff(error) ? await tooLarge(redis, batch) : undefined;
      if (verdict === undefined) throw error;
      return [verdict];
    }
    const answers: unknown[] = Array.isArray(reply) ? reply : [];
    const results = answers.map(parseResult).filter((result) => result !== undefined);
    if (results.length !== batch.length) throw new Error('the enqueue script gave an answer of another shape');
    if (results.some((result) => result.kind === 'error' && isReadOnly({ message: result.error }))) {
      redis.reconnect();
    }
    return results;
  };
}

function leadingUrgent(batch: readonly QueueEntry[]): number {
  const other = batch.findIndex(({ urgent }) => !urgent);
  return other === -1 ? batch.length : other;
}

/**
 * Whether a batch failed for its one event's length, which would fail it forever. A broken connection alone proves
 * nothing: only Redis's own word, given on a connection on which it answers, costs an event.
 */
async function tooLarge(redis: Redis, batch: readonly QueueEntry[]): Promise<EnqueueResult | undefined> {
  const [entry, ...others] = batch;
  if (entry === undefined || others.length > 0 || entry.bytes < ALWAYS_READ_BYTES) return undefined;
  const why = await whyUnreadable(redis, entry.bytes);
  return why === undefined ? undefined : { kind: 'tooLarge', error: `an event of ${entry.bytes} bytes, ${why}` };
}
