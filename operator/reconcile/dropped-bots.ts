import { sleep, type Timers } from '../../core/process/timers.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { DesiredState } from './desired-state.ts';

interface DroppedBotsOptions {
  /** Owner uid -> line, for each owner whose sockets stay as they are. Never rejects. */
  settle: (signal: AbortSignal) => Promise<ReadonlyMap<string, BotSummary>>;
  desired: Pick<DesiredState, 'set'>;
  /** What is desired has changed. */
  nudge: () => void;
  /** The line of `relax status`; undefined when nothing of the bot is kept. */
  onSummary?: ((uid: string, line: BotSummary | undefined) => void) | undefined;
  timers: Timers;
}

/** Somebody may have granted us the rights meanwhile. */
const AGAIN_MS = 60_000;

/** Bots of namespaces that are no longer watched: they are on no list, yet some of them keep their sockets. */
export class DroppedBots {
  readonly #options: DroppedBotsOptions;
  #kept: ReadonlyMap<string, BotSummary> = new Map();
  /** The latest look: looks run one after the other. */
  #looking: Promise<void> = Promise.resolve();

  constructor(options: DroppedBotsOptions) {
    this.#options = options;
  }

  /** Must be awaited before anything is removed for being on no list. */
  look(signal: AbortSignal): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look(signal));
    return this.#looking;
  }

  /**
   * Looks again as long as any are kept, until `signal` aborts. Not only on the leader: the process that plans must learn that
   * another one has released them.
   */
  async keepLooking(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#options.timers, AGAIN_MS, signal);
      if (this.#kept.size > 0) await this.look(signal);
    }
  }

  /** Resolves when no look is under way. */
  idle(): Promise<void> {
    return this.#looking;
  }

  async #look(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { settle, desired, nudge, onSummary } = this.#options;
    const before = this.#kept;
    const kept = await settle(signal);
    if (signal.aborted) return;
    for (const [uid, line] of kept) {
      if (!before.has(uid)) desired.set(uid, { kind: 'unknown' });
      onSummary?.(uid, line);
    }
    for (const uid of before.keys()) {
      if (kept.has(uid)) continue;
      onSummary?.(uid, undefined);
      if (desired.set(uid, { kind: 'none' })) nudge();
    }
    this.#kept = kept;
  }
}
