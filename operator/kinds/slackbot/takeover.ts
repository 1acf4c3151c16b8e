import { systemTimers, type Timers } from '../../../core/process/timers.ts';
import type { FleetView } from '../../fleet/fleet-view.ts';
import type { ObjectsView } from '../../reconcile/resource-watch.ts';
import { isLive } from './conditions.ts';
import type { SlackBotObject } from './slackbot-object.ts';

/** How long a bot goes on in one SlackBot until the other that takes over is live: two tries of a connect. */
export const TAKEOVER_MS = 30_000;

export interface TakeoverOptions {
  bots: Pick<ObjectsView<SlackBotObject>, 'byIndex'>;
  planner: { view(): FleetView };
  timers?: Timers;
}

/**
 * Make before break where one SlackBot takes a bot over from another, since events that come while neither is connected
 * are lost: the one that runs goes on until a socket of the other is live, or has had its time.
 */
export class Takeover {
  readonly #options: TakeoverOptions;
  readonly #timers: Timers;
  /** Uid of the one that runs -> since when, and who may follow. */
  readonly #yielding = new Map<string, { sinceMs: number; others: readonly string[] }>();

  constructor(options: TakeoverOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
  }

  /**
   * @param uid of a SlackBot whose bot others may run now
   * @param others their uids; none: those of the last time
   * @returns whether it may end
   */
  mayEnd(uid: string, others: readonly string[]): boolean {
    const nowMs = this.#timers.monotonicMs();
    const before = this.#yielding.get(uid) ?? { sinceMs: nowMs, others: [] };
    const yielding = { ...before, others: others.length > 0 ? others : before.others };
    this.#yielding.set(uid, yielding);
    const coming = yielding.others.filter((other) => this.#mayRun(other));
    if (coming.length === 0 || nowMs - yielding.sinceMs >= TAKEOVER_MS) return true;
    const { bots } = this.#options.planner.view();
    return coming.some((other) => bots.get(other)?.slots.some(isLive));
  }

  forget(uid: string): void {
    this.#yielding.delete(uid);
  }

  #mayRun(uid: string): boolean {
    const [bot] = this.#options.bots.byIndex('uid', uid);
    return bot !== undefined && bot.spec.suspend !== true && bot.metadata.deletionTimestamp === undefined;
  }
}
