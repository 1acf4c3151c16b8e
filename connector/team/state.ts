import type { RetryReason, TerminalReason } from '../../core/report.ts';
import type { ConnectAnswer } from '../slack/connect-answer.ts';
import type { SocketClose } from '../socket/socket.ts';
import type { BudgetAnswer, ConnectPurpose } from './connect-budget.ts';

/**
 * What one slot is doing, as data; `step` is all that changes it. Two things run side by side: the socket that is read
 * (`current`), and the attempt to get another (`attempt`), so that a socket which Slack will close, or whose token is no
 * longer the bot's, is read until its successor has said hello.
 *
 * Life: `new` until `start`. `running`. `stopped` for good: every input is ignored, the sockets are closing.
 *
 * Current, live: said hello and is read. Its beat (every BEAT_MS) pings it when it was silent since the last one, and
 * gives it up when two pings found no answer. Only text frames count as life: pings and pongs of the websocket itself
 * come from a machine in between, which may be well while Slack is not.
 *
 * Current, paused: live, but not read, since the publisher's buffer is full. It can't answer, so it has no deadline, and
 * nothing is sent over it (ADR 0009). After half the dedupe window it is ended: what it holds is too old to be judged.
 *
 * Attempt, none: nothing under way, because the current socket is well, or the slot does not run.
 *
 * Attempt, inLine: waits for its turn among the dials of this process (`DialLimit`). It has the turn in asking,
 * connecting and dialing, each of which has a deadline, so that the line always moves.
 *
 * Attempt, asking: the connect budget is asked. Without an answer (Redis away) the slot allows itself a connect a minute.
 *
 * Attempt, waiting: the budget or Slack (429) said when to ask again.
 *
 * Attempt, connecting: rtm.connect is under way.
 *
 * Attempt, dialing: the websocket opens.
 *
 * Attempt, greeting: it is open, and hello is to come. Hello makes it the current socket and closes the earlier one.
 *
 * Attempt, backingOff: something failed; full jitter, doubling until a socket has lived for STABLE_MS.
 *
 * Attempt, refused: Slack refused for good, or would refuse. Only another token, or another generation of the spec,
 * leads out. A current socket, of an earlier token then, is read as long as it lives.
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
  /** Sockets are not to be read. */
  pressed: boolean;
  /** A socket of this slot has been live, so that a placement for balance alone is done. */
  wasLive: boolean;
  /** Of the last rtm.connect; -Infinity before the first. */
  connectedAtMs: number;
  /** Why there is no socket; undefined once one is live. */
  trouble: Trouble | undefined;
  /** Digest of the token whose end was told to the queue. */
  disabledDigest: string;
  /** As Slack named them when a socket was last live. */
  teamName: string;
  botUserID: string;
}

/** As much of a ConnectionSpec as decides something. */
export interface SlotFacts {
  teamID: string;
  tokenDigest: string;
  generation: number;
  rebalance: boolean;
  /** Why the token may not be sent to Slack at all; undefined when it may. */
  refusal: Refusal | undefined;
  /** Longest time that a socket may stay unread. */
  pauseLimitMs: number;
}

export type Refusal = Pick<Extract<ConnectAnswer, { kind: 'terminal' }>, 'reason' | 'error' | 'message'>;

export interface Trouble {
  reason: RetryReason;
  message: string;
}

/** Who Slack says that a socket belongs to. */
export interface SlackSelf {
  teamID: string;
  teamName: string;
  botUserID: string;
}

export interface CurrentSocket {
  id: number;
  tokenDigest: string;
  sinceMs: number;
  pausedSinceMs: number | undefined;
  /** A text frame came since the last beat. */
  heard: boolean;
  /** Pings in a row that nothing was heard after. */
  pings: number;
  beatAtMs: number;
}

export type WaitReason = Extract<RetryReason, 'WaitingForBudget' | 'RateLimited'>;

export type Attempt =
  | { tag: 'none' }
  /** `waited`: it had to wait before, so that a status says the same while it asks again. */
  | { tag: 'inLine'; id: number; waited: boolean }
  | { tag: 'asking'; id: number; waited: boolean; purpose: ConnectPurpose; untilMs: number }
  | { tag: 'waiting'; reason: WaitReason; purpose: ConnectPurpose; untilMs: number }
  | { tag: 'connecting'; id: number; untilMs: number }
  | { tag: 'dialing'; id: number; self: SlackSelf; untilMs: number }
  | { tag: 'greeting'; id: number; self: SlackSelf; untilMs: number }
  | { tag: 'backingOff'; untilMs: number }
  | { tag: 'refused'; reason: TerminalReason; message: string };

/** `id` is that of the attempt which asked, or whose socket it is. */
export type Input =
  | { type: 'start' }
  | { type: 'update'; spec: SlotFacts }
  | { type: 'pressure'; pressed: boolean }
  | { type: 'stop' }
  /** The turn has come. */
  | { type: 'permitted'; id: number }
  | { type: 'budget'; id: number; answer: BudgetAnswer | 'away' }
  | { type: 'answer'; id: number; answer: ConnectAnswer }
  | { type: 'opened'; id: number }
  /** A text frame came, whatever is in it. */
  | { type: 'heard'; id: number }
  | { type: 'hello'; id: number }
  | { type: 'goodbye'; id: number }
  | { type: 'migration'; id: number }
  /** Slack's error frame. */
  | { type: 'error'; id: number; code: number; msg: string }
  | { type: 'closed'; id: number; close: SocketClose }
  /** Every BEAT_MS while there is a current socket. */
  | { type: 'beat' }
  /** The time that `wakeAtMs` gave has come. */
  | { type: 'wake' };

export type Effect =
  | { do: 'joinLine'; id: number }
  /** Gives the turn back, or the place in the line. */
  | { do: 'leaveLine' }
  | { do: 'takeBudget'; id: number; purpose: ConnectPurpose }
  | { do: 'blockBudget'; forMs: number }
  | { do: 'connect'; id: number }
  | { do: 'abortConnect' }
  /** `url` is a secret, which no state keeps. */
  | { do: 'dial'; id: number; url: string; self: SlackSelf }
  | { do: 'ping'; id: number }
  | { do: 'pause'; id: number }
  | { do: 'resume'; id: number }
  | { do: 'close'; id: number }
  | { do: 'terminate'; id: number }
  /** Tells the user's app, by the queue, that Slack refuses the token for good. */
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
export const BEAT_MS = 2_500;

export function initialState(spec: SlotFacts): SlotState {
  return {
    life: 'new',
    spec,
    current: undefined,
    attempt: NONE,
    serial: 0,
    failures: 0,
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
  return 'untilMs' in attempt ? attempt.untilMs : undefined;
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
