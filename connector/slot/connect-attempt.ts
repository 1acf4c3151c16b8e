/** A slot's attempt to open a socket: turn, budget, request, dial, hello (design rules 6 and 11). Pure. */

import { type BackoffPolicy, backoffMs } from '../../core/process/backoff.ts';
import type { BudgetAnswer, ConnectPurpose } from '../budget/connect-budget.ts';
import type { Refusal } from '../slack/web-api-answer.ts';
import type { SocketClose } from '../socket/socket.ts';
import type { OpenAnswer, Trouble } from '../transport/transport.ts';
import { ACCEPTED, refuse, refuseMismatch, refuseUnsent, stillRefused } from './refusal.ts';
import {
  type Attempt,
  type Effect,
  first,
  go,
  type Moment,
  type SlotState,
  type Step,
  stay,
  type WaitReason,
} from './state.ts';

/** Slack allows one connect a minute: with a lower cap, retries would only wait for the budget. */
const BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 };
/** A call that does not reach Slack costs nothing, and the network may be back at any moment. */
const UNREACHED_BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 5_000 };
/** Another slot of the bucket goes first; it is usually live within a second. */
const YIELD: BackoffPolicy = { baseMs: 250, capMs: 3_000 };
/** Those who go at once when Slack has recovered are spread over so much. */
const RECOVERED_SPREAD_MS = 1_000;

/** Longer than the timeouts of what is asked, which give better errors: these only catch what never answers. */
const ASK_DEADLINE_MS = 10_000;
const CONNECT_DEADLINE_MS = 20_000;
const DIAL_DEADLINE_MS = 15_000;
const HELLO_DEADLINE_MS = 10_000;

/** What a slot allows itself while Redis, which holds the budget, is away: Slack's sustained rate. */
const LOCAL_ALLOWANCE_MS = 60_000;
const AWAY_RETRY_MS = 5_000;
/** Spreads slots that wait for the same moment. */
const WAIT_JITTER_MS = 1_000;

const RATE_LIMITED: Trouble = {
  reason: 'RateLimited',
  message: 'Slack limits connects with this token (429) and said when the next may come. Relax waits until then.',
};

/** Nobody knows when a place becomes free, so the budget is asked less and less often, up to every two minutes. */
const MOST_FULL_DOUBLINGS = 3;

/** By Relax's own count, which leaves Slack's last places to handovers. */
const NO_PLACE: Trouble = {
  reason: 'TooManyWebsockets',
  message:
    'The app has as many websockets in all clusters as Relax opens: Slack allows 10 for an app. Lower spec.replicas, or stop ' +
    'what else connects as this app. Relax connects when a place is free.',
};

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

/** The attempt is over; another follows. @param atLeastMs what the peer asked for */
export function fail(
  state: SlotState,
  trouble: Trouble,
  moment: Moment,
  atLeastMs = 0,
  policy: BackoffPolicy = BACKOFF,
): Step {
  const well = { yields: 0, hurried: false };
  // This failure says nothing about the token, which Slack has refused.
  if (state.refusal !== undefined && state.current === undefined) return stillRefused({ ...state, ...well }, moment);
  const waitMs = Math.max(atLeastMs, backoffMs(state.failures, policy, moment.random));
  const attempt: Attempt = { tag: 'backingOff', asked: atLeastMs > 0, untilMs: moment.nowMs + waitMs };
  return go(state, { ...well, attempt, trouble, failures: state.failures + 1 });
}

export function purposeOf({ current, spec, wasLive, refusal }: SlotState): ConnectPurpose {
  if (current !== undefined) return current.looksAgain ? 'rebalance' : 'refresh';
  if (refusal !== undefined) return 'recheck';
  if (wasLive) return 'needed';
  if (spec.spread === true) return 'spread';
  return spec.rebalance ? 'rebalance' : 'needed';
}

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
  const waitMs = Math.min(mostMs, backoffMs(state.yields, YIELD, random));
  const attempt: Attempt = { tag: 'yielding', untilMs: nowMs + Math.max(1, waitMs) };
  return go(state, { attempt, yields: state.yields + 1 }, { do: 'leaveLine' });
}

/** Gives the turn back. */
function wait(state: SlotState, reason: WaitReason, purpose: ConnectPurpose, waitMs: number, moment: Moment): Step {
  const untilMs = moment.nowMs + waitMs + moment.random * WAIT_JITTER_MS;
  return go(state, { attempt: { tag: 'waiting', reason, purpose, untilMs } }, { do: 'leaveLine' });
}

export function onAnswer(state: SlotState, id: number, answer: OpenAnswer, moment: Moment): Step {
  const { attempt } = state;
  if (attempt.tag !== 'connecting' || attempt.id !== id) return stay(state);
  switch (answer.kind) {
    case 'ok': {
      const { url, self } = answer;
      const dialing: Attempt = { tag: 'dialing', id, self, untilMs: moment.nowMs + DIAL_DEADLINE_MS };
      const accepted = state.refusedBySocket ? {} : ACCEPTED;
      return go(state, { ...accepted, attempt: dialing }, { do: 'dial', id, url, self });
    }
    case 'rateLimited': {
      const { retryAfterMs } = answer;
      // Slack, or a proxy in between, may ask for no wait at all; then our own backoff applies.
      const waitMs = Math.max(retryAfterMs, backoffMs(state.failures, BACKOFF, moment.random));
      const again: SlotState = { ...state, trouble: RATE_LIMITED, failures: state.failures + 1 };
      const waiting = wait(again, 'RateLimited', purposeOf(state), waitMs, moment);
      return first([{ do: 'blockBudget', forMs: retryAfterMs }], waiting);
    }
    case 'terminal':
      return first([{ do: 'leaveLine' }], refuse(state, refusalOf(answer), moment));
    case 'mismatch': {
      const unused: Effect[] = answer.isUnasked === true && attempt.taken ? [{ do: 'giveBack' }] : [];
      return first([{ do: 'leaveLine' }, ...unused], refuseMismatch(state, refusalOf(answer), moment));
    }
    case 'retry':
      return onFailedCall(state, attempt.taken, answer, moment);
    default:
      return answer satisfies never;
  }
}

