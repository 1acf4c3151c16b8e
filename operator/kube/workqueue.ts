import { systemTimers, type Timers } from '../../core/process/timers.ts';
import { DelayHeap } from './delay-heap.ts';
import { DEFAULT_RETRY_LIMITS, RetryLimiter, type RetryLimits } from './retry-limiter.ts';

/** What client-go's workqueue reports; the names of its metrics are behind each method. Label `name` is the queue's. */
export interface WorkQueueObserver {
  /** workqueue_depth */
  depth?(items: number): void;
  /** workqueue_adds_total */
  added?(): void;
  /** workqueue_queue_duration_seconds: from added to taken */
  waited?(seconds: number): void;
  /** workqueue_work_duration_seconds: from taken to done */
  worked?(seconds: number): void;
  /** workqueue_retries_total */
  retried?(): void;
}

interface WorkQueueOptions {
  limits?: RetryLimits;
  timers?: Timers;
  observer?: WorkQueueObserver;
}

/**
 * A queue of keys with client-go's contract: a key waits at most once, is never processed twice at the same time, and if
 * it is added while being processed, it comes once more after `done`. So whoever adds a key can rely on a run that starts
 * after that moment.
 *
 * A key is in one of: nothing, waiting (dirty), taken (processing), taken and due again (processing and dirty).
 */
export class WorkQueue {
  readonly #timers: Timers;
  readonly #observer: WorkQueueObserver;
  readonly #limiter: RetryLimiter<string>;
  readonly #delayed = new DelayHeap<string>();
  /** Keys in order; those before `#head` are taken. */
  #waiting: string[] = [];
  #head = 0;
  /** Needs work, and when that was found. */
  readonly #dirty = new Map<string, number>();
  /** Being worked on, and since when. */
  readonly #processing = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #alarm: { dueMs: number; cancel: () => void } | undefined;
  #shutDown = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#timers = options.timers ?? systemTimers;
    this.#observer = options.observer ?? {};
    this.#limiter = new RetryLimiter(options.limits ?? DEFAULT_RETRY_LIMITS);
  }

  /** Keys that wait for a worker; delayed ones don't count. */
  get depth(): number {
    return this.#waiting.length - this.#head;
  }

  add(key: string): void {
    if (this.#shutDown || this.#dirty.has(key)) return;
    this.#dirty.set(key, this.#timers.monotonicMs());
    this.#observer.added?.();
    if (!this.#processing.has(key)) this.#enqueue(key);
  }

  /** Adds the key later; if called several times, the earliest time counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#shutDown) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    this.#delayed.put(key, this.#timers.monotonicMs() + delayMs);
    this.#setAlarm();
  }

  /** Adds the key after its backoff, which grows until `forget`. */
  addRateLimited(key: string): void {
    if (this.#shutDown) return;
    this.#observer.retried?.();
    this.addAfter(key, this.#limiter.delayMs(key, this.#timers.monotonicMs()));
  }

  /** The key's work succeeded or was given up: its next failure counts as the first again. */
  forget(key: string): void {
    this.#limiter.forget(key);
  }

  failuresOf(key: string): number {
    return this.#limiter.failuresOf(key);
  }

  /** @returns the next key, which must be given to `done`, or undefined once the queue is shut down and empty */
  get(): Promise<string | undefined> {
    const key = this.#take();
    if (key !== undefined || this.#shutDown) return Promise.resolve(key);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(key: string): void {
    const sinceMs = this.#processing.get(key);
    if (sinceMs === undefined) return;
    this.#processing.delete(key);
    this.#observer.worked?.((this.#timers.monotonicMs() - sinceMs) / 1000);
    if (this.#dirty.has(key)) this.#enqueue(key);
    this.#endIdleTakers();
  }

  /** Takes nothing more; what waits is still handed out. Delayed keys are dropped: the next process lists again. */
  shutDown(): void {
    this.#shutDown = true;
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#endIdleTakers();
  }

  /** workqueue_unfinished_work_seconds: the sum over all keys being worked on. */
  unfinishedWorkSeconds(): number {
    const nowMs = this.#timers.monotonicMs();
    let sumMs = 0;
    for (const sinceMs of this.#processing.values()) sumMs += nowMs - sinceMs;
    return sumMs / 1000;
  }

  /** workqueue_longest_running_processor_seconds */
  longestRunningSeconds(): number {
    const nowMs = this.#timers.monotonicMs();
    let longestMs = 0;
    for (const sinceMs of this.#processing.values()) longestMs = Math.max(longestMs, nowMs - sinceMs);
    return longestMs / 1000;
  }

  #enqueue(key: string): void {
    this.#waiting.push(key);
    const taker = this.#takers.shift();
    if (taker === undefined) this.#observer.depth?.(this.depth);
    else taker(this.#take());
  }

  #take(): string | undefined {
    const key = this.#waiting[this.#head];
    if (key === undefined) return undefined;
    this.#head += 1;
    // Kept as one array with a moving head: shifting 100,000 keys one by one would copy them each time.
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    const nowMs = this.#timers.monotonicMs();
    this.#observer.waited?.((nowMs - (this.#dirty.get(key) ?? nowMs)) / 1000);
    this.#observer.depth?.(this.depth);
    this.#dirty.delete(key);
    this.#processing.set(key, nowMs);
    return key;
  }

  #endIdleTakers(): void {
    if (!this.#shutDown || this.depth > 0) return;
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  /** One alarm for all delayed keys, at the time of the first. */
  #setAlarm(): void {
    const dueMs = this.#delayed.nextDueMs();
    if (dueMs === undefined || (this.#alarm !== undefined && this.#alarm.dueMs <= dueMs)) return;
    this.#alarm?.cancel();
    const cancel = this.#timers.after(dueMs - this.#timers.monotonicMs(), () => {
      this.#alarm = undefined;
      const nowMs = this.#timers.monotonicMs();
      for (let key = this.#delayed.takeDue(nowMs); key !== undefined; key = this.#delayed.takeDue(nowMs)) this.add(key);
      this.#setAlarm();
    });
    this.#alarm = { dueMs, cancel };
  }
}
