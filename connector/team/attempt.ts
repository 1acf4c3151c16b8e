import { type BackoffPolicy, backoffMs } from '../../core/backoff.ts';
import { type ConnectAnswer, isAbout } from '../slack/connect-answer.ts';
import type { SocketClose } from '../socket/socket.ts';
import type { BudgetAnswer, ConnectPurpose } from './connect-budget.ts';
import {
  type Attempt,
  type Effect,
  first,
  go,
  type Moment,
  NONE,
  type Refusal,
  type SlotState,
  type Step,
  stay,
  type Trouble,
  type WaitReason,
} from './state.ts';

/** Slack allows a connect a minute: quicker than this cap would only wait for the budget. */
const BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 };

/** Above the timeouts of those who are asked, which tell more: only for one that never answers. */
const ASK_DEADLINE_MS = 10_000;
const CONNECT_DEADLINE_MS = 20_000;
const DIAL_DEADLINE_MS = 15_000;
const HELLO_DEADLINE_MS = 10_000;

/** What a slot allows itself while Redis, which holds the budget, is away: Slack's sustained rate. */
const LOCAL_ALLOWANCE_MS = 60_000;
const AWAY_RETRY_MS = 5_000;
/** Spreads those who wait for the same moment. */
const WAIT_JITTER_MS = 1_000;

const RATE_LIMITED: Trouble = {
  reason: 'RateLimited',
  message: 'Slack limits connects with this token (429) and said when the next may come. Relax waits so long.',
};

/** Refusals by which Slack says that the bot itself is at an end, as `disable_bot` always meant. */
const DISABLING: ReadonlySet<string> = new Set(['invalid_auth', 'account_inactive', 'token_revoked']);

/** Goes to the end of the line; whatever attempt was there must be given up before (`abandon`). */
export function begin(state: SlotState, waited = false): Step {
  const { refusal } = state.spec;
  if (refusal !== undefined) return refuse(state, refusal);
  const id = state.serial + 1;
  return go(state, { serial: id, attempt: { tag: 'inLine', id, waited } }, { do: 'joinLine', id });
}

/** What must be undone before another attempt, or none, takes the place of this one. */
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
    case 'backingOff':
    case 'refused':
      return [];
    default:
      return attempt satisfies never;
  }
}

/** The attempt is over; another follows. @param atLeastMs what the peer asked for */
export function fail(state: SlotState, trouble: Trouble, moment: Moment, atLeastMs = 0): Step {
  const waitMs = Math.max(atLeastMs, backoffMs(state.failures, BACKOFF, moment.random));
  const attempt: Attempt = { tag: 'backingOff', untilMs: moment.nowMs + waitMs };
  return go(state, { attempt, trouble, failures: state.failures + 1 });
}

function refuse(state: SlotState, { reason, error, message }: Refusal): Step {
  const attempt: Attempt = { tag: 'refused', reason, message };
  const { tokenDigest } = state.spec;
  if (!DISABLING.has(error) || state.disabledDigest === tokenDigest) return go(state, { attempt });
  return go(state, { attempt, disabledDigest: tokenDigest }, { do: 'disableBot', error });
}

function purposeOf({ current, spec, wasLive }: SlotState): ConnectPurpose {
  if (current !== undefined) return 'refresh';
  if (wasLive) return 'needed';
  if (spec.spread === true) return 'spread';
  return spec.rebalance ? 'rebalance' : 'needed';
}

export function onPermitted(state: SlotState, id: number, { nowMs }: Moment): Step {
  const { attempt } = state;
  if (attempt.tag !== 'inLine' || attempt.id !== id) return stay(state);
  const purpose = purposeOf(state);
  const asking: Attempt = {
    ...{ tag: 'asking', id, waited: attempt.waited, purpose },
    untilMs: nowMs + ASK_DEADLINE_MS,
  };
  return go(state, { attempt: asking }, { do: 'takeBudget', id, purpose });
}

export function onBudget(state: SlotState, id: number, answer: BudgetAnswer | 'away', moment: Moment): Step {
  const { attempt } = state;
  if (attempt.tag !== 'asking' || attempt.id !== id) return stay(state);
  if (answer === 'away') return withoutBudget(state, id, attempt.purpose, moment);
  if (answer.granted) return connect(state, id, moment);
  // The socket that was to be replaced died while we asked: the same question is another one now.
  if (attempt.purpose !== purposeOf(state)) return first(abandon(attempt), begin(state, attempt.waited));
  return wait(state, 'WaitingForBudget', attempt.purpose, answer.waitMs, moment);
}

/** A team must not stay dark because Redis is: its other pods may be the ones that reach it. */
function withoutBudget(state: SlotState, id: number, purpose: ConnectPurpose, moment: Moment): Step {
  const leftMs = state.connectedAtMs + LOCAL_ALLOWANCE_MS - moment.nowMs;
  // Others of its set are live: it can wait for Redis.
  const canWait = purpose === 'rebalance' || purpose === 'spread';
  if (leftMs <= 0 && !canWait) return connect(state, id, moment);
  const waitMs = canWait ? AWAY_RETRY_MS : Math.min(leftMs, AWAY_RETRY_MS);
  return wait(state, 'WaitingForBudget', purpose, waitMs, moment);
}

function connect(state: SlotState, id: number, { nowMs }: Moment): Step {
  const attempt: Attempt = { tag: 'connecting', id, untilMs: nowMs + CONNECT_DEADLINE_MS };
  return go(state, { attempt, connectedAtMs: nowMs }, { do: 'connect', id });
}

