import type { Clock } from '../../core/process/clock.ts';
import { errorText } from '../../core/process/log.ts';
import type { QueueKeys } from '../../core/protocol/keys.ts';
import { isCutOff } from '../../core/redis/fault.ts';
import { batchLimit, MAX_BATCH_BYTES, MAX_BATCH_EVENTS } from './batcher.ts';
import type { Copy, QueueEntry } from './buffer.ts';
import type { BufferBound } from './buffer-bound.ts';
import type { Enqueue } from './enqueue.ts';
import { judge, type Verdict } from './event-verdict.ts';
import { Lanes } from './lanes.ts';
import { type PublisherObserver, tell } from './publisher-observer.ts';
import { QueueHealth } from './queue-health.ts';
import type { AclNames, EnqueueResult } from './redis-answer.ts';
import type { Settlement } from './settlement.ts';
import type { CopyFacts } from './waiting-copies.ts';

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

/**
 * Brings the events of one queue to their final outcome, in order: one batch at a time, retrying the oldest events until
 * Redis has answered (design rule 2). If a batch ran although its reply was lost, its marks make the retry a duplicate. A
 * problem of one queue does not hold up another, nor does one of its two lists the other.
 */
export class ShardPublisher {
  readonly keys: QueueKeys;
  readonly #enqueue: Enqueue;
  readonly #deps: ShardDeps;
  readonly #lanes: Lanes;
  readonly #names: AclNames;
  readonly #health: QueueHealth;
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic time at which it fires. */
  #timerAtMs = Number.POSITIVE_INFINITY;
  #inFlight = false;
  #batchLimit = MAX_BATCH_EVENTS;
  #draining = false;
  #closed = false;

  constructor({ keys, enqueue }: Shard, deps: ShardDeps) {
    this.keys = keys;
    this.#enqueue = enqueue;
    this.#deps = deps;
    this.#lanes = new Lanes(keys, deps.bound);
    this.#names = { user: deps.redisUser, queue: keys.queue };
    this.#health = new QueueHealth(this.#names);
  }

  /** Events that wait or are in flight. */
  get pending(): number {
    return this.#lanes.pending;
  }

  /** Urgent events among them, without copies. */
  get urgent(): number {
    return this.#lanes.urgent;
  }

  get isIdle(): boolean {
    return !this.#inFlight && this.#lanes.pending === 0;
  }

  /** Of the oldest event that waits. */
  ageMs(nowMs: number): number {
    return this.#lanes.ageMs(nowMs);
  }

  /** Of the oldest event that waits and for which sockets must pause. */
  pauseAgeMs(nowMs: number): number {
    return this.#lanes.pauseAgeMs(nowMs);
  }

  /** Readiness reasons in words; empty when the queue takes events. */
  faults(nowMs: number): string[] {
    return this.#health.faults(nowMs);
  }

  /** `schedule` must follow. @returns false when there is no room */
  push(entry: QueueEntry): boolean {
    return this.#lanes.push(entry);
  }

  /** @returns whether the same event waits already, and the copy now shares its outcome */
  join(facts: CopyFacts, copy: Copy): boolean {
    return this.#lanes.join(facts, copy);
  }

  /** No more events will follow, so what waits is sent at once. */
  drain(): void {
    this.#draining = true;
    this.#lanes.retryNow();
    this.schedule();
  }

  /** Stops sending. @returns what Redis has not taken; some events of a batch in flight may still arrive */
  close(): QueueEntry[] {
    this.#closed = true;
    this.#cancelTimer();
    return this.#lanes.expire(Number.POSITIVE_INFINITY);
  }

  /** Schedules the next batch. */
  schedule(): void {
    if (this.#closed) return;
    const nowMs = this.#deps.clock.monotonicMs();
    const waitMs = this.#lanes.nextFlushMs(nowMs, { inFlight: this.#inFlight, draining: this.#draining });
    // The timer may be that of a list that is full, while something for the other has come. Another is worth 1 ms at least.
    if (waitMs === undefined || (waitMs > 0 && nowMs + waitMs > this.#timerAtMs - 1)) return;
    this.#cancelTimer();
    if (waitMs === 0) {
      void this.#flush();
      return;
    }
    this.#timer = setTimeout(() => this.#wake(), waitMs);
    this.#timerAtMs = nowMs + waitMs;
  }

  #wake(): void {
    this.#cancelTimer();
    this.schedule();
  }

  #cancelTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  async #flush(): Promise<void> {
    const { clock, settlement, staleMs, onFlushed } = this.#deps;
    this.#inFlight = true;
    const nowMs = clock.monotonicMs();
    settlement.giveUp(this.#lanes.expire(nowMs - staleMs), 'stale', nowMs);
    const batch = this.#lanes.front(this.#batchLimit, MAX_BATCH_BYTES, nowMs);
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
    const nowMs = clock.monotonicMs();
    const words = results === undefined ? errorText(failure) : undefined;
    tell(observer, () => observer.batch?.(batch.length, nowMs - startedAtMs, words));
    const end = results !== undefined ? 'answered' : isCutOff(failure) ? 'cutOff' : 'failed';
    this.#batchLimit = batchLimit(this.#batchLimit, batch.length, end);
    // Outside the `try`: a failure after an answer must never look like a missing answer.
    if (results === undefined) {
      this.#health.failed(failure, nowMs);
      this.#lanes.outage.failed(nowMs);
    } else if (!this.#closed) {
      this.#lanes.outage.succeeded();
      this.#absorb(batch, results);
    }
  }

  #absorb(batch: readonly QueueEntry[], results: readonly EnqueueResult[]): void {
    const { observer, settlement, clock } = this.#deps;
    const verdicts = batch.map((entry, index) => judge(results[index], this.#names, this.#lanes.listOf(entry)));
    const keep = batch.filter((_, index) => verdicts[index]?.outcome === undefined);
    this.#lanes.release(batch, keep);
    const settled = batch.map((entry, index) => ({ entry, outcome: verdicts[index]?.outcome }));
    settlement.settleAll(settled, clock.monotonicMs());
    for (const { notice } of verdicts) if (notice !== undefined) tell(observer, () => observer.refused?.(notice));
    this.#judgeLists(batch, verdicts);
  }

  /** By list, because what one of them refuses is no reason to keep the other waiting. */
  #judgeLists(batch: readonly QueueEntry[], verdicts: readonly Verdict[]): void {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const list of this.#lanes.lists) {
      const of = verdicts.filter((_, index) => {
        const entry = batch[index];
        return entry !== undefined && this.#lanes.listOf(entry) === list;
      });
      if (of.length === 0) continue;
      const faults = of.map(({ fault }) => fault).filter((fault) => fault !== undefined);
      this.#health.answered(list.key, faults);
      if (of.some(({ outcome }) => outcome === undefined)) list.backoff.failed(nowMs);
      else list.backoff.succeeded();
    }
  }
}
