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
}

/** The one bound on everything that waits in a connector, for any number of queues (design rule 5). */
export class BufferBound {
  readonly #limits: BufferLimits;
  #bytes = 0;
  /** Fence field -> bytes. A bot without a waiting event has no entry. */
  readonly #bytesOf = new Map<string, number>();

  constructor(limits: BufferLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Waiting payload bytes per bot (by its fence field). */
  get bytesOf(): ReadonlyMap<string, number> {
    return this.#bytesOf;
  }

  hasRoomFor({ bytes }: Weighed): boolean {
    return this.#bytes + bytes <= this.#limits.maxBytes;
  }

  add({ fenceField, bytes }: Weighed): void {
    this.#weigh(fenceField, bytes);
  }

  remove({ fenceField, bytes }: Weighed): void {
    this.#weigh(fenceField, -bytes);
  }

  /** Of each limit, 0 when empty and 1 when it is reached. @param ageMs of the oldest event that waits */
  fill(ageMs: number): { bytes: number; age: number } {
    return { bytes: this.#bytes / this.#limits.maxBytes, age: ageMs / this.#limits.maxAgeMs };
  }

  #weigh(fenceField: string, bytes: number): void {
    this.#bytes += bytes;
    const now = (this.#bytesOf.get(fenceField) ?? 0) + bytes;
    if (now > 0) this.#bytesOf.set(fenceField, now);
    else this.#bytesOf.delete(fenceField);
  }
}
