import type { QueueKeys } from '../../core/protocol/keys.ts';
import { BackoffGate } from './backoff-gate.ts';
import {
  type BatchEnd,
  batchLimit,
  inOrder,
  MAX_BATCH_BYTES,
  MAX_BATCH_EVENTS,
  MAX_IN_FLIGHT,
  nextFlushMs,
} from './batcher.ts';
import type { Copy, QueueEntry } from './buffer.ts';
import type { BufferBound } from './buffer-bound.ts';
import { LANES, Lane } from './lane.ts';
import type { Outcome } from './outcome.ts';
import { type CopyFacts, WaitingCopies } from './waiting-copies.ts';

/** One Redis list. When it refuses events (it is full, say), only what goes to it waits. */
export interface TargetList {
  readonly key: string;
  readonly isUrgent: boolean;
  readonly gate: BackoffGate;
  /** Batches under way that have events for it. */
  inFlight: number;
}

/** The lanes of the urgent events, or those of the others. */
interface Group {
  readonly list: TargetList;
  readonly areUrgent: boolean;
  readonly lanes: readonly Lane[];
  /** Events in them. */
  events: number;
  /** Those of lanes that are not busy. */
  free: number;
}

/** What a batch took from one lane. */
export interface BatchPart {
  readonly group: Group;
  readonly lane: Lane;
  readonly count: number;
}

/** Events of a few lanes, urgent ones first. The lanes are busy until it has ended. */
export interface Batch {
  readonly serial: number;
  readonly entries: readonly QueueEntry[];
  /** In the order of the entries. */
  readonly parts: readonly BatchPart[];
}

/**
 * What waits for the lists of one queue. Events of one channel are in one lane, and no two batches that are under way have a
 * lane in common, so each channel keeps its order whatever becomes of a batch. Urgent events have lanes of their own and
 * go before others in every batch, so that one of them need not wait behind everything that piled up. Without a list of
 * their own, they go to the queue, still first.
 */
export class Lanes {
  /** One, or two with a list for urgent events. */
  readonly #lists: readonly TargetList[];
  /** Of batches that got no answer. */
  readonly #outage = new BackoffGate();
  readonly #urgent: Group;
  readonly #ordinary: Group;
  readonly #groups: readonly Group[];
  readonly #copies = new WaitingCopies();
  #inFlight = 0;
  #serial = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;

  constructor({ queue, urgent }: Pick<QueueKeys, 'queue' | 'urgent'>, bound: BufferBound) {
    const list = { key: queue, isUrgent: false, gate: new BackoffGate(), inFlight: 0 };
    const urgentList = urgent === queue ? list : { key: urgent, isUrgent: true, gate: new BackoffGate(), inFlight: 0 };
    this.#lists = urgent === queue ? [list] : [urgentList, list];
    this.#urgent = groupOf(urgentList, true, bound);
    this.#ordinary = groupOf(list, false, bound);
    this.#groups = [this.#urgent, this.#ordinary];
  }

  /** Events that wait or are under way, copies included. */
  get pending(): number {
    return this.#urgent.events + this.#ordinary.events + this.#copies.count;
  }

  /** Urgent events among them, without copies. */
  get urgent(): number {
    return this.#urgent.events;
  }

