/** What a slot does when Slack refuses its token (design rule 11, ADR 0010). Pure. */

import type { Refusal } from '../../core/slack/web-api-answer.ts';
import { type Attempt, go, type Moment, type SlotState, type Step, stay } from './state.ts';

/** Refusals that mean the end of the bot itself, which is what `disable_bot` has always meant. */
const DISABLING: ReadonlySet<string> = new Set(['invalid_auth', 'account_inactive', 'token_revoked']);

/**
 * A fault of Slack may be over within seconds, so the first two waits are short. Each lasts up to twice as long. These calls, too,
 * leave the bucket its last connect (`recheck`).
 */
const ASK_SOON_MS: readonly number[] = [5_000, 30_000];
/** The wait after those; then the time doubles with each refusal. */
const ASK_AGAIN_MS = 60_000;
/** A token of another team stays one until a person changes the spec, which is tried at once. */
const ASK_MISMATCH_AGAIN_MS = 3_600_000;
const MOST_ASK_AGAIN_MS = 4 * 3_600_000;

/**
 * A refusal that lasts seconds may be a fault of Slack. If Slack still refuses this much later, which is at least the third time,
 * it is believed.
 */
const BELIEVED_AFTER_MS = 60_000;

/** Slack refuses the token. It is asked again nevertheless: soon, then ever more slowly (ADR 0010). */
export const refuse = (state: SlotState, refusal: Refusal, moment: Moment): Step =>
  refused(state, refusal, askAgainMs(state.refusals), moment);

/** @param refusals so far */
const askAgainMs = (refusals: number): number =>
  ASK_SOON_MS[refusals] ?? doubled(ASK_AGAIN_MS, refusals - ASK_SOON_MS.length);

/** Slack accepts the token, but it is not a token for what the spec names. */
export const refuseMismatch = (state: SlotState, refusal: Refusal, moment: Moment): Step =>
  refused(state, refusal, doubled(ASK_MISMATCH_AGAIN_MS, state.refusals), moment);

const doubled = (baseMs: number, times: number): number =>
  Math.min(MOST_ASK_AGAIN_MS, baseMs * 2 ** Math.min(times, 20));

/** It came over a websocket, whose grant said nothing of it: another grant does not take it back, only a hello does. */
export function refuseSocket(state: SlotState, refusal: Refusal, isMismatch: boolean, moment: Moment): Step {
  const told: SlotState = { ...state, refusedBySocket: true };
  return isMismatch ? refuseMismatch(told, refusal, moment) : refuse(told, refusal, moment);
}

/**
 * Slack has said by an event that the token is good no longer (ADR 0021). The application has been told, and the operator takes
 * the slot away. Where there is none for hours, the event may have lost its meaning by then.
 */
export function refuseRevoked(state: SlotState, refusal: Refusal, { nowMs, random }: Moment): Step {
  const attempt: Attempt = { tag: 'refused', untilMs: nowMs + MOST_ASK_AGAIN_MS * (1 + random) };
  const disabledDigest = state.spec.tokenDigest;
  return go(state, { attempt, refusal, refusedBySocket: true, refusedAtMs: nowMs, disabledDigest });
}

/** Slack takes back what it refused. */
export const ACCEPTED = { refusal: undefined, refusedBySocket: false, refusals: 0, refusedAtMs: undefined } as const;

/** @param leastMs before Slack is asked again, or up to twice as long */
function refused(state: SlotState, refusal: Refusal, leastMs: number, { nowMs, random }: Moment): Step {
  const attempt: Attempt = { tag: 'refused', untilMs: nowMs + leastMs * (1 + random) };
  const refusedAtMs = state.refusedAtMs ?? nowMs;
  const next: SlotState = { ...state, attempt, refusal, refusals: state.refusals + 1, refusedAtMs };
  const isBelieved = nowMs - refusedAtMs >= BELIEVED_AFTER_MS;
  return isBelieved && mayDisable(next) ? go(next, {}, { do: 'askElsewhere' }) : stay(next);
}

/** The value would be refused, or is not a token at all: Slack is never asked. */
export const refuseUnsent = (state: SlotState, refusal: Refusal): Step =>
  go(state, { attempt: { tag: 'refused', untilMs: Number.POSITIVE_INFINITY }, refusal });

/** The answer to a call with a refused token said nothing about the token. */
export const stillRefused = (state: SlotState, { nowMs, random }: Moment): Step =>
  go(state, { attempt: { tag: 'refused', untilMs: nowMs + ASK_AGAIN_MS * (1 + random) } });

/** `disable_bot` is queued once per token, and never while a socket with it is live anywhere. */
export function onElsewhere(state: SlotState, tokenDigest: string, live: boolean): Step {
  const { refusal, spec } = state;
  if (live || refusal === undefined || spec.tokenDigest !== tokenDigest || !mayDisable(state)) return stay(state);
  return go(state, { disabledDigest: tokenDigest }, { do: 'disableBot', error: refusal.error });
}

function mayDisable({ refusal, spec, current, disabledDigest }: SlotState): boolean {
  if (refusal === undefined || !DISABLING.has(refusal.error)) return false;
  return current?.tokenDigest !== spec.tokenDigest && disabledDigest !== spec.tokenDigest;
}
