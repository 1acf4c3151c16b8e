/** What a slot reports: its state, and until when it waits. Pure. */

import type { SlotReport } from '../../core/protocol/report.ts';
import type { Trouble } from '../transport/transport.ts';
import { unknownSockets } from './app-sockets.ts';
import type { SlotState } from './state.ts';
import { WITHHELD } from './withheld-events.ts';

/** What a slot reports about itself: the part of a SlotReport that it knows. */
export type SlotStatus = Pick<
  SlotReport,
  'state' | 'reason' | 'message' | 'waitUntilMs' | 'tokenDigest' | 'teamName' | 'botUserID'
>;

const BUDGET: Trouble = {
  reason: 'WaitingForBudget',
  message:
    'Slack limits how often a token or an app may connect, which all replicas share. Relax connects when the next connect is due.',
};
const NO_TROUBLE = { reason: '', message: '' };

/** A shorter wait is over before anybody has read about it. */
const LEAST_WAIT_MS = 5_000;
/** Our estimate of Redis's clock varies by this much, and a report is written only when something has changed. */
const SAME_MS = 2_000;

/**
 * Until when a slot without a socket waits, by the clock of `nowMs`, in whole seconds; undefined if it waits for nothing
 * with a known end.
 * @param told what was reported last. It stays while the slot tries, since it is in the past then
 * @param inMs how far a moment of the slot's own clock lies ahead
 */
export function waitUntilMs(
  state: SlotState,
  told: number | undefined,
  nowMs: number,
  inMs: (untilMs: number) => number,
): number | undefined {
  const { attempt, current, life } = state;
  if (life !== 'running' || current !== undefined) return undefined;
  const past = told !== undefined && told <= nowMs ? told : undefined;
  switch (attempt.tag) {
    case 'waiting':
    case 'backingOff': {
      const leftMs = inMs(attempt.untilMs);
      if (leftMs < LEAST_WAIT_MS) return past;
      const untilMs = Math.ceil((nowMs + leftMs) / 1000) * 1000;
      return told !== undefined && Math.abs(told - untilMs) <= SAME_MS ? told : untilMs;
    }
    case 'yielding':
    case 'inLine':
    case 'asking':
    case 'connecting':
    case 'dialing':
    case 'greeting':
      return past;
    case 'none':
    case 'refused':
      return undefined;
    default:
      return attempt satisfies never;
  }
}

/**
 * What a slot reports about itself, apart from how long it waits (`waitUntilMs`). A socket that is live while its successor
 * is being opened counts as live even if Slack refuses the successor: events flow, and Slack may change its mind. If the bot
 * got another token, which Slack refuses, the slot is `failed` although the old socket is read until Slack closes it:
 * people need to know about the refusal, and can't rely on the old token's socket. A refusal is reported until Slack
 * accepts the token, whatever the slot is doing meanwhile.
 */
export function statusOf(state: SlotState): SlotStatus {
  const { refusal, current, spec, teamName, botUserID } = state;
  const known = { teamName, botUserID };
  if (refusal !== undefined && current?.tokenDigest !== spec.tokenDigest) {
    const { reason, message } = refusal;
    const rest = current === undefined ? '' : ' A socket opened before is read until Slack closes it; none follows it.';
    return { state: 'failed', reason, message: message + rest, tokenDigest: spec.tokenDigest, ...known };
  }
  if (current !== undefined) {
    const live = current.pausedSinceMs === undefined ? 'live' : 'paused';
    const { tokenDigest, unknown, withheld, trouble } = current;
    if (refusal !== undefined) {
      const message = `The socket is live, but Slack refuses another one. ${refusal.message}`;
      return { state: live, reason: '', message, tokenDigest, ...known };
    }
    const odd = unknown === undefined ? undefined : unknownSockets(unknown);
    const kept = withheld === undefined ? undefined : WITHHELD;
    const { reason, message } = odd ?? kept ?? trouble ?? NO_TROUBLE;
    return { state: live, reason, message, tokenDigest, ...known };
  }
  // A problem is reported until a socket is live, whatever the slot is doing meanwhile: alternating reasons during an outage
  // would cost a status write per bot and minute. The report also says until when the slot waits.
  const waits = isWaiting(state);
  const { reason, message } = state.trouble ?? (waits ? BUDGET : NO_TROUBLE);
  return { state: waits ? 'waiting' : 'connecting', reason, message, tokenDigest: spec.tokenDigest, ...known };
}

/** For Slack's budget, or for its limit of an app's sockets. */
function isWaiting({ attempt, trouble }: SlotState): boolean {
  switch (attempt.tag) {
    case 'waiting':
      return true;
    case 'backingOff':
      return trouble?.reason === 'TooManyWebsockets';
    case 'inLine':
    case 'asking':
      return attempt.waited;
    case 'none':
    case 'yielding':
    case 'connecting':
    case 'dialing':
    case 'greeting':
    case 'refused':
      return false;
    default:
      return attempt satisfies never;
  }
}

export function sameStatus(a: SlotStatus, b: SlotStatus): boolean {
  return (
    a.state === b.state &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.waitUntilMs === b.waitUntilMs &&
    a.tokenDigest === b.tokenDigest &&
    a.teamName === b.teamName &&
    a.botUserID === b.botUserID
  );
}
