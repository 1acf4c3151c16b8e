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
  /** Monotonic time of the offer. */
  offeredAtMs: number;
  /** Called once, when the outcome is final. */
  settled: Settled | undefined;
}

/** What waits for one queue: first in, first out. Whatever leaves it does so in the order in which it came. */
export class EventBuffer {
  readonly #bound: BufferBound;
  #entries: (QueueEntry | undefined)[] = [];
  #head = 0;

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

  /** The oldest entries, at least one if there is any. They stay until `release`. */
  front(maxCount: number, maxBytes: number): QueueEntry[] {
    const batch: QueueEntry[] = [];
    let bytes = 0;
    for (let at = this.#head; at < this.#entries.length && batch.length < maxCount; at++) {
      const entry = this.#entries[at];
      if (entry === undefined) break;
      bytes += entry.bytes;
      if (batch.length > 0 && bytes > maxBytes) break;
      batch.push(entry);
    }
    return batch;
  }

  /** Removes the `count` oldest, except those in `keep`, which stay the oldest in the given order. */
  release(count: number, keep: readonly QueueEntry[] = []): void {
    for (let at = this.#head; at < this.#head + count; at++) {
      const entry = this.#entries[at];
      if (entry !== undefined) this.#bound.remove(entry);
      this.#entries[at] = undefined;
    }
    this.#head += count - keep.length;
    keep.forEach((entry, index) => {
      this.#entries[this.#head + index] = entry;
      this.#bound.add(entry);
    });
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

  ageMs(nowMs: number): number {
    const oldest = this.#entries[this.#head];
    return oldest === undefined ? 0 : nowMs - oldest.offeredAtMs;
  }

  /** Now and then, not at every batch: that would copy the whole buffer each time. */
  #compact(): void {
    if (this.#head < 1024 || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
