import { type BufferLoad, MOST_AGAIN, type Share } from './pressure.ts';

export interface BufferLimits {
  /** Payload bytes that may wait (`RELAX_BUFFER_BYTES`). */
  maxBytes: number;
  /** How old the oldest may grow before reading pauses (`RELAX_BUFFER_SECONDS`). */
  maxAgeMs: number;
}

/** The part of an event that matters here. */
interface Weighed {
  fenceField: string;
  bytes: number;
  isSentAgain: boolean;
}

/** The one bound on everything that waits in a connector, for any number of queues (design rule 5). */
export class BufferBound {
  readonly #limits: BufferLimits;
  readonly #once: Weights;
  readonly #again: Weights;

  constructor(limits: BufferLimits) {
    this.#limits = limits;
    this.#once = new Weights(limits.maxBytes);
    this.#again = new Weights(limits.maxBytes);
  }

  get bytes(): number {
    return this.#once.bytes + this.#again.bytes;
  }

  hasRoomFor({ bytes, isSentAgain }: Pick<Weighed, 'bytes' | 'isSentAgain'>): boolean {
    const { maxBytes } = this.#limits;
    return this.bytes + bytes <= (isSentAgain ? MOST_AGAIN * maxBytes : maxBytes);
  }

  add({ fenceField, bytes, isSentAgain }: Weighed): void {
    (isSentAgain ? this.#again : this.#once).weigh(fenceField, bytes);
  }

  remove({ fenceField, bytes, isSentAgain }: Weighed): void {
    (isSentAgain ? this.#again : this.#once).weigh(fenceField, -bytes);
  }

  /** @param ageMs of the oldest event for which sockets must pause */
  load(ageMs: number): BufferLoad {
    return { age: ageMs / this.#limits.maxAgeMs, once: this.#once, again: this.#again };
  }
}

/** Bytes that wait, by bot. */
class Weights implements Share {
  readonly #maxBytes: number;
  #bytes = 0;
  /** A bot without a waiting event has no entry. */
  readonly #bytesOf = new Map<string, number>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get fill(): number {
    return this.#bytes / this.#maxBytes;
  }

  get bytesOf(): ReadonlyMap<string, number> {
    return this.#bytesOf;
  }

  weigh(fenceField: string, bytes: number): void {
    this.#bytes += bytes;
    const now = (this.#bytesOf.get(fenceField) ?? 0) + bytes;
    if (now > 0) this.#bytesOf.set(fenceField, now);
    else this.#bytesOf.delete(fenceField);
  }
}
