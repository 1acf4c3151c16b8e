import type { RetryReason } from '../../core/protocol/report.ts';
import type { BudgetAnswer, ConnectPurpose } from '../budget/connect-budget.ts';
import type { Refusal } from '../slack/web-api-answer.ts';
import type { SocketClose } from '../socket/socket.ts';
import type { OpenAnswer, SlackSelf, Trouble } from '../transport/transport.ts';

/**
 * What one slot is doing, as data; `step` is all that changes it. Two things run side by side: the socket that is read
 * (`current`), and the attempt to get another (`attempt`), so that a socket which Slack will close, or whose token is no
 * longer the bot's, is read until its successor has said hello.
 *
 * Life: `new` until `start`. `running`. `stopped` for good: every input is ignored, the sockets are closing.
 *
 * Current, live: said hello and is read. Its heartbeat (every HEARTBEAT_MS) pings it when it was silent since the last one, and
 * gives it up when two pings found no answer. What a ping is, and what counts as life, is the transport's (`KeepAlive`).
 *
 * Current, paused: live, but not read, since the publisher's buffer is full. It can't answer, so it has no deadline, and
 * nothing is sent over it (ADR 0009). After half the dedupe window it is ended: what it holds is too old to be judged.
 *
 * Attempt, none: nothing under way, because the current socket is well, or the slot does not run.
 *
 * Attempt, inLine: waits for its turn among the dials of this process (`Outage`, `DialSemaphore`). It has the turn in asking,
 * connecting and dialing, each of which has a deadline, so that the line always moves.
 *
 * Attempt, asking: the connect budget is asked. Without an answer (Redis away) the slot allows itself a connect a minute.
 *
 * Attempt, waiting: the budget or Slack (429) said when to ask again.
 *
 * Attempt, yielding: another slot that shares its budget goes first. It asks again soon, and more and more seldom.
 *
 * Attempt, connecting: Slack is asked for a socket (`Transport.open`).
 *
 * Attempt, dialing: the websocket opens.
 *
 * Attempt, greeting: it is open, and hello is to come. Hello makes it the current socket and closes the earlier one.
 *
 * Attempt, backingOff: something failed; full jitter, doubling until a socket has lived for STABLE_MS.
 *
 * Attempt, refused: Slack refused the token. It is asked again in minutes, then in hours: what it said may have been a
 * fault of its own (ADR 0010). Another token or generation of the spec is tried at once. A value that was not sent because
 * it is no token is never asked about. A current socket is read as long as it lives.
 */
export interface SlotState {
  life: 'new' | 'running' | 'stopped';
  spec: SlotFacts;
  current: CurrentSocket | undefined;
  attempt: Attempt;
  /** Number of the last attempt. An attempt's number is that of its socket, too: what comes from another is ignored. */
  serial: number;
  /** Failed attempts since a socket was last stable. */
  failures: number;
  /** Times in a row that another slot that shares its budget went first. */
  yields: number;
  /** Slack, which was away, is well again: what still fails may not hold up a connect that waits only to save calls. */
  hurried: boolean;
  /** Slack's last word on the token; undefined when it was accepted since, or never asked about. */
  refusal: Refusal | undefined;
  /** Refusals in a row of the token, and when the first of them came. */
  refusals: number;
  refusedAtMs: number | undefined;
  /** Sockets are not to be read. */
  pressed: boolean;
  /** A socket of this slot has been live, so that a placement for balance alone is done. */
  wasLive: boolean;
  /** Of the last call for a socket; -Infinity before the first. */
  connectedAtMs: number;
  /** Why there is no socket; undefined once one is live. */
  trouble: Trouble | undefined;
  /** Digest of the token whose end was told to the queue. */
  disabledDigest: string;
  /** As Slack named them when a socket was last live. */
  teamName: string;
  botUserID: string;
}

/** As much of a slot's spec, and of its transport, as decides something. */
export interface SlotFacts {
  /** Names the stream that its sockets read. */
  streamID: string;
  /** The call that gets a socket, in words for people. */
  openMethod: string;
  tokenDigest: string;
  generation: number;
  rebalance: boolean;
  spread?: boolean | undefined;
  /** Why the token may not be sent to Slack at all; undefined when it may. */
  refusal: Refusal | undefined;
  /** Longest time that a socket may stay unread. */
  pauseLimitMs: number;
}

export interface CurrentSocket {
  id: number;
  tokenDigest: string;
  sinceMs: number;
  pausedSinceMs: number | undefined;
  /** A sign of life came since the last heartbeat. */
  heard: boolean;
  /** Pings in a row that nothing was heard after. */
  pings: number;
  heartbeatAtMs: number;
  /** When others were last told that it lives. */
  markedAtMs: number;
}

export type WaitReason = Extract<RetryReason, 'WaitingForBudget' | 'RateLimited'>;

