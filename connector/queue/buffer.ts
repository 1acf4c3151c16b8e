import type { MarkPlace } from './mark-keys.ts';
import type { Settled } from './outcome.ts';

/** An event that waits for its turn: all that the script needs, encoded once. */
export interface QueueEntry {
  fenceField: string;
  generation: number;
  mark: MarkPlace;
  payload: string;
  /** Bytes of the payload in UTF-8. */
  bytes: number;
  /** Monotonic time of the offer. */
  offeredAtMs: number;
  /** Told once, when the outcome is final. */
  settled: Settled | undefined;
}

export interface BufferLimits {
  /** Payload bytes that may wait (`RELAX_BUFFER_BYTES`). */
  maxBytes: number;
  /** How old the oldest may grow before reading pauses (`RELAX_BUFFER_SECONDS`). */
  maxAgeMs: number;
}

/** First in, first out, bounded. Whatever leaves it does so in the order in which it came. */
export class EventBuffer {
  readonly #limits: BufferLimits;
  #entries: (QueueEntry | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  /** Fence field -> bytes. A bot without a waiting event has no entry. */
  readonly #bytesOf = new Map<string, number>();

  constructor(limits: BufferLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Payload bytes that wait, by the bot (its fence field) whose events they are. */
  get bytesOf(): ReadonlyMap<string, number> {
    return this.#bytesOf;
  }

  /** @returns false when there is no room; the entry is not taken then */
  push(entry: QueueEntry): boolean {
    if (this.#bytes + entry.bytes > this.#limits.maxBytes) return false;
    this.#entries.push(entry);
    this.#weigh(entry, entry.bytes);
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

  /** Takes the `count` oldest out, except those of `keep`, which stay the oldest in the order given. */
  release(count: number, keep: readonly QueueEntry[] = []): void {
    for (let at = this.#head; at < this.#head + count; at++) {
      const entry = this.#entries[at];
      if (entry !== undefined) this.#weigh(entry, -entry.bytes);
      this.#entries[at] = undefined;
    }
    this.#head += count - keep.length;
    keep.forEach((entry, index) => {
      this.#entries[this.#head + index] = entry;
      this.#weigh(entry, entry.bytes);
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

  /** Of each limit, 0 when empty and 1 when it is reached. */
  fill(nowMs: number): { bytes: number; age: number } {
    return { bytes: this.#bytes / this.#limits.maxBytes, age: this.ageMs(nowMs) / this.#limits.maxAgeMs };
  }

  #weigh({ fenceField }: QueueEntry, bytes: number): void {
    this.#bytes += bytes;
    const now = (this.#bytesOf.get(fenceField) ?? 0) + bytes;
    if (now > 0) this.#bytesOf.set(fenceField, now);
    else this.#bytesOf.delete(fenceField);
  }

  /** Now and then, not at every batch: that would copy the whole buffer each time. */
  #compact(): void {
    if (this.#head < 1024 || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
