import type { DefectLog } from '../../core/process/defect.ts';
import type { Timers } from '../../core/process/timers.ts';

export interface OutboxScheduleDeps {
  /** @returns ms until it should be served again; undefined for not by itself. Never rejects. */
  serve(outbox: string): Promise<number | undefined>;
  /** Outboxes served at the same time. */
  atOnce: number;
  timers: Timers;
  defects: Pick<DefectLog, 'report'>;
}

/** When this process looks at which outbox: each by one at a time, all by so many. */
export class OutboxSchedule {
  readonly #deps: OutboxScheduleDeps;
  readonly #alarms = new Map<string, { atMs: number; cancel: () => void }>();
  /** Their time has come, in this order. */
  readonly #ready = new Set<string>();
  readonly #serving = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(deps: OutboxScheduleDeps) {
    this.#deps = deps;
  }

  /** Serves it in so many ms, or sooner if that is planned. */
  wake(outbox: string, inMs: number): void {
    const { timers } = this.#deps;
    const atMs = timers.monotonicMs() + inMs;
    const planned = this.#alarms.get(outbox);
    if (this.#stopped || this.#ready.has(outbox) || (planned !== undefined && planned.atMs <= atMs)) return;
    planned?.cancel();
    this.#alarms.delete(outbox);
    if (inMs > 0) {
      this.#alarms.set(outbox, { atMs, cancel: timers.after(inMs, () => this.#due(outbox)) });
      return;
    }
    this.#due(outbox);
  }

  /** What it meant to serve. Nothing is begun from now on. */
  stop(): string[] {
    this.#stopped = true;
    const planned = [...this.#alarms.keys(), ...this.#ready];
    for (const { cancel } of this.#alarms.values()) cancel();
    this.#alarms.clear();
    this.#ready.clear();
    return planned;
  }

  /** Resolves when nothing is being served. */
  async idle(): Promise<void> {
    while (this.#serving.size > 0) await Promise.all(this.#serving.values());
  }

  #due(outbox: string): void {
    this.#alarms.delete(outbox);
    this.#ready.add(outbox);
    this.#begin();
  }

  #begin(): void {
    for (const outbox of this.#ready) {
      if (this.#serving.size >= this.#deps.atOnce) return;
      // One that is being served stays ready: something has come meanwhile.
      if (this.#serving.has(outbox)) continue;
      this.#ready.delete(outbox);
      this.#serving.set(outbox, this.#serve(outbox));
    }
  }

  async #serve(outbox: string): Promise<void> {
    let nextMs: number | undefined;
    try {
      nextMs = await this.#deps.serve(outbox);
    } catch (error) {
      this.#deps.defects.report('an outbox', error);
    }
    this.#serving.delete(outbox);
    if (nextMs !== undefined) this.wake(outbox, nextMs);
    this.#begin();
  }
}
