import { backoffMs } from '../../core/process/backoff.ts';
import type { Clock } from '../../core/process/clock.ts';
import { errorText } from '../../core/process/log.ts';
import type { FleetContract } from '../../core/protocol/contract.ts';
import type { QueueKeys } from '../../core/protocol/keys.ts';
import { isCutOff } from '../../core/redis/fault.ts';
import { itemJson } from '../event/item-json.ts';
import type { Normalized, NormalizedEvent } from '../event/normalize.ts';
import { batchLimit, MAX_BATCH_BYTES, MAX_BATCH_EVENTS, nextFlushMs } from './batcher.ts';
import { type BufferLimits, EventBuffer, type QueueEntry } from './buffer.ts';
import type { Enqueue } from './enqueue.ts';
import { markPlace } from './mark-keys.ts';
import { type FailReason, type Outcome, OutcomeCounter, type OutcomeCounts, type Settled } from './outcome.ts';
import { NO_PRESSURE, type Pressure, pressureOf } from './pressure.ts';
import { QueueHealth } from './queue-health.ts';
import type { AclNames, EnqueueResult } from './redis-answer.ts';
import { judge } from './verdict.ts';

/** For metrics and logs. One that throws costs nothing but what it was to do. */
export interface PublisherObserver {
  /** @param waitedMs from offer to outcome; 0 for what never waited */
  settled?(outcome: Outcome, waitedMs: number): void;
  /** A batch came back. @param error undefined when Redis answered, whatever it said */
  batch?(events: number, tookMs: number, error: string | undefined): void;
  /** Redis refused one event for good, or queued it without a mark; in words. */
  refused?(words: string): void;
  /** A callback threw: a defect of whoever gave it. */
  threw?(error: unknown): void;
}

export interface PublisherOptions {
  enqueue: Enqueue;
  keys: QueueKeys;
  contract: FleetContract;
  buffer: BufferLimits;
  clock: Clock;
  /** Redis time, for events that carry none (`RedisClock`). */
  redisNowMs(): number;
  /** Of the connection to Redis, for the ACL line that a missing right calls for. */
  redisUser?: string | undefined;
  /** Whose sockets are not to be read from now on. Called on changes only. */
  onPressure(pressure: Pressure): void;
  observer?: PublisherObserver;
}

/** Quick after a short break, seldom while Redis stays away. */
const RETRY = { baseMs: 50, capMs: 2_000 };