/** Gives the turn back. */
function wait(state: SlotState, reason: WaitReason, purpose: ConnectPurpose, waitMs: number, moment: Moment): Step {
  const untilMs = moment.nowMs + waitMs + moment.random * WAIT_JITTER_MS;
  return go(state, { attempt: { tag: 'waiting', reason, purpose, untilMs } }, { do: 'leaveLine' });
}

export function onAnswer(state: SlotState, id: number, answer: ConnectAnswer, moment: Moment): Step {
  const { attempt } = state;
  if (attempt.tag !== 'connecting' || attempt.id !== id) return stay(state);
  switch (answer.kind) {
    case 'ok': {
      if (!isAbout(answer, state.spec.teamID))
        return first([{ do: 'leaveLine' }], refuse(state, mismatch(answer, state)));
      const { teamID, teamName, botUserID, url } = answer;
      const self = { teamID, teamName, botUserID };
      const dialing: Attempt = { tag: 'dialing', id, self, untilMs: moment.nowMs + DIAL_DEADLINE_MS };
      return go(state, { attempt: dialing }, { do: 'dial', id, url, self });
    }
    case 'rateLimited': {
      const { retryAfterMs } = answer;
      // Slack, or a proxy in between, may ask for no wait at all: then our own grows.
      const waitMs = Math.max(retryAfterMs, backoffMs(state.failures, BACKOFF, moment.random));
      const again: SlotState = { ...state, trouble: RATE_LIMITED, failures: state.failures + 1 };
      const waiting = wait(again, 'RateLimited', purposeOf(state), waitMs, moment);
      return first([{ do: 'blockBudget', forMs: retryAfterMs }], waiting);
    }
    case 'terminal':
      return first([{ do: 'leaveLine' }], refuse(state, answer));
    case 'retry':
      return first([{ do: 'leaveLine' }], fail(state, { reason: answer.reason, message: answer.message }, moment));
    default:
      return answer satisfies never;
  }
}

function mismatch(answer: Extract<ConnectAnswer, { kind: 'ok' }>, { spec }: SlotState): Refusal {
  const message =
    `The token is of team ${answer.teamID} (${answer.teamName}), and spec.teamID is ${spec.teamID}. No socket was ` +
    'opened. Put the token of that team into the Secret, or make a SlackBot with the teamID of the token.';
  return { reason: 'TeamMismatch', error: 'team_mismatch', message };
}

export function onOpened(state: SlotState, id: number, { nowMs }: Moment): Step {
  const { attempt } = state;
  if (attempt.tag !== 'dialing' || attempt.id !== id) return stay(state);
  const greeting: Attempt = { tag: 'greeting', id, self: attempt.self, untilMs: nowMs + HELLO_DEADLINE_MS };
  return go(state, { attempt: greeting }, { do: 'leaveLine' });
}

/** The socket of an attempt ended before hello. */
export function onAttemptClosed(state: SlotState, attempt: Attempt, close: SocketClose, moment: Moment): Step {
  const leave: readonly Effect[] = attempt.tag === 'dialing' ? [{ do: 'leaveLine' }] : [];
  const refused = close.kind === 'refused';
  const reason = refused ? 'ConnectionRefused' : 'ConnectionLost';
  const message = `The websocket ended before Slack's hello: ${close.detail}. Relax tries again by itself.`;
  return first(leave, fail(state, { reason, message }, moment, close.retryAfterMs));
}

/** Slack answered the socket of the attempt with an error frame: as a rule, that its URL has expired. */
export function onGreetingError(state: SlotState, code: number, msg: string, moment: Moment): Step {
  const message = `Slack refused the websocket (${code}: ${msg}). Relax tries again by itself.`;
  return first(abandon(state.attempt), fail(state, { reason: 'ConnectionRefused', message }, moment));
}

/** What was waited for until now is over, or never came. */
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
    case 'backingOff':
      return begin(state);
    case 'connecting':
      return overdue('SlackUnavailable', `rtm.connect was not answered within ${seconds(CONNECT_DEADLINE_MS)}.`);
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

const seconds = (ms: number): string => `${ms / 1000} s`;

/** Other facts about the bot: what is under way goes on, unless they make it pointless. */
export function onUpdate(state: SlotState, spec: SlotState['spec']): Step {
  const { attempt, current, life } = state;
  const next: SlotState = { ...state, spec };
  if (life !== 'running') return stay(next);
  const otherTeam = spec.teamID !== state.spec.teamID;
  if (otherTeam || spec.tokenDigest !== state.spec.tokenDigest) {
    const fresh: SlotState = { ...next, attempt: NONE, failures: 0, trouble: undefined };
    // Its events are another team's: it may not even be read on.
    if (otherTeam && current !== undefined) {
      const closing: readonly Effect[] = [...abandon(attempt), { do: 'close', id: current.id }];
      return first(closing, begin({ ...fresh, current: undefined, wasLive: false }));
    }
    // The token is again the one of the socket that lives.
    if (current?.tokenDigest === spec.tokenDigest) return { state: fresh, effects: abandon(attempt) };
    return first(abandon(attempt), begin(fresh));
  }
  if (attempt.tag === 'refused' && spec.generation !== state.spec.generation) return begin({ ...next, failures: 0 });
  if (attempt.tag === 'waiting' && attempt.reason === 'WaitingForBudget' && attempt.purpose !== purposeOf(next)) {
    return begin(next, true);
  }
  return stay(next);
}
