import type { BotSummary } from '../../core/bot-summary.ts';
import { errorText, type Log } from '../../core/log.ts';
import type { BotSummaries } from '../fleet/bot-summaries.ts';

export interface SummaryKeeperOptions {
  summaries: BotSummaries;
  /** Only the one that plans writes them. */
  leads: () => boolean;
  log: Log;
  everyMs?: number;
}

const EVERY_MS = 1_000;
/** A Redis that lost them has them again after this long. */
const RECHECK_MS = 60_000;

/** Keeps the lines of `relax status` in Redis up to date. A courtesy to people: failures are told once and tried again. */
export class SummaryKeeper {
  readonly #options: SummaryKeeperOptions;
  readonly #lines = new Map<string, BotSummary>();
  #dirty = false;
  #checkedAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #putting: Promise<void> = Promise.resolve();
  #failing = false;

  constructor(options: SummaryKeeperOptions) {
    this.#options = options;
  }

  set(uid: string, line: BotSummary | undefined): void {
    if (line === undefined) this.#lines.delete(uid);
    else this.#lines.set(uid, line);
    this.#dirty = true;
  }

  start(): void {
    this.#wait();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#putting;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#putting = this.#put().finally(() => {
        if (this.#timer !== undefined) this.#wait();
      });
    }, this.#options.everyMs ?? EVERY_MS);
  }

  async #put(): Promise<void> {
    const { summaries, leads, log } = this.#options;
    if (!leads()) return;
    if (performance.now() - this.#checkedAtMs > RECHECK_MS) {
      this.#checkedAtMs = performance.now();
      summaries.forgetWritten();
      this.#dirty = true;
    }
    if (!this.#dirty) return;
    this.#dirty = false;
    try {
      await summaries.put(this.#lines);
      this.#failing = false;
    } catch (error) {
      this.#dirty = true;
      if (!this.#failing) log.warn({ error: errorText(error) }, 'lines of relax status not written');
      this.#failing = true;
    }
  }
}
