import { backoffMs } from '../../core/process/backoff.ts';
import type { Clock } from '../../core/process/clock.ts';
import { errorText } from '../../core/process/log.ts';
import type { QueueKeys } from '../../core/protocol/keys.ts';
import { isCutOff } from '../../core/redis/fault.ts';
import { batchLimit, MAX_BATCH_BYTES, MAX_BATCH_EVENTS, nextFlushMs } from './batcher.ts';
import { EventBuffer, type QueueEntry } from './buffer.ts';
import type { BufferBound } from './buffer-bound.ts';
import type { Enqueue } from './enqueue.ts';
import { judge } from './event-verdict.ts';
import { type PublisherObserver, tell } from './publisher-observer.ts';
import { QueueHealth } from './queue-health.ts';
import type { AclNames, EnqueueResult } from './redis-answer.ts';
import type { Settlement } from './settlement.ts';

/** A queue, and how to reach it. */
export interface Shard {
  keys: QueueKeys;
  enqueue: Enqueue;
}

/** What the shards of a publisher share. */
export interface ShardDeps {
  bound: BufferBound;
  settlement: Settlement;
  observer: PublisherObserver;
  clock: Clock;
  /** An event that has waited longer is given up, because marks of its copies may be gone. */
  staleMs: number;
  redisUser: string | undefined;
  /** A batch has come back, or events were given up. */
  onFlushed(): void;
}

/** Quick after a short break, rarely while Redis stays away. */
const RETRY = { baseMs: 50, capMs: 2_000 };

/**
 * Brings the events of one queue to their final outcome, in order: one batch at a time, retrying the oldest events until
 * Redis has answered (design rule 2). If a batch ran although its reply was lost, its marks make the retry a duplicate. A
 * problem of one queue does not hold up another.
 */
export class ShardPublisher {
  readonly keys: QueueKeys;
  readonly #enqueue: Enqueue;
  readonly #deps: ShardDeps;
  readonly #buffer: EventBuffer;
  readonly #names: AclNames;
  readonly #health: QueueHealth;
  #timer: NodeJS.Timeout | undefined;
  #inFlight = false;
  #batchLimit = MAX_BATCH_EVENTS;
  #failures = 0;
  #retryAtMs = 0;
  #draining = false;
  #closed = false;

  constructor({ keys, enqueue }: Shard, deps: ShardDeps) {
    this.keys = keys;
    this.#enqueue = enqueue;
    this.#deps = deps;
    this.#buffer = new EventBuffer(deps.bound);
    this.#names = { user: deps.redisUser, queue: keys.queue };
    this.#health = new QueueHealth(this.#names);
  }

  /** Events that wait or are in flight. */
  get pending(): number {
    return this.#buffer.length;
  }

  get isIdle(): boolean {
    return !this.#inFlight && this.#buffer.length === 0;
  }

  /** Of the oldest event that waits. */
  ageMs(nowMs: number): number {
    return this.#buffer.ageMs(nowMs);
  }

  /** Readiness reasons in words; empty when the queue takes events. */
  faults(nowMs: number): string[] {
    return this.#health.faults(nowMs);
  }

  /** `schedule` must follow. @returns false when there is no room */
  push(entry: QueueEntry): boolean {
    return this.#buffer.push(entry);
  }

  /** No more events will follow, so what waits is sent at once. */
  drain(): void {
    this.#draining = true;
    this.#retryAtMs = 0;
    this.schedule();
  }

  /** Stops sending. @returns what Redis has not taken; some events of a batch in flight may still arrive */
  close(): QueueEntry[] {
    this.#closed = true;
    clearTimeout(this.#timer);
    return this.#buffer.expire(Number.POSITIVE_INFINITY);
  }

  /** Schedules the next batch. */
  schedule(): void {
    if (this.#closed) return;
    const nowMs = this.#deps.clock.monotonicMs();
    const waitMs = nextFlushMs({
      events: this.#buffer.length,
      oldestAgeMs: this.#buffer.ageMs(nowMs),
      inFlight: this.#inFlight,
      retryInMs: this.#retryAtMs - nowMs,
      draining: this.#draining,
    });
    if (waitMs === undefined || (waitMs > 0 && this.#timer !== undefined)) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (waitMs === 0) void this.#flush();
    else this.#timer = setTimeout(() => this.#wake(), waitMs);
  }

  #wake(): void {
    this.#timer = undefined;
    this.schedule();
  }

  async #flush(): Promise<void> {
    const { clock, settlement, staleMs, onFlushed } = this.#deps;
    this.#inFlight = true;
    const nowMs = clock.monotonicMs();
    settlement.giveUp(this.#buffer.expire(nowMs - staleMs), 'stale', nowMs);
    const batch = this.#buffer.front(this.#batchLimit, MAX_BATCH_BYTES);
    if (batch.length > 0) await this.#send(batch);
    this.#inFlight = false;
    onFlushed();
    this.schedule();
  }

  async #send(batch: readonly QueueEntry[]): Promise<void> {
    const { clock, observer } = this.#deps;
    const startedAtMs = clock.monotonicMs();
    let results: EnqueueResult[] | undefined;
    let failure: unknown;
    try {
      results = await this.#enqueue(batch);
    } catch (error) {
      failure = error;
    }
    const tookMs = clock.monotonicMs() - startedAtMs;
    const words = results === undefined ? errorText(failure) : undefined;
    tell(observer, () => observer.batch?.(batch.length, tookMs, words));
    const end = results !== undefined ? 'answered' : isCutOff(failure) ? 'cutOff' : 'failed';
    this.#batchLimit = batchLimit(this.#batchLimit, batch.length, end);
    // Outside the `try`: a failure after an answer must never look like a missing answer.
    if (results === undefined) {
      this.#health.failed(failure, clock.monotonicMs());
      this.#backOff();
    } else if (!this.#closed) {
      this.#absorb(batch, results);
    }
  }

  #absorb(batch: readonly QueueEntry[], results: readonly EnqueueResult[]): void {
    const { observer, settlement, clock } = this.#deps;
    const verdicts = batch.map((_, index) => judge(results[index], this.#names));
    const keep = batch.filter((_, index) => verdicts[index]?.outcome === undefined);
    this.#buffer.release(batch.length, keep);
    const settled = batch.map((entry, index) => ({ entry, outcome: verdicts[index]?.outcome }));
    settlement.settleAll(settled, clock.monotonicMs());
    for (const { notice } of verdicts) if (notice !== undefined) tell(observer, () => observer.refused?.(notice));
    const faults = verdicts.map(({ fault }) => fault).filter((fault) => fault !== undefined);
    this.#health.answered(faults);
    if (keep.length > 0) this.#backOff();
    else this.#failures = 0;
  }

  #backOff(): void {
    this.#retryAtMs = this.#deps.clock.monotonicMs() + backoffMs(this.#failures, RETRY, Math.random());
    this.#failures += 1;
  }
}