/**
 * Takes events in order and brings each to its final outcome: one batch at a time, and the oldest events again until
 * Redis has said what became of them. A batch that ran although its reply was lost absorbs itself by its marks.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #buffer: EventBuffer;
  readonly #counter = new OutcomeCounter();
  readonly #names: AclNames;
  readonly #health: QueueHealth;
  #timer: NodeJS.Timeout | undefined;
  #inFlight = false;
  #pressure = NO_PRESSURE;
  #batchLimit = MAX_BATCH_EVENTS;
  #failures = 0;
  #retryAtMs = 0;
  #draining: (() => void) | undefined;
  #closed = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#buffer = new EventBuffer(options.buffer);
    this.#names = { user: options.redisUser, queue: options.keys.queue };
    this.#health = new QueueHealth(this.#names);
  }

  /**
   * Takes what `normalize` made of a frame; what is not an event is only counted. Never throws, never waits.
   * @param settled called once with the final outcome, for acknowledgements
   */
  offer(normalized: Normalized, settled?: Settled): void {
    this.#counter.offered();
    switch (normalized.kind) {
      case 'filtered':
        this.#settle({ kind: 'filtered', reason: normalized.reason }, settled);
        return;
      case 'tooLarge':
        this.#settle({ kind: 'failed', reason: 'too_large' }, settled);
        return;
      case 'malformed':
        this.#settle({ kind: 'failed', reason: 'malformed' }, settled);
        return;
      case 'event':
        this.#take(normalized, settled);
    }
  }

  counts(): OutcomeCounts {
    return this.#counter.read(this.#buffer.length);
  }

  /** Readiness reasons in words; empty when the queue takes events. */
  faults(): string[] {
    return this.#health.faults(this.#options.clock.monotonicMs());
  }

  /** Bytes and age of what waits, for metrics. */
  backlog(): { events: number; bytes: number; ageMs: number } {
    const { length: events, bytes } = this.#buffer;
    return { events, bytes, ageMs: this.#buffer.ageMs(this.#options.clock.monotonicMs()) };
  }

  /**
   * Empties the buffer and closes. What Redis has not taken by then is counted `failed{shutdown}`, as is every later
   * offer; of a batch still under way some events may yet arrive.
   * @returns number of events given up
   */
  async drain(withinMs: number): Promise<number> {
    if (!this.#closed && (this.#inFlight || this.#buffer.length > 0)) {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, withinMs);
        this.#draining = () => {
          clearTimeout(deadline);
          resolve();
        };
        this.#retryAtMs = 0;
        this.#schedule();
      });
    }
    this.#closed = true;
    clearTimeout(this.#timer);
    const left = this.#buffer.expire(Number.POSITIVE_INFINITY);
    this.#giveUp(left, 'shutdown');
    return left.length;
  }

  #take(event: NormalizedEvent, settled: Settled | undefined): void {
    const entry = this.#closed ? 'shutdown' : (this.#entryOf(event, settled) ?? 'unencodable');
    const reason = typeof entry === 'string' ? entry : this.#buffer.push(entry) ? undefined : 'buffer_full';
    if (reason !== undefined) {
      this.#settle({ kind: 'failed', reason }, settled);
      return;
    }
    this.#weigh();
    this.#schedule();
  }

  #entryOf(event: NormalizedEvent, settled: Settled | undefined): QueueEntry | undefined {
    const payload = itemJson(event);
    if (payload === undefined) return undefined;
    const { keys, contract, clock, redisNowMs } = this.#options;
    return {
      fenceField: event.fence.field,
      generation: event.fence.generation,
      mark: markPlace(event.item.id, event.mark, contract, keys, redisNowMs()),
      payload,
      bytes: Buffer.byteLength(payload),
      offeredAtMs: clock.monotonicMs(),
      settled,
    };
  }

  #schedule(): void {
    if (this.#closed) return;
    const nowMs = this.#options.clock.monotonicMs();
    const waitMs = nextFlushMs({
      events: this.#buffer.length,
      oldestAgeMs: this.#buffer.ageMs(nowMs),
      inFlight: this.#inFlight,
      retryInMs: this.#retryAtMs - nowMs,
      draining: this.#draining !== undefined,
    });
    if (waitMs === undefined || (waitMs > 0 && this.#timer !== undefined)) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (waitMs === 0) void this.#flush();
    else this.#timer = setTimeout(() => this.#wake(), waitMs);
  }

  #wake(): void {
    this.#timer = undefined;
    this.#schedule();
  }

  async #flush(): Promise<void> {
    const { clock, contract, enqueue, observer } = this.#options;
    this.#inFlight = true;
    this.#giveUp(this.#buffer.expire(clock.monotonicMs() - contract.windowMs / 2), 'stale');
    const batch = this.#buffer.front(this.#batchLimit, MAX_BATCH_BYTES);
    if (batch.length > 0) {
      const startedAtMs = clock.monotonicMs();
      let results: EnqueueResult[] | undefined;
      let failure: unknown;
      try {
        results = await enqueue(batch);
      } catch (error) {
        failure = error;
      }
      const tookMs = clock.monotonicMs() - startedAtMs;
      const words = results === undefined ? errorText(failure) : undefined;
      this.#tell(() => observer?.batch?.(batch.length, tookMs, words));
      const end = results !== undefined ? 'answered' : isCutOff(failure) ? 'cutOff' : 'failed';
      this.#batchLimit = batchLimit(this.#batchLimit, batch.length, end);
      // Outside the `try`: what fails after an answer must never look like a missing one.
      if (results === undefined) {
        this.#health.failed(failure, clock.monotonicMs());
        this.#backOff();
      } else if (!this.#closed) {
        this.#absorb(batch, results);
      }
    }
    this.#inFlight = false;
    this.#weigh();
    if (this.#buffer.length === 0) this.#draining?.();
    this.#schedule();
  }

  #absorb(batch: readonly QueueEntry[], results: readonly EnqueueResult[]): void {
    const { observer } = this.#options;
    const verdicts = batch.map((_, index) => judge(results[index], this.#names));
    const keep = batch.filter((_, index) => verdicts[index]?.outcome === undefined);
    this.#buffer.release(batch.length, keep);
    this.#settleAll(batch.map((entry, index) => ({ entry, outcome: verdicts[index]?.outcome })));
    for (const { notice } of verdicts) if (notice !== undefined) this.#tell(() => observer?.refused?.(notice));
    const faults = verdicts.map(({ fault }) => fault).filter((fault) => fault !== undefined);
    this.#health.answered(faults);
    if (keep.length > 0) this.#backOff();
    else this.#failures = 0;
  }

  #backOff(): void {
    this.#retryAtMs = this.#options.clock.monotonicMs() + backoffMs(this.#failures, RETRY, Math.random());
    this.#failures += 1;
  }

  #giveUp(entries: readonly QueueEntry[], reason: FailReason): void {
    this.#settleAll(entries.map((entry) => ({ entry, outcome: { kind: 'failed', reason } })));
  }

  /** All are counted before anybody is told of one: whoever is told may look at the counts, or offer. */
  #settleAll(settled: readonly { entry: QueueEntry; outcome: Outcome | undefined }[]): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { outcome } of settled) if (outcome !== undefined) this.#counter.count(outcome);
    for (const { entry, outcome } of settled) {
      if (outcome !== undefined) this.#tellOutcome(outcome, entry.settled, nowMs - entry.offeredAtMs);
    }
  }

  #settle(outcome: Outcome, settled: Settled | undefined): void {
    this.#counter.count(outcome);
    this.#tellOutcome(outcome, settled, 0);
  }

  #tellOutcome(outcome: Outcome, settled: Settled | undefined, waitedMs: number): void {
    this.#tell(() => this.#options.observer?.settled?.(outcome, waitedMs));
    if (settled !== undefined) this.#tell(() => settled(outcome));
  }

  /** An event that is on the queue stays settled, whatever those do who are told of it. */
  #tell(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      try {
        this.#options.observer?.threw?.(error);
      } catch {
        // There is nobody left to tell.
      }
    }
  }

  #weigh(): void {
    const fill = this.#buffer.fill(this.#options.clock.monotonicMs());
    const pressure = pressureOf({ fill, bytesOf: this.#buffer.bytesOf }, this.#pressure);
    if (pressure === this.#pressure) return;
    this.#pressure = pressure;
    this.#tell(() => this.#options.onPressure(pressure));
  }
}
