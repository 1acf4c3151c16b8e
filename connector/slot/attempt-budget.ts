/** What a slot does with the answer of the connect budget: connect, or wait (design rule 11). Pure. */

import { type BackoffPolicy, backoffMs } from '../../core/process/backoff.ts';
import type { BudgetAnswer, ConnectPurpose } from '../budget/connect-budget.ts';
import type { Trouble } from '../transport/transport.ts';
import { abandon, begin, boundedMs, purposeOf } from './attempt.ts';
import { type Attempt, first, go, type Moment, type SlotState, type Step, stay, type WaitReason } from './state.ts';

/** Another slot of the bucket goes first; it is usually live within a second. */
const YIELD: BackoffPolicy = { baseMs: 250, capMs: 3_000 };

/** Longer than the timeouts of what is asked, which give better errors: these only catch what never answers. */
const ASK_DEADLINE_MS = 10_000;
export const CONNECT_DEADLINE_MS = 20_000;

/** What a slot allows itself while Redis, which holds the budget, is away: Slack's sustained rate. */
const LOCAL_ALLOWANCE_MS = 60_000;
const AWAY_RETRY_MS = 5_000;
/** Spreads slots that wait for the same moment. */
const WAIT_JITTER_MS = 1_000;

/** Nobody knows when a place becomes free, so the budget is asked less and less often, up to every two minutes. */
const MOST_FULL_DOUBLINGS = 3;

/** By Relax's own count, which leaves Slack's last places to handovers. */
const NO_PLACE: Trouble = {
  reason: 'TooManyWebsockets',
  message:
    'The app has as many websockets in all clusters as Relax opens: Slack allows 10 for an app. Lower spec.replicas, or stop ' +
    'what else connects as this app. Relax connects when a place is free.',
};

export function onPermitted(state: SlotState, id: number, sparing: boolean, { nowMs }: Moment): Step {
  const { attempt } = state;
  if (attempt.tag !== 'inLine' || attempt.id !== id) return stay(state);
  const purpose = purposeOf(state);
  const unspaced = state.hurried;
  const { waited } = attempt;
  const asking: Attempt = { tag: 'asking', id, waited, purpose, unspaced, untilMs: nowMs + ASK_DEADLINE_MS };
  return go(state, { attempt: asking }, { do: 'takeBudget', id, purpose, unspaced, sparing });
}

export function onBudget(state: SlotState, id: number, answer: BudgetAnswer | 'away', moment: Moment): Step {
  const { attempt } = state;
  if (attempt.tag !== 'asking' || attempt.id !== id) return stay(state);
  if (answer === 'away') return withoutBudget(state, id, purposeOf(state), moment);
  if (answer.granted) return connect(state, id, true, moment);
  // While we asked, the socket to be replaced died, or Slack recovered: the purpose is different now, so ask again.
  if (attempt.purpose !== purposeOf(state) || attempt.unspaced !== state.hurried) {
    return first(abandon(attempt), begin(state, attempt.waited));
  }
  if (answer.full === true) {
    const waitMs = answer.waitMs * 2 ** Math.min(state.yields, MOST_FULL_DOUBLINGS);
    const crowded: SlotState = { ...state, trouble: NO_PLACE, yields: state.yields + 1 };
    return wait(crowded, 'TooManyWebsockets', attempt.purpose, waitMs, moment);
  }
  const placed: SlotState = state.trouble === NO_PLACE ? { ...state, trouble: undefined } : state;
  if (answer.yields === true) return yieldTurn(placed, answer.waitMs, moment);
  return wait(placed, 'WaitingForBudget', attempt.purpose, answer.waitMs, moment);
}

/** A team must not stay without a socket because this pod can't reach Redis: other pods may reach it. */
function withoutBudget(state: SlotState, id: number, purpose: ConnectPurpose, moment: Moment): Step {
  const leftMs = state.connectedAtMs + LOCAL_ALLOWANCE_MS - moment.nowMs;
  // Other sockets of its set are live, so it can wait for Redis.
  const canWait = purpose === 'rebalance' || purpose === 'spread';
  if (leftMs <= 0 && !canWait) return connect(state, id, false, moment);
  const waitMs = canWait ? AWAY_RETRY_MS : Math.min(leftMs, AWAY_RETRY_MS);
  return wait(state, 'WaitingForBudget', purpose, waitMs, moment);
}

function connect(state: SlotState, id: number, taken: boolean, { nowMs }: Moment): Step {
  const attempt: Attempt = { tag: 'connecting', id, taken, untilMs: nowMs + CONNECT_DEADLINE_MS };
  return go(state, { attempt, connectedAtMs: nowMs, yields: 0 }, { do: 'connect', id });
}

/** Also gives the turn back. */
function yieldTurn(state: SlotState, mostMs: number, { nowMs, random }: Moment): Step {
  const waitMs = Math.min(boundedMs(mostMs), backoffMs(state.yields, YIELD, random));
  const attempt: Attempt = { tag: 'yielding', untilMs: nowMs + Math.max(1, waitMs) };
  return go(state, { attempt, yields: state.yields + 1 }, { do: 'leaveLine' });
}

/** Gives the turn back. */
export function wait(
  state: SlotState,
  reason: WaitReason,
  purpose: ConnectPurpose,
  waitMs: number,
  moment: Moment,
): Step {
  const untilMs = moment.nowMs + boundedMs(waitMs) + moment.random * WAIT_JITTER_MS;
  return go(state, { attempt: { tag: 'waiting', reason, purpose, untilMs } }, { do: 'leaveLine' });
}

/** It asked for a purpose, and may ask again as soon as it has a better one. */
export const isForBudget = (attempt: Attempt): attempt is Extract<Attempt, { tag: 'waiting' }> =>
  attempt.tag === 'waiting' && attempt.reason !== 'RateLimited';
