/** The beginning of a slot's attempt to open a socket, and its end without one (design rule 11). Pure. */

import { type BackoffPolicy, backoffMs } from '../../core/process/backoff.ts';
import type { ConnectPurpose } from '../budget/connect-budget.ts';
import type { Trouble } from '../transport/transport.ts';
import { refuseUnsent, stillRefused } from './refusal.ts';
import { type Attempt, type Effect, go, type Moment, type SlotState, type Step } from './state.ts';

/** Those who go at once when Slack has recovered are spread over so much. */
export const RECOVERED_SPREAD_MS = 1_000;

/** Slack allows one connect a minute: with a lower cap, retries would only wait for the budget. */
export const BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 };

/**
 * Of an app, which alone in its process must notice within 10 s that an outage of half a minute is over (ADR 0023). What lasts
 * longer than so many attempts, a minute at least, is asked about as rarely as over RTM.
 */
const APP_BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 8_000 };
const APP_ATTEMPTS = 20;

const backoffOf = ({ spec, failures }: SlotState): BackoffPolicy =>
  spec.callsOften && failures < APP_ATTEMPTS ? APP_BACKOFF : BACKOFF;

/** Whatever a peer, a proxy or another clock asks for: then the slot tries again, which harms nobody. */
const MOST_WAIT_MS = 600_000;

/** A wait that somebody else has named, as one that ends. */
export const boundedMs = (ms: number): number => (ms > 0 ? Math.min(ms, MOST_WAIT_MS) : 0);

/** Joins the end of the queue for a turn. A previous attempt must have been abandoned before (`abandon`). */
export function begin(state: SlotState, waited = false): Step {
  const { refusal } = state.spec;
  if (refusal !== undefined) return refuseUnsent(state, refusal);
  const id = state.serial + 1;
  return go(state, { serial: id, attempt: { tag: 'inLine', id, waited } }, { do: 'joinLine', id });
}

/** What must be undone before another attempt, or none, replaces this one. */
export function abandon(attempt: Attempt): readonly Effect[] {
  switch (attempt.tag) {
    case 'inLine':
    case 'asking':
      return [{ do: 'leaveLine' }];
    case 'connecting':
      return [{ do: 'abortConnect' }, { do: 'leaveLine' }];
    case 'dialing':
      return [{ do: 'terminate', id: attempt.id }, { do: 'leaveLine' }];
    case 'greeting':
      return [{ do: 'terminate', id: attempt.id }];
    case 'none':
    case 'waiting':
    case 'yielding':
    case 'backingOff':
    case 'refused':
      return [];
    default:
      return attempt satisfies never;
  }
}

/** Slack has recovered since this attempt began, which may have been spent on the outage. */
export const isOutlived = ({ attempt, outlived }: SlotState): boolean => 'id' in attempt && attempt.id === outlived;

/** A backoff counts from the call, because an attempt that hung has waited already. */
function againMs({ attempt, connectedAtMs, failures }: SlotState, policy: BackoffPolicy, moment: Moment): number {
  const hasCalled = 'id' in attempt && connectedAtMs > Number.NEGATIVE_INFINITY;
  const hungMs = hasCalled ? moment.nowMs - connectedAtMs : 0;
  return Math.max(backoffMs(0, policy, moment.random), backoffMs(failures, policy, moment.random) - hungMs);
}

/** The attempt is over; another follows. @param atLeastMs what the peer asked for */
export function fail(
  state: SlotState,
  trouble: Trouble,
  moment: Moment,
  atLeastMs = 0,
  policy: BackoffPolicy = backoffOf(state),
): Step {
  const outlived = isOutlived(state);
  const well = { yields: 0, hurried: outlived };
  // This failure says nothing about the token, which Slack has refused.
  if (state.refusal !== undefined && state.current === undefined) return stillRefused({ ...state, ...well }, moment);
  const soonMs = outlived ? moment.random * RECOVERED_SPREAD_MS : againMs(state, policy, moment);
  const untilMs = moment.nowMs + Math.max(boundedMs(atLeastMs), soonMs);
  const failures = outlived ? state.failures : state.failures + 1;
  return go(state, { ...well, attempt: { tag: 'backingOff', asked: atLeastMs > 0, untilMs }, trouble, failures });
}

/** Nothing but events that are withheld from the current socket asks for a successor (ADR 0022). */
export const isOnlyForEvents = ({ current, spec }: SlotState): boolean =>
  current?.withheld === 'found' && !current.leaving && current.tokenDigest === spec.tokenDigest;

export function purposeOf(state: SlotState): ConnectPurpose {
  const { current, spec, wasLive, refusal } = state;
  if (current !== undefined) {
    // The last one did not help, and another socket of the team brings its events.
    const isIdle = current.looksAgain || (state.withheldTimes > 1 && isOnlyForEvents(state));
    return isIdle ? 'rebalance' : 'refresh';
  }
  if (refusal !== undefined) return 'recheck';
  if (wasLive) return 'needed';
  if (spec.spread === true) return 'spread';
  return spec.rebalance ? 'rebalance' : 'needed';
}
