import type { BufferBound } from './buffer-bound.ts';
import type { MarkPlace } from './mark-keys.ts';
import type { Settled } from './outcome.ts';

/** An event that waits to be queued: everything the script needs, encoded once. */
export interface QueueEntry {
  fenceField: string;
  generation: number;
  mark: MarkPlace;
  payload: string;
  /** Bytes of the payload in UTF-8. */
  bytes: number;
  /** Goes before others, and to the list of urgent events if there is one. */
  urgent: boolean;
  /** Slack sends it again unless it is acknowledged. */
  isSentAgain: boolean;
  /** Events of one lane keep their order (`laneOf`). */
  lane: number;
  /** Monotonic time of the offer. */
  offeredAtMs: number;
  /** Called once, when the outcome is final. */
  settled: Settled | undefined;
  /** Copies that came while it waited; most events have none. */
  copies?: Copy[];
}

/** A copy of an event that waits already (`waiting-copies.ts`). */
export interface Copy {
  /** Monotonic time of the offer. */
  offeredAtMs: number;
  /** Called once, when the outcome is final. */
  settled: Settled | undefined;
}

/** Events in the order in which they came. Whatever leaves does so in that order, too. */
export class EventBuffer {
  readonly #bound: BufferBound;
  #entries: (QueueEntry | undefined)[] = [];
  #head = 0;
  /** What stands before it will be sent again by Slack. Moves on when somebody asks. */
  #once = 0;

  constructor(bound: BufferBound) {
    this.#bound = bound;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** @returns false when there is no room; the entry is not taken then */
  push(entry: QueueEntry): boolean {
    if (!this.#bound.hasRoomFor(entry)) return false;
    this.#entries.push(entry);
    this.#bound.add(entry);
    return true;
  }

  /**
   * Adds the oldest entries to a batch, within the bounds; at least one if the batch is empty. They stay here until
   * `release`.
   * @param maxCount of the batch
   * @param maxBytes of what is added
   * @returns how many were added
   */
  front(batch: QueueEntry[], maxCount: number, maxBytes: number): number {
    const before = batch.length;
    let bytes = 0;
    for (let at = this.#head; at < this.#entries.length && batch.length < maxCount; at++) {
      const entry = this.#entries[at];
      if (entry === undefined) break;
      bytes += entry.bytes;
      if (batch.length > 0 && bytes > maxBytes) break;
      batch.push(entry);
    }
    return batch.length - before;
  }

  /** Removes the `count` oldest, except those in `keep`, which stay the oldest in the given order. */
  release(count: number, keep: readonly QueueEntry[] = []): void {
    const end = this.#head + count;
    for (let at = this.#head; at < end; at++) {
      const entry = this.#entries[at];
      if (entry !== undefined) this.#bound.remove(entry);
      this.#entries[at] = undefined;
    }
    this.#head = end - keep.length;
    keep.forEach((entry, index) => {
      this.#entries[this.#head + index] = entry;
      this.#bound.add(entry);
    });
    const once = keep.findIndex(({ isSentAgain }) => !isSentAgain);
    this.#once = once === -1 ? Math.max(this.#once, end) : this.#head + once;
    this.#compact();
  }

  /** Takes out those that were offered before `monotonicMs`. */
  expire(monotonicMs: number): QueueEntry[] {
    const expired: QueueEntry[] = [];
    for (let at = this.#head; at < this.#entries.length; at++) {
      const entry = this.#entries[at];
      if (entry === undefined || entry.offeredAtMs >= monotonicMs) break;
      expired.push(entry);
    }
    this.release(expired.length);
    return expired;
  }

  /** Monotonic time at which the oldest entry was offered; Infinity when there is none. */
  get headAtMs(): number {
    return this.#entries[this.#head]?.offeredAtMs ?? Number.POSITIVE_INFINITY;
  }

  /** Of the oldest entry that Slack sends only once; 0 when there is none. */
  onceAgeMs(nowMs: number): number {
    let oldest = this.#entries[this.#once];
    while (oldest?.isSentAgain) {
      this.#once += 1;
      oldest = this.#entries[this.#once];
    }
    return oldest === undefined ? 0 : nowMs - oldest.offeredAtMs;
  }

  /** Now and then, not at every batch: that would copy the whole buffer each time. */
  #compact(): void {
    if (this.length === 0) {
      this.#entries.length = this.#head = this.#once = 0;
      return;
    }
    if (this.#head < 1024 || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#once -= this.#head;
    this.#head = 0;
  }
}
