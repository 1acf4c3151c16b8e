import type { Refusal } from '../slack/web-api-answer.ts';
import { type Attempt, go, type Moment, type SlotState, type Step, stay } from './state.ts';

/** Refusals by which Slack says that the bot itself is at an end, as `disable_bot` always meant. */
const DISABLING: ReadonlySet<string> = new Set(['invalid_auth', 'account_inactive', 'token_revoked']);

/** First asked again after this or up to twice as long, then after twice as long, and so on. */
const ASK_AGAIN_MS = 60_000;
/** A token of somebody else's stays one, unless a person changes the spec, which is tried at once. */
const ASK_MISMATCH_AGAIN_MS = 3_600_000;
const MOST_ASK_AGAIN_MS = 4 * 3_600_000;

/** What Slack says for seconds may be a fault of its own. Said again so much later, it is believed. */
const BELIEVED_AFTER_MS = 60_000;

/** Slack refuses the token. Asked again all the same, slowly (ADR 0010). */
export const refuse = (state: SlotState, refusal: Refusal, moment: Moment): Step =>
  refused(state, refusal, ASK_AGAIN_MS, moment);

/** Slack accepts the token, and it is not the one that the spec means. */
export const refuseMismatch = (state: SlotState, refusal: Refusal, moment: Moment): Step =>
  refused(state, refusal, ASK_MISMATCH_AGAIN_MS, moment);

function refused(state: SlotState, refusal: Refusal, baseMs: number, { nowMs, random }: Moment): Step {
  const againMs = Math.min(MOST_ASK_AGAIN_MS, baseMs * 2 ** Math.min(state.refusals, 20)) * (1 + random);
  const attempt: Attempt = { tag: 'refused', untilMs: nowMs + againMs };
  const refusedAtMs = state.refusedAtMs ?? nowMs;
  const next: SlotState = { ...state, attempt, refusal, refusals: state.refusals + 1, refusedAtMs };
  const isBelieved = nowMs - refusedAtMs >= BELIEVED_AFTER_MS;
  return isBelieved && mayDisable(next) ? go(next, {}, { do: 'askElsewhere' }) : stay(next);
}

/** What is there would be refused, or is no token at all: nobody is asked, now or later. */
export const refuseUnsent = (state: SlotState, refusal: Refusal): Step =>
  go(state, { attempt: { tag: 'refused', untilMs: Number.POSITIVE_INFINITY }, refusal });

/** A call about a refused token said nothing of the token. */
export const stillRefused = (state: SlotState, { nowMs, random }: Moment): Step =>
  go(state, { attempt: { tag: 'refused', untilMs: nowMs + ASK_AGAIN_MS * (1 + random) } });

/** `disable_bot` is told once a token, and never while a socket of it lives anywhere. */
export function onElsewhere(state: SlotState, tokenDigest: string, live: boolean): Step {
  const { refusal, spec } = state;
  if (live || refusal === undefined || spec.tokenDigest !== tokenDigest || !mayDisable(state)) return stay(state);
  return go(state, { disabledDigest: tokenDigest }, { do: 'disableBot', error: refusal.error });
}

function mayDisable({ refusal, spec, current, disabledDigest }: SlotState): boolean {
  if (refusal === undefined || !DISABLING.has(refusal.error)) return false;
  return current?.tokenDigest !== spec.tokenDigest && disabledDigest !== spec.tokenDigest;
}
