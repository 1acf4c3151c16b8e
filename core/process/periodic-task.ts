import { type Clock, systemClock } from './clock.ts';

/** Does its work. Never rejects. @returns ms until it is due again, Infinity when only a call will bring it about */
export type PeriodicWork = () => Promise<number>;

/**
 * Work that comes again and again, sooner when asked, and never twice at the same time. A call during a run is answered
 * by the next run, since the present one may have looked already.
 */
export class PeriodicTask {
  readonly #work: PeriodicWork;
  readonly #clock: Clock;
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(work: PeriodicWork, clock: Clock = systemClock) {
    this.#work = work;
    this.#clock = clock;
  }

  /** Runs within so many ms; several calls in that time make one run. */
  soon(withinMs: number): void {
    const dueAtMs = this.#clock.monotonicMs() + withinMs;
    if (dueAtMs >= this.#dueAtMs) return;
    this.#dueAtMs = dueAtMs;
    this.#arm();
  }

  /** Runs at once; resolves after a run that began after this call. Does nothing once stopped. */
  async now(): Promise<void> {
    await this.#running;
    if (this.#stopped) return;
    this.#running ??= this.#run();
    await this.#running;
  }

  /** Resolves when the run under way has ended; none begins after it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    const nextMs = await this.#work();
    this.#running = undefined;
    this.#dueAtMs = Math.min(this.#dueAtMs, this.#clock.monotonicMs() + nextMs);
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#stopped || this.#running !== undefined || !Number.isFinite(this.#dueAtMs)) return;
    this.#timer = setTimeout(() => void this.now(), Math.max(0, this.#dueAtMs - this.#clock.monotonicMs()));
  }
}
