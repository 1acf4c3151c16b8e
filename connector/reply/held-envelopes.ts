import type { Timers } from '../../core/process/timers.ts';

export interface HeldEnvelope {
  readonly id: string;
  /** Monotonic. */
  readonly dueMs: number;
}

/**
 * Envelopes by their id, which several may share: Slack may send one over two sockets. And one timer for the deadlines of
 * all: they are due in the order in which they came.
 */
export class HeldEnvelopes<E extends HeldEnvelope> {
  readonly #timers: Timers;
  readonly #onDue: (envelope: E) => void;
  readonly #byID = new Map<string, E[]>();
  /** In the order of their deadlines, as long as those are to come and matter. */
  readonly #due = new Set<E>();
  #cancel: (() => void) | undefined;

  constructor(timers: Timers, onDue: (envelope: E) => void) {
    this.#timers = timers;
    this.#onDue = onDue;
  }

  /** Envelopes whose deadline is still to come and matters. */
  get waiting(): number {
    return this.#due.size;
  }

  of(id: string): readonly E[] {
    return this.#byID.get(id) ?? [];
  }

  /** @param envelope is due after all that were added before */
  add(envelope: E): void {
    this.#byID.set(envelope.id, [...this.of(envelope.id), envelope]);
    this.#due.add(envelope);
    this.#arm();
  }

  /** Its deadline no longer matters; it is held on. */
  stopWaiting(envelope: E): void {
    this.#due.delete(envelope);
    if (this.#due.size === 0) this.stop();
  }

  remove(envelope: E): void {
    const others = this.of(envelope.id).filter((other) => other !== envelope);
    if (others.length === 0) this.#byID.delete(envelope.id);
    else this.#byID.set(envelope.id, others);
    this.stopWaiting(envelope);
  }

  /** No deadline is watched from now on, until another envelope is added. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    const [first] = this.#due;
    if (first === undefined || this.#cancel !== undefined) return;
    this.#cancel = this.#timers.after(first.dueMs - this.#timers.monotonicMs(), () => {
      this.#cancel = undefined;
      this.#fire();
    });
  }

  #fire(): void {
    const nowMs = this.#timers.monotonicMs();
    for (const envelope of this.#due) {
      // A timer may fire up to a millisecond early.
      if (envelope.dueMs > nowMs + 1) break;
      this.#due.delete(envelope);
      this.#onDue(envelope);
    }
    this.#arm();
  }
}