  /** Batches under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Of the oldest event. */
  ageMs(nowMs: number): number {
    return Math.max(0, ...this.#groups.map(({ lanes }) => nowMs - oldestAtMs(lanes)));
  }

  /** Of the oldest for which sockets must pause: not urgent, or a list of urgent events that nobody reads would pause all. */
  pauseAgeMs(nowMs: number): number {
    let oldestMs = 0;
    for (const { buffer } of this.#ordinary.lanes) {
      if (buffer.length > 0) oldestMs = Math.max(oldestMs, buffer.onceAgeMs(nowMs));
    }
    return oldestMs;
  }

  listOf({ urgent }: Pick<QueueEntry, 'urgent'>): TargetList {
    return (urgent ? this.#urgent : this.#ordinary).list;
  }

  /** @returns undefined when there is no room; otherwise whether the time of the next batch may have changed */
  push(entry: QueueEntry): boolean | undefined {
    const group = entry.urgent ? this.#urgent : this.#ordinary;
    const lane = group.lanes[entry.lane];
    if (lane === undefined || !lane.buffer.push(entry)) return undefined;
    this.#copies.add(entry);
    group.events += 1;
    if (lane.isBusy) return false;
    group.free += 1;
    // The first needs a timer, and a full batch none. What comes in between waits with the first.
    return group.free === 1 || group.free === MAX_BATCH_EVENTS;
  }

  /** @returns whether the same event waits already, and the copy now shares its outcome */
  join(facts: CopyFacts, copy: Copy): boolean {
    return this.#copies.join(facts, copy);
  }

  /** No more events will follow, so what waits is tried at once. */
  retryNow(): void {
    this.#outage.retryNow();
    for (const { gate } of this.#lists) gate.retryNow();
  }

  /** @returns ms until the next batch is due, 0 for now, undefined when something else must happen first */
  nextFlushMs(nowMs: number, draining: boolean): number | undefined {
    let nextMs: number | undefined;
    for (const { list, areUrgent, lanes, free } of this.#groups) {
      if (free === 0) continue;
      const dueMs = nextFlushMs({
        events: free,
        areUrgent,
        oldestAgeMs: nowMs - oldestAtMs(lanes.filter(({ isBusy }) => !isBusy)),
        sinceBatchMs: nowMs - this.#sentAtMs,
        isBusy: this.#isBusy(list),
        retryInMs: this.#retryInMs(list, nowMs),
        draining,
      });
      if (dueMs !== undefined && (nextMs === undefined || dueMs < nextMs)) nextMs = dueMs;
    }
    return nextMs;
  }

  /** The next batch, from lanes that are not busy. They are, until it has `failed` or is `answered`. */
  take(nowMs: number): Batch | undefined {
    const entries: QueueEntry[] = [];
    const parts: BatchPart[] = [];
    let most = MAX_BATCH_EVENTS;
    let bytes = 0;
    for (const group of this.#groups) {
      if (group.free === 0 || this.#isBusy(group.list) || this.#retryInMs(group.list, nowMs) > 0) continue;
      for (const lane of inOrder(group.lanes.filter(({ isBusy, buffer }) => !isBusy && buffer.length > 0))) {
        const limit = Math.min(most, lane.limit);
        if (limit <= entries.length) continue;
        const count = lane.buffer.front(entries, limit, MAX_BATCH_BYTES - bytes);
        if (count === 0) continue;
        most = limit;
        for (let at = entries.length - count; at < entries.length; at++) bytes += entries[at]?.bytes ?? 0;
        lane.isBusy = true;
        group.free -= lane.buffer.length;
        parts.push({ group, lane, count });
      }
    }
    if (parts.length === 0) return undefined;
    this.#inFlight += 1;
    for (const list of listsOf(parts)) list.inFlight += 1;
    this.#sentAtMs = nowMs;
    this.#serial += 1;
    return { serial: this.#serial, entries, parts };
  }

  /** A batch got no answer: all of its events wait again, before any later one. */
  failed(batch: Batch, nowMs: number, end: 'cutOff' | 'failed'): void {
    this.#outage.failed(nowMs, batch.serial, this.#serial);
    this.#giveBack(batch, end);
  }

  /**
   * A batch was answered. Its events are taken out, except those without an outcome, which stay the oldest of their lanes;
   * their list has refused them.
   */
  answered(batch: Batch, outcomes: readonly (Outcome | undefined)[], nowMs: number): void {
    const refusing = new Set<TargetList>();
    let from = 0;
    for (const { group, lane, count } of batch.parts) {
      const keep: QueueEntry[] = [];
      for (let at = from; at < from + count; at++) {
        const entry = batch.entries[at];
        if (entry === undefined) continue;
        if (outcomes[at] === undefined) keep.push(entry);
        else this.#copies.remove(entry);
      }
      if (keep.length > 0) refusing.add(group.list);
      lane.buffer.release(count, keep);
      group.events -= count - keep.length;
      from += count;
    }
    this.#outage.succeeded();
    for (const list of listsOf(batch.parts)) {
      if (refusing.has(list)) list.gate.failed(nowMs, batch.serial, this.#serial);
      else list.gate.succeeded();
    }
    this.#giveBack(batch, 'answered');
  }

  #giveBack(batch: Batch, end: BatchEnd): void {
    this.#inFlight -= 1;
    for (const list of listsOf(batch.parts)) list.inFlight -= 1;
    for (const { group, lane } of batch.parts) {
      lane.limit = batchLimit(lane.limit, batch.entries.length, end);
      lane.isBusy = false;
      group.free += lane.buffer.length;
    }
  }

  /** Takes out those that were offered before `monotonicMs` and are not under way. */
  expire(monotonicMs: number): QueueEntry[] {
    return this.#remove(monotonicMs, ({ isBusy }) => !isBusy);
  }

  /** Takes out everything. */
  clear(): QueueEntry[] {
    return this.#remove(Number.POSITIVE_INFINITY, () => true);
  }

  #remove(monotonicMs: number, isIt: (lane: Lane) => boolean): QueueEntry[] {
    const removed: QueueEntry[] = [];
    for (const group of this.#groups) {
      for (const lane of group.lanes) {
        if (lane.headAtMs >= monotonicMs || !isIt(lane)) continue;
        const expired = lane.buffer.expire(monotonicMs);
        group.events -= expired.length;
        if (!lane.isBusy) group.free -= expired.length;
        for (const entry of expired) removed.push(entry);
      }
    }
    for (const entry of removed) this.#copies.remove(entry);
    return removed;
  }

  #isBusy({ gate, inFlight }: TargetList): boolean {
    return this.#inFlight >= Math.min(MAX_IN_FLIGHT, this.#outage.most) || inFlight >= gate.most;
  }

  #retryInMs({ gate }: TargetList, nowMs: number): number {
    return Math.max(this.#outage.retryInMs(nowMs), gate.retryInMs(nowMs));
  }
}

const groupOf = (list: TargetList, areUrgent: boolean, bound: BufferBound): Group => ({
  list,
  areUrgent,
  lanes: Array.from({ length: LANES }, () => new Lane(bound)),
  events: 0,
  free: 0,
});

/** Infinity when they are empty. */
function oldestAtMs(lanes: readonly Lane[]): number {
  let atMs = Number.POSITIVE_INFINITY;
  for (const { headAtMs } of lanes) if (headAtMs < atMs) atMs = headAtMs;
  return atMs;
}

const listsOf = (parts: readonly BatchPart[]): Set<TargetList> => new Set(parts.map(({ group }) => group.list));
