import { systemClock } from '../../core/process/clock.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { BotSummaries } from '../fleet/bot-summaries.ts';

export interface SummaryKeeperOptions {
  summaries: Pick<BotSummaries, 'put' | 'forgetWritten'>;
  /** How many there are in Redis. */
  count: () => Promise<number>;
  /** Only the one that plans writes them, once it knows all of them. */
  leads: () => boolean;
  /** Namespaces of which it does not know all: what another wrote of bots there stays. */
  unlisted?: () => ReadonlySet<string>;
  log: Log;
  everyMs?: number;
  recheckMs?: number;
}

const EVERY_MS = 1_000;
/** A Redis that lost them has them again after this long. */
const RECHECK_MS = 60_000;

/** Keeps the lines of `relax status` in Redis up to date. A courtesy to people: failures are told once and tried again. */
export class SummaryKeeper {
  readonly #options: SummaryKeeperOptions;
  readonly #lines = new Map<string, BotSummary>();
  #dirty = false;
  #checkedAtMs = systemClock.monotonicMs();
  #timer: NodeJS.Timeout | undefined;
  #putting: Promise<void> = Promise.resolve();
  #failing = false;
  #led = false;

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

  /** Counting is enough: Redis loses all of them or none, and reading 100,000 each minute would be a burden. */
  async #recheck(): Promise<void> {
    if (systemClock.monotonicMs() - this.#checkedAtMs < (this.#options.recheckMs ?? RECHECK_MS)) return;
    this.#checkedAtMs = systemClock.monotonicMs();
    if ((await this.#options.count()) === this.#lines.size) return;
    this.#options.summaries.forgetWritten();
    this.#dirty = true;
  }

  async #put(): Promise<void> {
    const { summaries, leads, unlisted, log } = this.#options;
    const led = this.#led;
    this.#led = leads();
    if (!this.#led) return;
    if (!led) {
      // Another has written them meanwhile.
      summaries.forgetWritten();
      this.#dirty = true;
    }
    try {
      await this.#recheck();
      if (!this.#dirty) return;
      this.#dirty = false;
      await summaries.put(this.#lines, unlisted?.());
      this.#failing = false;
    } catch (error) {
      this.#dirty = true;
      if (!this.#failing) log.warn({ error: errorText(error) }, 'lines of relax status not written');
      this.#failing = true;
    }
  }
}
