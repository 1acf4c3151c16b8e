import { sleep, type Timers } from '../../core/process/timers.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { DesiredState } from './desired-state.ts';

export interface DroppedBotsOptions {
  /** Owner uid -> line of those whose sockets stay as they are. Never rejects. */
  settle: (signal: AbortSignal) => Promise<ReadonlyMap<string, BotSummary>>;
  desired: Pick<DesiredState, 'set'>;
  /** What is desired has changed. */
  nudge: () => void;
  /** The line of `relax status`; undefined when nothing of the bot is kept. */
  onSummary?: ((uid: string, line: BotSummary | undefined) => void) | undefined;
  timers: Timers;
}

/** Somebody may have granted us the permissions in the meantime. */
const AGAIN_MS = 60_000;

/** Bots of namespaces that are no longer watched: not on any list, yet some of them keep their sockets. */
export class DroppedBots {
  readonly #options: DroppedBotsOptions;
  #kept: ReadonlyMap<string, BotSummary> = new Map();
  /** Looks come one after the other. */
  #looking: Promise<void> = Promise.resolve();

  constructor(options: DroppedBotsOptions) {
    this.#options = options;
  }

  /** Before anything is removed because no list has it. */
  look(signal: AbortSignal): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look(signal));
    return this.#looking;
  }

  /**
   * As long as any are kept, until `signal` aborts. Not only on the leader: whoever plans must learn that another process
   * has released them.
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
