import type { Timers } from '#core/process/timers.ts';

/** Time that moves only when told to. Wall and monotonic clocks differ on purpose, so that mixing them up shows. */
export class FakeTimers implements Timers {
  #nowMs = 0;
  readonly #alarms = new Set<{ dueMs: number; fire: () => void }>();
  readonly wallOffsetMs = Date.UTC(2026, 0, 1);

  wallMs(): number {
    return this.wallOffsetMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fire: () => void): () => void {
    const alarm = { dueMs: this.#nowMs + Math.max(0, delayMs), fire };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** The process is stopped for so long: what is due meanwhile fires late, at the next `advance`. */
  sleepThrough(ms: number): void {
    this.#nowMs += ms;
  }

  get pending(): number {
    return this.#alarms.size;
  }

  /** Moves on, fires what is due in its order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#first(endMs); next !== undefined; next = this.#first(endMs)) {
      this.#alarms.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.fire();
      await settle();
    }
    this.#nowMs = endMs;
  }

  #first(endMs: number): { dueMs: number; fire: () => void } | undefined {
    let first: { dueMs: number; fire: () => void } | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.dueMs <= endMs && (first === undefined || alarm.dueMs < first.dueMs)) first = alarm;
    }
    return first;
  }
}

/** All promises that can settle without time passing have settled. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
