import { type Clock, systemClock } from './clock.ts';
import { DefectLog } from './defect.ts';
import type { Log } from './log.ts';

/** Does its work. @returns ms until it is due again, Infinity when only a call will bring it about */
export type PeriodicWork = () => Promise<number>;

/** The delay after a run that threw. Work returns when it should run again; throwing is a defect. */
const THREW_RETRY_MS = 1_000;

/**
 * Work that runs repeatedly, sooner when asked, and never twice at the same time. A call during a run causes another run,
 * since the current one may have read its input already. A run that throws is logged, and others follow.
 */
export class PeriodicTask {
  readonly #name: string;
  readonly #work: PeriodicWork;
  readonly #defects: DefectLog;
  readonly #clock: Clock;
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** @param name for the log, if its work throws */
  constructor(name: string, work: PeriodicWork, log: Pick<Log, 'warn' | 'error'>, clock: Clock = systemClock) {
    this.#name = name;
    this.#work = work;
    this.#defects = new DefectLog(log, clock);
    this.#clock = clock;
  }

  /** Runs within this many ms; several calls in that time cause one run. */
  soon(withinMs: number): void {
    const dueAtMs = this.#clock.monotonicMs() + withinMs;
    if (dueAtMs >= this.#dueAtMs) return;
    this.#dueAtMs = dueAtMs;
    this.#arm();
  }

  /** Runs at once; resolves after a run that began after this call, whatever its result. Does nothing once stopped. */
  async now(): Promise<void> {
    await this.#running;
    if (this.#stopped) return;
    this.#running ??= this.#run();
    await this.#running;
  }

  /** Resolves when the current run has ended; no other begins after it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    const nextMs = await this.#doWork();
    this.#running = undefined;
    this.#dueAtMs = Math.min(this.#dueAtMs, this.#clock.monotonicMs() + nextMs);
    this.#arm();
  }

  async #doWork(): Promise<number> {
    try {
      return await this.#work();
    } catch (error) {
      this.#defects.report(this.#name, error);
      return THREW_RETRY_MS;
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#stopped || this.#running !== undefined || !Number.isFinite(this.#dueAtMs)) return;
    this.#timer = setTimeout(() => void this.now(), Math.max(0, this.#dueAtMs - this.#clock.monotonicMs()));
  }
}
