import type { Timers } from '../../core/process/timers.ts';
import type { Refusal } from '../../core/slack/web-api-answer.ts';
import type { Sender } from './sender.ts';

/** Redis may have lost what it was told. */
const TELL_AGAIN_MS = 60_000;

/** Which refusals were recorded lately: a message that waits for a new token learns the same every few seconds. */
export class ToldRefusals {
  readonly #timers: Pick<Timers, 'monotonicMs'>;
  readonly #told = new Map<string, number>();

  constructor(timers: Pick<Timers, 'monotonicMs'>) {
    this.#timers = timers;
  }

  /** @returns whether it should be recorded; it counts as recorded then */
  isNews(sender: Sender, refusal: Refusal): boolean {
    const nowMs = this.#timers.monotonicMs();
    for (const [told, atMs] of this.#told) if (nowMs - atMs >= TELL_AGAIN_MS) this.#told.delete(told);
    const key = `${sender.ownerUid} ${sender.generation} ${sender.credentialsDigest} ${refusal.reason}`;
    if (this.#told.has(key)) return false;
    this.#told.set(key, nowMs);
    return true;
  }
}
