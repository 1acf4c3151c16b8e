import { BUCKET_MS, type QueueKeys } from '../../core/protocol/keys.ts';
import { isCutOff, isReadOnly } from '../../core/redis/fault.ts';
import { whyUnreadable } from '../../core/redis/message-limit.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import type { QueueEntry } from './buffer.ts';
import type { KnownSteps } from './known-steps.ts';
import { markedBucket, markKeys } from './mark-keys.ts';
import { type EnqueueResult, FENCES, otherSteps, parseAnswer } from './redis-answer.ts';

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

/** Steps are added minutes apart, so that a batch meets one at most, and fences once. */
const MOST_RUNS = 4;

/**
 * @param queueMax most items on the queue and on the list of urgent events each, 0 for no bound
 * @param known by which the marks are placed; what Redis says is learned here
 */
export function redisEnqueue(redis: Redis, keys: QueueKeys, queueMax: number, known: KnownSteps): Enqueue {
  let fencedBatches = 0;

  const run = async (batch: readonly QueueEntry[], withFences: boolean): Promise<unknown> => {
    const scriptKeys = [keys.queue, keys.fence, keys.urgent, keys.subBuckets];
    const steps = known.current;
    const payloads: string[] = [];
    /** As the script reads it, for each event: number of keys, seconds, field. */
    let places = '';
    for (const { mark, payload } of batch) {
      const hashes = markKeys(mark, steps, keys);
      for (const key of hashes) scriptKeys.push(key);
      places += `${hashes.length}${String(mark.ttlSeconds).padStart(8, '0')}${mark.field}`;
      known.noteBucket(markedBucket(mark)?.bucket);
      payloads.push(payload);
    }
    const urgents = keys.urgent === keys.queue ? 0 : leadingUrgent(batch);
    const args = [queueMax, urgents, RENEWAL_SECONDS, places, steps.text, ...payloads];
    if (withFences) {
      for (const { fenceField } of batch) args.push(fenceField);
      for (const { generation } of batch) args.push(generation);
    }
    return await runScript(redis, SCRIPT, scriptKeys, args);
  };

  /** Nothing was done as long as Redis asks for the same batch in another way, so none can overtake another by that. */
  const runUntilDone = async (batch: readonly QueueEntry[]): Promise<unknown> => {
    for (let runs = 0; runs < MOST_RUNS; runs++) {
      const answer = await run(batch, fencedBatches > 0);
      if (fencedBatches > 0) fencedBatches -= 1;
      const steps = otherSteps(answer);
      if (steps === undefined && answer !== FENCES) return answer;
      if (answer === FENCES) fencedBatches = FENCED_BATCHES;
      if (steps !== undefined && !known.take(steps)) throw new Error(strangeSteps(keys.subBuckets, steps));
    }
    throw new Error(`${keys.subBuckets} changes all the time`);
  };

  return async (batch) => {
    let answer: unknown;
    try {
      answer = await runUntilDone(batch);
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

const strangeSteps = (key: string, steps: string): string =>
  `${key} holds "${steps.slice(0, 100)}", which Relax did not write: delete that key`;

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