const refusalOf = ({ reason, error, message }: Refusal): Refusal => ({ reason, error, message });

function onFailedCall(
  state: SlotState,
  taken: boolean,
  answer: Extract<OpenAnswer, { kind: 'retry' }>,
  moment: Moment,
): Step {
  const { reason, message, isUnreached = false, retryAfterMs = 0 } = answer;
  const effects: Effect[] = [{ do: 'leaveLine' }];
  if (retryAfterMs > 0) effects.push({ do: 'holdBudget', forMs: retryAfterMs });
  if (!isUnreached) return first(effects, fail(state, { reason, message }, moment, retryAfterMs));
  if (taken) effects.push({ do: 'giveBack' });
  const unspent: SlotState = { ...state, connectedAtMs: Number.NEGATIVE_INFINITY };
  return first(effects, fail(unspent, { reason, message }, moment, 0, UNREACHED_BACKOFF));
}

export function onOpened(state: SlotState, id: number, { nowMs }: Moment): Step {
  const { attempt } = state;
  if (attempt.tag !== 'dialing' || attempt.id !== id) return stay(state);
  const greeting: Attempt = { tag: 'greeting', id, self: attempt.self, untilMs: nowMs + HELLO_DEADLINE_MS };
  return go(state, { attempt: greeting }, { do: 'leaveLine' });
}

/** The socket of an attempt ended before hello. */
export function onAttemptClosed(state: SlotState, attempt: Attempt, close: SocketClose, moment: Moment): Step {
  const effects: Effect[] = attempt.tag === 'dialing' ? [{ do: 'leaveLine' }] : [];
  // The other slots of the bucket would be refused in the same way.
  if (close.retryAfterMs !== undefined && close.retryAfterMs > 0) {
    effects.push({ do: 'holdBudget', forMs: close.retryAfterMs });
  }
  const refused = close.kind === 'refused';
  const reason = refused ? 'ConnectionRefused' : 'ConnectionLost';
  const message = `The websocket closed before Slack's hello: ${close.detail}. Relax retries automatically.`;
  return first(effects, fail(state, { reason, message }, moment, close.retryAfterMs));
}

/** Slack sent an error frame instead of hello, usually because the URL has expired. */
export function onGreetingError(state: SlotState, code: number, msg: string, moment: Moment): Step {
  const message = `Slack refused the websocket (${code}: ${msg}). Relax retries automatically.`;
  return first(abandon(state.attempt), fail(state, { reason: 'ConnectionRefused', message }, moment));
}

/** The wait is over, or what was waited for never came. */
export function onWake(state: SlotState, moment: Moment): Step {
  const { attempt } = state;
  if (!('untilMs' in attempt) || moment.nowMs < attempt.untilMs) return stay(state);
  const overdue = (reason: Trouble['reason'], message: string): Step =>
    first(abandon(attempt), fail(state, { reason, message }, moment));
  switch (attempt.tag) {
    case 'asking':
      return onBudget(state, attempt.id, 'away', moment);
    case 'waiting':
      return begin(state, true);
    case 'yielding':
    case 'backingOff':
    case 'refused':
      return begin(state);
    case 'connecting':
      return overdue(
        'SlackUnavailable',
        `${state.spec.openMethod} was not answered within ${seconds(CONNECT_DEADLINE_MS)}.`,
      );
    case 'dialing':
      return overdue('ConnectionLost', `The websocket did not open within ${seconds(DIAL_DEADLINE_MS)}.`);
    case 'greeting':
      return overdue(
        'HelloTimeout',
        `The websocket opened, but Slack's hello did not come within ${seconds(HELLO_DEADLINE_MS)}.`,
      );
    default:
      return attempt satisfies never;
  }
}

/** It asked for a purpose, and may ask again as soon as it has a better one. */
export const isForBudget = (attempt: Attempt): attempt is Extract<Attempt, { tag: 'waiting' }> =>
  attempt.tag === 'waiting' && attempt.reason !== 'RateLimited';

/** Slack asked for this wait. */
const isAskedFor = (attempt: Attempt): boolean =>
  (attempt.tag === 'backingOff' && attempt.asked) || (attempt.tag === 'waiting' && attempt.reason === 'RateLimited');

/** Waiting longer is pointless, except where Slack asked for it or the budget requires it. */
export function onRecovered(state: SlotState, { nowMs, random }: Moment): Step {
  const { attempt } = state;
  const soonMs = nowMs + random * RECOVERED_SPREAD_MS;
  switch (attempt.tag) {
    case 'backingOff':
    case 'waiting':
    case 'yielding':
      if (isAskedFor(attempt)) return stay(state);
      return go(state, { hurried: true, attempt: { ...attempt, untilMs: Math.min(attempt.untilMs, soonMs) } });
    case 'inLine':
    case 'asking':
      return go(state, { hurried: true });
    case 'none':
    case 'connecting':
    case 'dialing':
    case 'greeting':
    case 'refused':
      return stay(state);
    default:
      return attempt satisfies never;
  }
}

const seconds = (ms: number): string => `${ms / 1000} s`;
