import type { DefectLog } from '../../core/process/defect.ts';
import type { Timers } from '../../core/process/timers.ts';

export interface OutboxScheduleDeps {
  /** @returns ms until it should be served again; undefined for not by itself. Never rejects. */
  serve(outbox: string): Promise<number | undefined>;
  /** Outboxes served at the same time. */
  atOnce: number;
  /** Of those the most of one group: one whose messages Slack does not answer must not take them all. */
  atOnceOfGroup: number;
  groupOf(outbox: string): string;
  timers: Timers;
  defects: Pick<DefectLog, 'report'>;
}

/** When this process looks at which outbox: each by one at a time, all by so many, and groups in turn. */
export class OutboxSchedule {
  readonly #deps: OutboxScheduleDeps;
  readonly #alarms = new Map<string, { atMs: number; cancel: () => void }>();
  /** By group: their time has come, in this order. */
  readonly #ready = new Map<string, Set<string>>();
  readonly #serving = new Map<string, Promise<void>>();
  /** How many of a group are served. */
  readonly #busy = new Map<string, number>();
  #stopped = false;

  constructor(deps: OutboxScheduleDeps) {
    this.#deps = deps;
  }

  /** Serves it in so many ms, or sooner if that is planned. */
  wake(outbox: string, inMs: number): void {
    const { timers } = this.#deps;
    const atMs = timers.monotonicMs() + inMs;
    const planned = this.#alarms.get(outbox);
    if (this.#stopped || this.#isReady(outbox) || (planned !== undefined && planned.atMs <= atMs)) return;
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
    const planned = [...this.#alarms.keys(), ...[...this.#ready.values()].flatMap((outboxes) => [...outboxes])];
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
    const group = this.#deps.groupOf(outbox);
    const outboxes = this.#ready.get(group) ?? new Set();
    this.#ready.set(group, outboxes.add(outbox));
    this.#begin();
  }

  #isReady(outbox: string): boolean {
    return this.#ready.get(this.#deps.groupOf(outbox))?.has(outbox) === true;
  }

  #begin(): void {
    // A group that goes to the end, to be asked again after the others, is met again by this loop.
    for (const [group, outboxes] of this.#ready) {
      if (this.#serving.size >= this.#deps.atOnce) return;
      const busy = this.#busy.get(group) ?? 0;
      if (busy >= this.#deps.atOnceOfGroup) continue;
      const outbox = this.#firstIdle(outboxes);
      if (outbox === undefined) continue;
      outboxes.delete(outbox);
      this.#ready.delete(group);
      if (outboxes.size > 0) this.#ready.set(group, outboxes);
      this.#busy.set(group, busy + 1);
      this.#serving.set(outbox, this.#serve(outbox, group));
    }
  }

  /** One that is being served stays ready: something has come meanwhile. */
  #firstIdle(outboxes: ReadonlySet<string>): string | undefined {
    for (const outbox of outboxes) if (!this.#serving.has(outbox)) return outbox;
    return undefined;
  }

  async #serve(outbox: string, group: string): Promise<void> {
    let nextMs: number | undefined;
    try {
      nextMs = await this.#deps.serve(outbox);
    } catch (error) {
      this.#deps.defects.report('an outbox', error);
    }
    this.#serving.delete(outbox);
    const left = (this.#busy.get(group) ?? 1) - 1;
    if (left > 0) this.#busy.set(group, left);
    else this.#busy.delete(group);
    if (nextMs !== undefined) this.wake(outbox, nextMs);
    this.#begin();
  }
}
