import { errorText, type Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { FleetContract } from '../../core/protocol/contract.ts';
import {
  type Calm,
  calmAfter,
  type DedupeSteps,
  nextStep,
  subBucketsOf,
  tooLateMs,
  withStep,
} from '../../core/protocol/dedupe-steps.ts';
import type { QueueKeys } from '../../core/protocol/keys.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import type { KnownSteps } from './known-steps.ts';

const SCRIPT = loadScript(new URL('./add-step.lua', import.meta.url));

const LOOK_MS = 60_000;
/** Hashes looked at in each bucket, for a result within a few percent. */
const SAMPLES = 16;

export interface SubBucketWatchOptions {
  redis: Redis;
  keys: QueueKeys;
  /** Of the publisher of that queue. */
  known: KnownSteps;
  contract: Pick<FleetContract, 'bucketMs' | 'subBuckets'>;
  redisNowMs(): number;
  /** From 0 to 1: connectors should not all look at the same moment. */
  random(): number;
  log: Log;
}

/**
 * Counts the marks of the last full minute and adds a step when there are too many or too few hashes for them. Marks come
 * from all connectors of all clusters, so every connector measures the same, and it does not matter which of them acts: the
 * script lets one step through.
 */
export class SubBucketWatch {
  readonly #options: SubBucketWatchOptions;
  readonly #task: PeriodicTask;
  #calm: Calm | undefined;

  constructor(options: SubBucketWatchOptions) {
    this.#options = options;
    const { random, log } = options;
    const look = async (): Promise<number> => {
      await this.look();
      return LOOK_MS * (0.75 + random() / 2);
    };
    this.#task = new PeriodicTask('sub-buckets', look, log);
  }

  start(): void {
    this.#task.soon(LOOK_MS * this.#options.random());
  }

  async stop(): Promise<void> {
    await this.#task.stop();
  }

  /** Never rejects: the next look is a minute away. */
  async look(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#measure();
    } catch (error) {
      log.debug({ error: errorText(error) }, 'could not measure the dedupe memory');
    }
  }

  async #measure(): Promise<void> {
    const { known, contract, redisNowMs } = this.#options;
    const nowBucket = Math.floor(redisNowMs() / contract.bucketMs);
    const steps = known.current;
    const newestBucket = known.takeNewestBucket();
    const marks = await this.#marksOf(nowBucket - 1, steps);
    // Not yet known here, or lost: the next batch of events brings both sides together.
    if (marks === undefined) return;
    const measured = { nowBucket, marks };
    this.#calm = calmAfter(this.#calm, steps, measured);
    const step = nextStep({ ...measured, steps, calm: this.#calm, newestBucket, floor: contract.subBuckets });
    if (step !== undefined) await this.#add(steps, withStep(steps, step), tooLateMs(step, contract.bucketMs), marks);
  }

  /** @returns undefined when the steps are no longer these */
  async #marksOf(bucket: number, steps: DedupeSteps): Promise<number | undefined> {
    const { redis, keys } = this.#options;
    const count = subBucketsOf(steps, bucket);
    const samples = Math.min(SAMPLES, count);
    const at = Array.from({ length: samples }, (_, n) => Math.floor((n * count) / samples));
    const sizes = [...at.map((n) => keys.dedupe(bucket, n)), ...at.map((n) => keys.dedupeDelayed(bucket, n))];
    const [text, ...lengths] = await redis.batch([
      ['get', keys.subBuckets] as const,
      ...sizes.map((key) => ['hlen', key] as const),
    ]);
    if (text !== steps.text) return undefined;
    const sum = (of: readonly unknown[]): number => of.reduce<number>((total, length) => total + Number(length), 0);
    // Marks that live for a day are in hashes of their own, as many as the others: what matters is the fuller of the two.
    return (Math.max(sum(lengths.slice(0, samples)), sum(lengths.slice(samples))) / samples) * count;
  }

  async #add(from: DedupeSteps, to: DedupeSteps, lateMs: number, marks: number): Promise<void> {
    const { redis, keys, known, log } = this.#options;
    const text = await runScript(redis, SCRIPT, [keys.subBuckets], [from.text, to.text, lateMs]);
    if (typeof text !== 'string') return;
    known.take(text);
    if (text !== to.text) return;
    const perSecond = Math.round(marks / 60);
    log.info(
      { queue: keys.queue, perSecond, steps: to.text },
      'the number of hashes for the marks of a minute changes',
    );
  }
}
