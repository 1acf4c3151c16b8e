import { backoffMs } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import type { FleetContract } from '../../core/contract.ts';
import type { QueueKeys } from '../../core/keys.ts';
import { errorText } from '../../core/log.ts';
import type { Normalized, NormalizedEvent } from '../event/normalize.ts';
import { MAX_BATCH_BYTES, MAX_BATCH_EVENTS, nextFlushMs, underPressure } from './batcher.ts';
import { type BufferLimits, EventBuffer, type QueueEntry } from './buffer.ts';
import type { Enqueue } from './enqueue.ts';
import { markPlace } from './mark-keys.ts';
import { type FailReason, type Outcome, OutcomeCounter, type OutcomeCounts, type Settled } from './outcome.ts';
import { QueueHealth } from './queue-health.ts';
import { type EnqueueResult, refusal } from './redis-answer.ts';

/** For metrics and logs. Callbacks must not throw. */
export interface PublisherObserver {
  /** @param waitedMs from offer to outcome; 0 for what never waited */
  settled?(outcome: Outcome, waitedMs: number): void;
  /** A batch came back. @param error undefined when Redis answered, whatever it said */
  batch?(events: number, tookMs: number, error: string | undefined): void;
  /** Redis refused one event for good, or queued it without a mark; in words. */
  refused?(words: string): void;
}

export interface PublisherOptions {
  enqueue: Enqueue;
  keys: QueueKeys;
  contract: FleetContract;
  buffer: BufferLimits;
  clock: Clock;
  /** Redis time, for events that carry none (`RedisClock`). */
  redisNowMs(): number;
  /** true: stop reading sockets; false: go on. Called on changes only. */
  onPressure(pressed: boolean): void;
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
  readonly #health = new QueueHealth();
  #timer: NodeJS.Timeout | undefined;
  #inFlight = false;
  #pressed = false;
  #failures = 0;
  #retryAtMs = 0;
  #draining: (() => void) | undefined;
  #closed = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#buffer = new EventBuffer(options.buffer);
  }

  /**
   * Takes what `normalize` made of a frame; what is not an event is only counted. Never throws, never waits.
   * @param settled called once with the final outcome, for acknowledgements
   */
  offer(normalized: Normalized, settled?: Settled): void {
    this.#counter.offered();
    switch (normalized.kind) {
      case 'filtered':
        this.#settle({ kind: 'filtered', reason: normalized.reason }, settled, 0);
        return;
      case 'tooLarge':
        this.#settle({ kind: 'failed', reason: 'too_large' }, settled, 0);
        return;
      case 'malformed':
        this.#settle({ kind: 'failed', reason: 'malformed' }, settled, 0);
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
      this.#settle({ kind: 'failed', reason }, settled, 0);
      return;
    }
    this.#weigh();
    this.#schedule();
  }

  #entryOf(event: NormalizedEvent, settled: Settled | undefined): QueueEntry | undefined {
    const payload = encode(event.item);
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
    const batch = this.#buffer.front(MAX_BATCH_EVENTS, MAX_BATCH_BYTES);
    if (batch.length > 0) {
      const startedAtMs = clock.monotonicMs();
      try {
        const results = await enqueue(batch);
        observer?.batch?.(batch.length, clock.monotonicMs() - startedAtMs, undefined);
        if (!this.#closed) this.#absorb(batch, results);
      } catch (error) {
        observer?.batch?.(batch.length, clock.monotonicMs() - startedAtMs, errorText(error));
        this.#health.failed(error, clock.monotonicMs());
        this.#backOff();
      }
    }
    this.#inFlight = false;
    this.#weigh();
    if (this.#buffer.length === 0) this.#draining?.();
    this.#schedule();
  }

  #absorb(batch: readonly QueueEntry[], results: readonly EnqueueResult[]): void {
    const keep: QueueEntry[] = [];
    const faults: string[] = [];
    const nowMs = this.#options.clock.monotonicMs();
    batch.forEach((entry, index) => {
      const verdict = judge(results[index]);
      if (verdict.fault !== undefined) faults.push(verdict.fault);
      if (verdict.notice !== undefined) this.#options.observer?.refused?.(verdict.notice);
      if (verdict.outcome === undefined) keep.push(entry);
      else this.#settle(verdict.outcome, entry.settled, nowMs - entry.offeredAtMs);
    });
    this.#buffer.release(batch.length, keep);
    this.#health.answered(faults);
    if (keep.length > 0) this.#backOff();
    else this.#failures = 0;
  }

  #backOff(): void {
    this.#retryAtMs = this.#options.clock.monotonicMs() + backoffMs(this.#failures, RETRY, Math.random());
    this.#failures += 1;
  }

  #giveUp(entries: readonly QueueEntry[], reason: FailReason): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const entry of entries) this.#settle({ kind: 'failed', reason }, entry.settled, nowMs - entry.offeredAtMs);
  }

  #settle(outcome: Outcome, settled: Settled | undefined, waitedMs: number): void {
    this.#counter.count(outcome);
    this.#options.observer?.settled?.(outcome, waitedMs);
    settled?.(outcome);
  }

  #weigh(): void {
    const pressed = underPressure(this.#buffer.fill(this.#options.clock.monotonicMs()), this.#pressed);
    if (pressed === this.#pressed) return;
    this.#pressed = pressed;
    this.#options.onPressure(pressed);
  }
}

interface Verdict {
  /** Undefined: the event stays and is handed over again. */
  outcome: Outcome | undefined;
  /** What keeps the queue from taking events. */
  fault?: string;
  /** What happened to this one event. */
  notice?: string;
}

const FULL = 'the queue holds RELAX_QUEUE_MAX items: consumers are stopped or too slow';

function judge(result: EnqueueResult | undefined): Verdict {
  switch (result?.kind) {
    case 'queued':
    case 'duplicate':
    case 'fenced':
      return { outcome: { kind: result.kind } };
    case 'unmarked':
      return {
        outcome: { kind: 'queued' },
        notice: `queued, but its mark could not be written, so that copies will be queued too: ${result.error}`,
      };
    case 'full':
      return { outcome: undefined, fault: FULL };
    case 'error': {
      const { retry, words } = refusal(result.key, result.error);
      return retry
        ? { outcome: undefined, fault: words }
        : { outcome: { kind: 'failed', reason: 'refused' }, notice: words };
    }
    case undefined:
      return { outcome: undefined };
  }
}

/** @returns undefined for what JSON can't hold: nesting so deep that the encoder gives up */
function encode(item: unknown): string | undefined {
  try {
    return JSON.stringify(item);
  } catch {
    return undefined;
  }
}
