import { BUCKET_MS, type QueueKeys } from '../../core/protocol/keys.ts';
import { isCutOff, isReadOnly } from '../../core/redis/fault.ts';
import { whyUnreadable } from '../../core/redis/message-limit.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import type { QueueEntry } from './buffer.ts';
import type { MarkPlace } from './mark-keys.ts';
import { type EnqueueResult, FENCES, parseAnswer } from './redis-answer.ts';

/**
 * Hands a batch, urgent events first, to Redis and says for each event what became of it.
 * Rejects when that is unknown: the batch may or may not have run, and must be handed over again.
 */
export type Enqueue = (batch: readonly QueueEntry[]) => Promise<EnqueueResult[]>;

const SCRIPT = loadScript(new URL('./enqueue.lua', import.meta.url));

/** Redis refuses to set any of its limits on the length of a message below 1 MiB. */
const ALWAYS_READ_BYTES = 1_048_576;

/** A mark lives that much longer than it must (`mark-keys.ts`), so its hash need not be renewed again for this long. */
const RENEWAL_SECONDS = BUCKET_MS / 1000;

/** While there are fences, this many batches say whose events they hold without being asked. */
const FENCED_BATCHES = 100;

/** @param queueMax most items on the queue and on the list of urgent events each, 0 for no bound */
export function redisEnqueue(redis: Redis, keys: QueueKeys, queueMax: number): Enqueue {
  let fencedBatches = 0;

  const run = async (batch: readonly QueueEntry[], withFences: boolean): Promise<unknown> => {
    const scriptKeys = [keys.queue, keys.fence, keys.urgent];
    const payloads: string[] = [];
    let places = '';
    for (const { mark, payload } of batch) {
      for (const key of mark.keys) scriptKeys.push(key);
      places += placeOf(mark);
      payloads.push(payload);
    }
    const urgents = keys.urgent === keys.queue ? 0 : leadingUrgent(batch);
    const args = [queueMax, urgents, RENEWAL_SECONDS, places, ...payloads];
    if (withFences) {
      for (const { fenceField } of batch) args.push(fenceField);
      for (const { generation } of batch) args.push(generation);
    }
    return await runScript(redis, SCRIPT, scriptKeys, args);
  };

  return async (batch) => {
    let answer: unknown;
    try {
      answer = await run(batch, fencedBatches > 0);
      if (fencedBatches > 0) fencedBatches -= 1;
      if (answer === FENCES) {
        fencedBatches = FENCED_BATCHES;
        answer = await run(batch, true);
      }
    } catch (error) {
      const verdict = isCutOff(error) ? await tooLarge(redis, batch) : undefined;
      if (verdict === undefined) throw error;
      return [verdict];
    }
    const results = parseAnswer(answer, batch.length);
    if (results === undefined) throw new Error('the enqueue script gave an answer of another shape');
    if (results.some((result) => result.kind === 'error' && isReadOnly({ message: result.error }))) {
      redis.reconnect();
    }
    return results;
  };
}

/** As the script reads it: number of keys, seconds, field. */
const placeOf = ({ keys, ttlSeconds, field }: MarkPlace): string =>
  `${keys.length}${String(ttlSeconds).padStart(8, '0')}${field}`;

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
