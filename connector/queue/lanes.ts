import { backoffMs } from '../../core/process/backoff.ts';
import type { QueueKeys } from '../../core/protocol/keys.ts';
import { nextFlushMs, type Waiting } from './batcher.ts';
import { type Copy, EventBuffer, type QueueEntry } from './buffer.ts';
import type { BufferBound } from './buffer-bound.ts';
import { type CopyFacts, WaitingCopies } from './waiting-copies.ts';

/** Quick after a short break, rarely while Redis stays away. */
const RETRY = { baseMs: 50, capMs: 2_000 };

/** When something that failed may be tried again. */
export class Backoff {
  #failures = 0;
  #retryAtMs = 0;

  /** 0 or less: now. */
  retryInMs(nowMs: number): number {
    return this.#retryAtMs - nowMs;
  }

  failed(nowMs: number): void {
    this.#retryAtMs = nowMs + backoffMs(this.#failures, RETRY, Math.random());
    this.#failures += 1;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  retryNow(): void {
    this.#retryAtMs = 0;
  }
}

/** One Redis list. When it refuses events (it is full, say), only what goes to it waits. */
export interface TargetList {
  key: string;
  isUrgent: boolean;
  backoff: Backoff;
}

interface Lane {
  buffer: EventBuffer;
  list: TargetList;
}

/**
 * What waits for the lists of one queue. Urgent events go before others in every batch, so that one of them need not wait
 * behind everything that piled up, and each of the two keeps its order. Without a list of their own, urgent events go to
 * the queue, still first.
 */
export class Lanes {
  /** One, or two with a list for urgent events. */
  readonly lists: readonly TargetList[];
  /** Of batches that got no answer. */
  readonly outage = new Backoff();
  readonly #urgent: Lane;
  readonly #ordinary: Lane;
  readonly #lanes: readonly Lane[];
  readonly #copies = new WaitingCopies();

  constructor({ queue, urgent }: Pick<QueueKeys, 'queue' | 'urgent'>, bound: BufferBound) {
    const list = { key: queue, isUrgent: false, backoff: new Backoff() };
    const urgentList = urgent === queue ? list : { key: urgent, isUrgent: true, backoff: new Backoff() };
    this.lists = urgent === queue ? [list] : [urgentList, list];
    this.#urgent = { buffer: new EventBuffer(bound), list: urgentList };
    this.#ordinary = { buffer: new EventBuffer(bound), list };
    this.#lanes = [this.#urgent, this.#ordinary];
  }

  /** Events that wait, copies included. */
  get pending(): number {
    return this.#urgent.buffer.length + this.#ordinary.buffer.length + this.#copies.count;
  }

  /** Urgent events that wait, without copies. */
  get urgent(): number {
    return this.#urgent.buffer.length;
  }

  /** Of the oldest event. */
  ageMs(nowMs: number): number {
    return Math.max(this.#urgent.buffer.ageMs(nowMs), this.#ordinary.buffer.ageMs(nowMs));
  }

  /** Of the oldest for which sockets must pause: not urgent, or a list of urgent events that nobody reads would pause all. */
  pauseAgeMs(nowMs: number): number {
    return this.#ordinary.buffer.onceAgeMs(nowMs);
  }

  listOf({ urgent }: Pick<QueueEntry, 'urgent'>): TargetList {
    return (urgent ? this.#urgent : this.#ordinary).list;
  }

  /** @returns false when there is no room */
  push(entry: QueueEntry): boolean {
    const { buffer } = entry.urgent ? this.#urgent : this.#ordinary;
    if (!buffer.push(entry)) return false;
    this.#copies.add(entry);
    return true;
  }

  /** @returns whether the same event waits already, and the copy now shares its outcome */
  join(facts: CopyFacts, copy: Copy): boolean {
    return this.#copies.join(facts, copy);
  }

  /** No more events will follow, so what waits is tried at once. */
  retryNow(): void {
    this.outage.retryNow();
    for (const { backoff } of this.lists) backoff.retryNow();
  }

  /** @returns ms until the next batch is due, 0 for now, undefined when something else must happen first */
  nextFlushMs(nowMs: number, state: Pick<Waiting, 'inFlight' | 'draining'>): number | undefined {
    let nextMs: number | undefined;
    for (const { buffer, list } of this.#lanes) {
      const dueMs = nextFlushMs({
        ...state,
        events: buffer.length,
        oldestAgeMs: buffer.ageMs(nowMs),
        retryInMs: this.#retryInMs(list, nowMs),
      });
      if (dueMs !== undefined && (nextMs === undefined || dueMs < nextMs)) nextMs = dueMs;
    }
    return nextMs;
  }

  /** The next batch, urgent events first. They stay until `release`. */
  front(maxCount: number, maxBytes: number, nowMs: number): QueueEntry[] {
    let batch: QueueEntry[] = [];
    for (const { buffer, list } of this.#lanes) {
      if (this.#retryInMs(list, nowMs) <= 0) batch = buffer.front(maxCount, maxBytes, batch);
    }
    return batch;
  }

  /** Removes a batch, except those in `keep`, which stay the oldest. */
  release(batch: readonly QueueEntry[], keep: readonly QueueEntry[]): void {
    const urgent = batch.filter((entry) => entry.urgent).length;
    const keepUrgent = keep.filter((entry) => entry.urgent);
    const keepOthers = keepUrgent.length === 0 ? keep : keep.filter((entry) => !entry.urgent);
    for (const entry of batch) if (!keep.includes(entry)) this.#copies.remove(entry);
    this.#urgent.buffer.release(urgent, keepUrgent);
    this.#ordinary.buffer.release(batch.length - urgent, keepOthers);
  }

  /** Takes out those that were offered before `monotonicMs`. */
  expire(monotonicMs: number): QueueEntry[] {
    const expired = this.#lanes.flatMap(({ buffer }) => buffer.expire(monotonicMs));
    for (const entry of expired) this.#copies.remove(entry);
    return expired;
  }

  #retryInMs({ backoff }: TargetList, nowMs: number): number {
    return Math.max(this.outage.retryInMs(nowMs), backoff.retryInMs(nowMs));
  }
}
