import type { Clock } from '../../core/process/clock.ts';
import { errorText } from '../../core/process/log.ts';
import type { QueueKeys } from '../../core/protocol/keys.ts';
import { isCutOff } from '../../core/redis/fault.ts';
import type { Copy, QueueEntry } from './buffer.ts';
import type { BufferBound } from './buffer-bound.ts';
import type { Enqueue } from './enqueue.ts';
import { judge, type Verdict } from './event-verdict.ts';
import { type Batch, Lanes } from './lanes.ts';
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
 * Brings the events of one queue to their final outcome, those of a channel in order: a few batches at a time that have no
 * lane in common, retrying the oldest events of a lane until Redis has answered (design rule 2, ADR 0025). If a batch ran
 * although its reply was lost, its marks make the retry a duplicate. A problem of one queue does not hold up another, nor
 * does one of its two lists the other.
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
  /** An event has come that may change when the next batch is due. */
  #isDue = false;
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
    return this.#lanes.inFlight === 0 && this.#lanes.pending === 0;
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
    const changes = this.#lanes.push(entry);
    if (changes === undefined) return false;
    this.#isDue ||= changes;
    return true;
  }

  /** @returns whether the same event waits already, and the copy now shares its outcome */
  join(facts: CopyFacts, copy: Copy): boolean {
    return this.#lanes.join(facts, copy);
  }

  /** No more events will follow, so what waits is sent at once. */
  drain(): void {
    this.#draining = true;
    this.#lanes.retryNow();
    this.#plan(this.#deps.clock.monotonicMs());
  }

  /** Stops sending. @returns what Redis has not taken; some events of a batch in flight may still arrive */
  close(): QueueEntry[] {
    this.#closed = true;
    this.#cancelTimer();
    return this.#lanes.clear();
  }

  /** Schedules the next batch, after an event has come. */
  schedule(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#plan(this.#deps.clock.monotonicMs());
  }

  /** Sends what is due, and sets the timer for what will be. */
  #plan(nowMs: number): void {
    const { settlement, staleMs, onFlushed } = this.#deps;
    while (!this.#closed) {
      const waitMs = this.#lanes.nextFlushMs(nowMs, this.#draining);
      if (waitMs === undefined) return;
      if (waitMs > 0) {
        this.#wakeAt(nowMs + waitMs, waitMs);
        return;
      }
      const stale = this.#lanes.expire(nowMs - staleMs);
      if (stale.length > 0) {
        settlement.giveUp(stale, 'stale', nowMs);
        onFlushed();
      }
      const batch = this.#lanes.take(nowMs);
      if (batch !== undefined) void this.#send(batch);
      else if (stale.length === 0) return;
    }
  }

  /** A timer that is set already may be that of a list that is full, while something for the other has come. */
  #wakeAt(atMs: number, waitMs: number): void {
    // Another timer is worth 1 ms at least.
    if (atMs > this.#timerAtMs - 1) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#wake(), waitMs);
    this.#timerAtMs = atMs;
  }

  #wake(): void {
    // Timers may fire a little early by the clock that we read.
    const nowMs = Math.max(this.#deps.clock.monotonicMs(), this.#timerAtMs);
    this.#cancelTimer();
    this.#plan(nowMs);
  }

  #cancelTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  async #send(batch: Batch): Promise<void> {
    const { clock, observer, onFlushed } = this.#deps;
    const startedAtMs = clock.monotonicMs();
    let results: EnqueueResult[] | undefined;
    let failure: unknown;
    try {
      results = await this.#enqueue(batch.entries);
    } catch (error) {
      failure = error;
    }
    const nowMs = clock.monotonicMs();
    const words = results === undefined ? errorText(failure) : undefined;
    tell(observer, () => observer.batch?.(batch.entries.length, nowMs - startedAtMs, words));
    // Outside the `try`: a failure after an answer must never look like a missing answer.
    if (results === undefined) {
      this.#health.failed(failure, nowMs);
      this.#lanes.failed(batch, nowMs, isCutOff(failure) ? 'cutOff' : 'failed');
    } else if (!this.#closed) {
      this.#absorb(batch, results, nowMs);
    }
    onFlushed();
    this.#plan(clock.monotonicMs());
  }

  #absorb(batch: Batch, results: readonly EnqueueResult[], nowMs: number): void {
    const { observer, settlement } = this.#deps;
    const verdicts = batch.entries.map((entry, at) => judge(results[at], this.#names, this.#lanes.listOf(entry)));
    const outcomes = verdicts.map(({ outcome }) => outcome);
    // Before the callbacks, which may offer more events.
    this.#lanes.answered(batch, outcomes, nowMs);
    this.#judgeLists(batch, verdicts);
    settlement.settleAll(batch.entries, outcomes, nowMs);
    for (const { notice } of verdicts) if (notice !== undefined) tell(observer, () => observer.refused?.(notice));
  }

  /** By list, because what one of them refuses says nothing about the other. */
  #judgeLists({ entries }: Batch, verdicts: readonly Verdict[]): void {
    const faultsOf = new Map<string, string[]>();
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at];
      if (entry === undefined) continue;
      const { key } = this.#lanes.listOf(entry);
      const faults = faultsOf.get(key) ?? [];
      const fault = verdicts[at]?.fault;
      if (fault !== undefined) faults.push(fault);
      faultsOf.set(key, faults);
    }
    for (const [key, faults] of faultsOf) this.#health.answered(key, faults);
  }
}