export type Attempt =
  | { tag: 'none' }
  /** `waited`: it had to wait before, so that a status says the same while it asks again. */
  | { tag: 'inLine'; id: number; waited: boolean }
  | { tag: 'asking'; id: number; waited: boolean; purpose: ConnectPurpose; unspaced: boolean; untilMs: number }
  | { tag: 'waiting'; reason: WaitReason; purpose: ConnectPurpose; untilMs: number }
  | { tag: 'yielding'; untilMs: number }
  /** `taken`: from the budget, rather than on the slot's own account. */
  | { tag: 'connecting'; id: number; taken: boolean; untilMs: number }
  | { tag: 'dialing'; id: number; self: SlackSelf; untilMs: number }
  | { tag: 'greeting'; id: number; self: SlackSelf; untilMs: number }
  /** `asked`: Slack asked for this wait, so that nothing shortens it. */
  | { tag: 'backingOff'; asked: boolean; untilMs: number }
  /** `untilMs`: Infinity when there is nothing to ask again. */
  | { tag: 'refused'; untilMs: number };

/** `id` is that of the attempt which asked, or whose socket it is. */
export type Input =
  | { type: 'start' }
  | { type: 'update'; spec: SlotFacts }
  | { type: 'pressure'; pressed: boolean }
  | { type: 'stop' }
  /** The turn has come. `sparing`: to look whether Slack is still away, if there are connects to spare. */
  | { type: 'permitted'; id: number; sparing?: boolean }
  | { type: 'budget'; id: number; answer: BudgetAnswer | 'away' }
  | { type: 'answer'; id: number; answer: OpenAnswer }
  | { type: 'opened'; id: number }
  /** A sign of life came. */
  | { type: 'heard'; id: number }
  | { type: 'hello'; id: number }
  /** Slack will close the socket, some time soon. */
  | { type: 'leaving'; id: number }
  /** Slack closes it now. */
  | { type: 'closing'; id: number; trouble: Trouble }
  /** Slack's error frame. */
  | { type: 'error'; id: number; code: number; msg: string }
  | { type: 'closed'; id: number; close: SocketClose }
  /** Slack, which was away for the whole process, is well again. */
  | { type: 'recovered' }
  /** Whether a socket with this token lives anywhere. */
  | { type: 'elsewhere'; tokenDigest: string; live: boolean }
  /** Every HEARTBEAT_MS while there is a current socket. */
  | { type: 'heartbeat' }
  /** The time that `wakeAtMs` gave has come. */
  | { type: 'wake' };

export type Effect =
  | { do: 'joinLine'; id: number }
  /** Gives the turn back, or the place in the line. */
  | { do: 'leaveLine' }
  | { do: 'takeBudget'; id: number; purpose: ConnectPurpose; unspaced: boolean; sparing: boolean }
  /** The connect can't have reached Slack. */
  | { do: 'giveBack' }
  | { do: 'blockBudget'; forMs: number }
  | { do: 'holdBudget'; forMs: number }
  /** Lets all who share the budget know that a socket of this token, which may be an earlier one of the bot's, lives. */
  | { do: 'markLive'; tokenDigest: string }
  /** Asks for `elsewhere`. */
  | { do: 'askElsewhere' }
  | { do: 'connect'; id: number }
  | { do: 'abortConnect' }
  /** `url` is a secret, which no state keeps. */
  | { do: 'dial'; id: number; url: string; self: SlackSelf }
  | { do: 'ping'; id: number }
  | { do: 'pause'; id: number }
  | { do: 'resume'; id: number }
  | { do: 'close'; id: number }
  | { do: 'terminate'; id: number }
  /** Tells the user's app, by the queue, that Slack refuses the token. */
  | { do: 'disableBot'; error: string };

export interface Step {
  state: SlotState;
  effects: readonly Effect[];
}

/** When a step happens, and its dice. */
export interface Moment {
  /** Monotonic. */
  nowMs: number;
  /** In [0, 1). */
  random: number;
}

/** A dead peer is given up 7.5 to 10 s after its last frame, and had 5 s to answer the first ping. */
export const HEARTBEAT_MS = 2_500;

export function initialState(spec: SlotFacts): SlotState {
  return {
    life: 'new',
    spec,
    current: undefined,
    attempt: NONE,
    serial: 0,
    failures: 0,
    yields: 0,
    hurried: false,
    refusal: undefined,
    refusals: 0,
    refusedAtMs: undefined,
    pressed: false,
    wasLive: false,
    connectedAtMs: Number.NEGATIVE_INFINITY,
    trouble: undefined,
    disabledDigest: '',
    teamName: '',
    botUserID: '',
  };
}

/** When the slot wants a `wake`; undefined when only others can change it. */
export function wakeAtMs({ attempt }: SlotState): number | undefined {
  return 'untilMs' in attempt && attempt.untilMs < Number.POSITIVE_INFINITY ? attempt.untilMs : undefined;
}

export const NONE: Attempt = { tag: 'none' };

const NOTHING: readonly Effect[] = [];

/** The state as it is, or with these changes, and what is to be done. */
export const stay = (state: SlotState): Step => ({ state, effects: NOTHING });
export const go = (state: SlotState, changes: Partial<SlotState>, ...effects: Effect[]): Step => ({
  state: { ...state, ...changes },
  effects,
});
/** What is to be done before the effects of a step. */
export const first = (effects: readonly Effect[], step: Step): Step => ({
  state: step.state,
  effects: [...effects, ...step.effects],
});
