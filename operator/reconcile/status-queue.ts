import type { SlackBotStatus } from '../../core/slackbot.ts';
import { HOLD_MS, type Urgency } from '../bot/status-change.ts';
import type { SlackBotObject } from './slackbot-object.ts';

export interface StatusWrite {
  bot: SlackBotObject;
  /** What the server had when this was judged. */
  before: SlackBotStatus | undefined;
  after: SlackBotStatus;
}

interface Waiting extends StatusWrite {
  dueMs: number;
}

/** Bad news first; a flap that lasted is bad news, too. */
const ORDER: readonly Exclude<Urgency, 'none'>[] = ['bad', 'flap', 'good'];

/** Status writes that wait: one for each object, the latest; held for a while if what follows may make them needless. */
export class StatusQueue {
  readonly #waiting: Record<Exclude<Urgency, 'none'>, Map<string, Waiting>> = {
    bad: new Map(),
    flap: new Map(),
    good: new Map(),
  };

  get size(): number {
    return ORDER.reduce((sum, urgency) => sum + this.#waiting[urgency].size, 0);
  }

  /** Takes the place of what waits for the same object; `none` takes it back. An object never waits longer for that. */
  put(write: StatusWrite, urgency: Urgency, nowMs: number): void {
    const { uid } = write.bot.metadata;
    const before = this.#take(uid);
    if (urgency === 'none') return;
    const dueMs = Math.min(before?.dueMs ?? Number.POSITIVE_INFINITY, nowMs + HOLD_MS[urgency]);
    this.#waiting[urgency].set(uid, { ...write, dueMs });
  }

  /** Again, not before its time: for a write that failed and that nothing newer has replaced. */
  putBack(write: StatusWrite, dueMs: number): void {
    const { uid } = write.bot.metadata;
    if (!ORDER.some((urgency) => this.#waiting[urgency].has(uid))) this.#waiting.bad.set(uid, { ...write, dueMs });
  }

  drop(uid: string): void {
    this.#take(uid);
  }

  /** The next write whose time has come, taken out. */
  next(nowMs: number): StatusWrite | undefined {
    for (const urgency of ORDER) {
      for (const [uid, write] of this.#waiting[urgency]) {
        if (write.dueMs <= nowMs) {
          this.#waiting[urgency].delete(uid);
          return write;
        }
        // Held equally long, so the first put is the first due; only failed ones among the bad news differ.
        if (urgency !== 'bad') break;
      }
    }
    return undefined;
  }

  /** When `next` has something; undefined if nothing waits. */
  nextDueMs(): number | undefined {
    let first: number | undefined;
    for (const urgency of ORDER) {
      for (const { dueMs } of this.#waiting[urgency].values()) {
        first = Math.min(first ?? dueMs, dueMs);
        if (urgency !== 'bad') break;
      }
    }
    return first;
  }

  /** Everything is due at once, flaps are forgotten: for an orderly end. */
  hurry(): void {
    this.#waiting.flap.clear();
    for (const write of [...this.#waiting.bad.values(), ...this.#waiting.good.values()]) write.dueMs = 0;
  }

  #take(uid: string): Waiting | undefined {
    for (const urgency of ORDER) {
      const found = this.#waiting[urgency].get(uid);
      if (found === undefined) continue;
      this.#waiting[urgency].delete(uid);
      return found;
    }
    return undefined;
  }
}
