import type { Copy, QueueEntry } from './buffer.ts';
import { findsMarkOf } from './mark-keys.ts';

/** Slack sends an event four times at most, on whichever sockets; more than this of one event is no redelivery. */
const MOST_COPIES = 16;

/** What says that two events are the same one. */
export type CopyFacts = Pick<QueueEntry, 'mark' | 'fenceField' | 'generation'>;

/**
 * The events that wait and that Slack may send again. While Redis is away Slack does send them again: a copy then shares the
 * outcome of the one that waits, rather than taking room a second time.
 */
export class WaitingCopies {
  /** Field of the mark, a digest of the identity -> the entry that waits. */
  readonly #waiting = new Map<string, QueueEntry>();
  #count = 0;

  /** Copies that wait for the outcome of another event. */
  get count(): number {
    return this.#count;
  }

  /**
   * Only for what the script, too, would call a duplicate: the mark of the one that waits will be where this one looks for
   * it. Another generation is not refused by the same fence.
   * @returns whether the copy was taken
   */
  join({ mark, fenceField, generation }: CopyFacts, copy: Copy): boolean {
    const entry = this.#waiting.get(mark.field);
    if (entry === undefined || entry.fenceField !== fenceField || entry.generation !== generation) return false;
    if (!findsMarkOf(mark, entry.mark)) return false;
    const copies = entry.copies ?? [];
    if (copies.length >= MOST_COPIES) return false;
    copies.push(copy);
    entry.copies = copies;
    this.#count += 1;
    return true;
  }

  /** The entry waits from now on. */
  add(entry: QueueEntry): void {
    if (entry.isSentAgain) this.#waiting.set(entry.mark.field, entry);
  }

  /** The entry and its copies wait no longer. */
  remove(entry: QueueEntry): void {
    if (!entry.isSentAgain) return;
    this.#count -= entry.copies?.length ?? 0;
    if (this.#waiting.get(entry.mark.field) === entry) this.#waiting.delete(entry.mark.field);
  }
}
