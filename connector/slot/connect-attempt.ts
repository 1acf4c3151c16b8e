/** A slot's attempt to open a socket, from Slack's answer to hello, and its waits (design rules 6 and 11). Pure. */

import { type BackoffPolicy, backoffMs } from '../../core/process/backoff.ts';
import type { Refusal } from '../../core/slack/web-api-answer.ts';
import type { SocketClose } from '../socket/socket.ts';
import type { OpenAnswer, Trouble } from '../transport/transport.ts';
import { abandon, BACKOFF, begin, boundedMs, fail, purposeOf, RECOVERED_SPREAD_MS } from './attempt.ts';
import { CONNECT_DEADLINE_MS, onBudget, wait } from './attempt-budget.ts';
import { ACCEPTED, refuse, refuseMismatch } from './refusal.ts';
import { type Attempt, type Effect, first, go, type Moment, type SlotState, type Step, stay } from './state.ts';

/** A call that does not reach Slack costs nothing, and the network may be back at any moment. */
const UNREACHED_BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 5_000 };
/** What an attempt that began during the outage gets to come to something: it may hang until its deadline. */
const OUTLIVED_MS = 2_000;

/** Longer than the timeouts of the socket, which give better errors. */
const DIAL_DEADLINE_MS = 15_000;
const HELLO_DEADLINE_MS = 10_000;

const RATE_LIMITED: Trouble = {
  reason: 'RateLimited',
  message: 'Slack limits connects with this token (429) and said when the next may come. Relax waits until then.',
};

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
      const retryAfterMs = boundedMs(answer.retryAfterMs);
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
  const { reason, message, isUnreached = false, isOfOne = false } = answer;
  const trouble: Trouble = { reason, message, isOfOne };
  const retryAfterMs = boundedMs(answer.retryAfterMs ?? 0);
  const effects: Effect[] = [{ do: 'leaveLine' }];
  if (retryAfterMs > 0) effects.push({ do: 'holdBudget', forMs: retryAfterMs });
  if (!isUnreached) return first(effects, fail(state, trouble, moment, retryAfterMs));
  if (taken) effects.push({ do: 'giveBack' });
  const unspent: SlotState = { ...state, connectedAtMs: Number.NEGATIVE_INFINITY };
  return first(effects, fail(unspent, trouble, moment, 0, UNREACHED_BACKOFF));
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
  const retryAfterMs = boundedMs(close.retryAfterMs ?? 0);
  // The other slots of the bucket would be refused in the same way.
  if (retryAfterMs > 0) effects.push({ do: 'holdBudget', forMs: retryAfterMs });
  const refused = close.kind === 'refused';
  const reason = refused ? 'ConnectionRefused' : 'ConnectionLost';
  const message = `The websocket closed before Slack's hello: ${close.detail}. Relax retries automatically.`;
  return first(effects, fail(state, { reason, message }, moment, retryAfterMs));
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

/** Slack asked for this wait. */
const isAskedFor = (attempt: Attempt): boolean =>
  (attempt.tag === 'backingOff' && attempt.asked) || (attempt.tag === 'waiting' && attempt.reason === 'RateLimited');

/** Waiting longer is pointless, except where Slack asked for it or the budget requires it. The failures were the outage's. */
export function onRecovered(state: SlotState, { nowMs, random }: Moment): Step {
  const { attempt } = state;
  const soonMs = nowMs + random * RECOVERED_SPREAD_MS;
  const recovered = { hurried: true, failures: 0 };
  switch (attempt.tag) {
    case 'backingOff':
    case 'waiting':
    case 'yielding':
      if (isAskedFor(attempt)) return stay(state);
      return go(state, { ...recovered, attempt: { ...attempt, untilMs: Math.min(attempt.untilMs, soonMs) } });
    case 'inLine':
    case 'asking':
      return go(state, recovered);
    case 'connecting':
    case 'dialing':
    case 'greeting': {
      const untilMs = Math.min(attempt.untilMs, nowMs + OUTLIVED_MS);
      return go(state, { failures: 0, outlived: attempt.id, attempt: { ...attempt, untilMs } });
    }
    case 'none':
    case 'refused':
      return stay(state);
    default:
      return attempt satisfies never;
  }
}

const seconds = (ms: number): string => `${ms / 1000} s`;
