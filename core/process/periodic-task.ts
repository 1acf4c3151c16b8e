import { DefectLog } from './defect.ts';
import type { Log } from './log.ts';
import { systemTimers } from './timers.ts';

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
  /** Of the next run, while one is scheduled. */
  #cancel = (): void => {};
  #dueAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** @param name for the log, if its work throws */
  constructor(name: string, work: PeriodicWork, log: Pick<Log, 'warn' | 'error'>) {
    this.#name = name;
    this.#work = work;
    this.#defects = new DefectLog(log, systemTimers);
  }

  /** Runs within this many ms; several calls in that time cause one run. */
  soon(withinMs: number): void {
    const dueAtMs = systemTimers.monotonicMs() + withinMs;
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
    this.#cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#cancel();
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    const nextMs = await this.#doWork();
    this.#running = undefined;
    this.#dueAtMs = Math.min(this.#dueAtMs, systemTimers.monotonicMs() + nextMs);
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
    this.#cancel();
    if (this.#stopped || this.#running !== undefined || !Number.isFinite(this.#dueAtMs)) return;
    this.#cancel = systemTimers.after(this.#dueAtMs - systemTimers.monotonicMs(), () => void this.now());
  }
}
