import type { SlotView } from '../fleet/fleet-view.ts';

/** What a socket that is missing waits for, and until when (Redis time). */
interface Wait {
  untilMs: number;
  for: 'budget' | 'rateLimit' | 'retry';
}

type Waiting = Pick<SlotView, 'state' | 'reason' | 'waitUntilMs'>;

/**
 * Pure. The wait that ends first of all slots that are not live; undefined when none says, and while Slack refuses the bot:
 * then no wait helps.
 */
export function firstWait(slots: readonly Waiting[]): Wait | undefined {
  if (slots.some(({ state }) => state === 'failed')) return undefined;
  let first: Wait | undefined;
  for (const { state, reason, waitUntilMs: untilMs = 0 } of slots) {
    if (untilMs === 0 || (state !== 'waiting' && state !== 'connecting')) continue;
    const kind = state === 'connecting' ? 'retry' : reason === 'RateLimited' ? 'rateLimit' : 'budget';
    if (first === undefined || untilMs < first.untilMs) first = { untilMs, for: kind };
  }
  return first;
}

/**
 * For a message that is written once and read at any time, so with the time of day: "Waits for Slack's connect budget
 * until 17:03:05Z." Empty when the wait is over.
 */
export function waitSentence(slots: readonly SlotView[], nowMs: number): string {
  const wait = firstWait(slots);
  if (wait === undefined || wait.untilMs <= nowMs) return '';
  const until = `until ${new Date(wait.untilMs).toISOString().slice(11, 19)}Z`;
  switch (wait.for) {
    case 'budget':
      return ` Waits for Slack's connect budget ${until}.`;
    case 'rateLimit':
      return ` Waits for the end of Slack's rate limit ${until}.`;
    case 'retry':
      return ` Waits ${until} before the next try.`;
    default:
      return wait.for satisfies never;
  }
}

const SENTENCE = / Waits (for [^.]* )?until \d\d:\d\d:\d\dZ( before the next try)?\.$/;

export const saysWait = (message: string): boolean => SENTENCE.test(message);

/** For a reader that counts down by itself (`BotSummary.waitUntilMs`). */
export const withoutWait = (message: string): string => message.replace(SENTENCE, '');
