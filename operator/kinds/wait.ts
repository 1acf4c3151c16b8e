import type { SlotView } from '../fleet/fleet-view.ts';

/** What a missing socket waits for, and until when (Redis time). */
interface Wait {
  untilMs: number;
  for: 'budget' | 'rateLimit' | 'retry';
}

type Waiting = Pick<SlotView, 'state' | 'reason' | 'waitUntilMs'>;

/**
 * Pure. Of all slots that are not live, the wait that ends first; undefined if no slot reports one, and while Slack
 * refuses the token, when no wait helps.
 */
export function firstWait(slots: readonly Waiting[]): Wait | undefined {
  if (slots.some(({ state }) => state === 'failed')) return undefined;
  let first: Wait | undefined;
  for (const { state, reason, waitUntilMs: untilMs = 0 } of slots) {
    if (untilMs === 0 || (state !== 'waiting' && state !== 'connecting')) continue;
    const kind = waitKind(state, reason);
    if (first === undefined || untilMs < first.untilMs) first = { untilMs, for: kind };
  }
  return first;
}

function waitKind(state: Waiting['state'], reason: string): Wait['for'] {
  // No place for another socket of the app is not a lack of connects.
  if (state === 'connecting' || reason === 'TooManyWebsockets') return 'retry';
  return reason === 'RateLimited' ? 'rateLimit' : 'budget';
}

/**
 * With the time of day, since a message is written once and read at any time: "Waits for Slack's connect budget until
 * 17:03:05Z." Empty when the wait is over.
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

/** For a reader that counts down (`BotSummary.waitUntilMs`). */
export const withoutWait = (message: string): string => message.replace(SENTENCE, '');
