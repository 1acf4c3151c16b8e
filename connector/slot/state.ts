/** The states, inputs and effects of a slot. Pure data; `step.ts` is the machine. */

import type { RetryReason } from '../../core/protocol/report.ts';
import type { Refusal } from '../../core/slack/web-api-answer.ts';
import type { BudgetAnswer, ConnectPurpose } from '../budget/connect-budget.ts';
import type { SocketClose } from '../socket/socket.ts';
import type { OpenAnswer, SlackSelf, Trouble } from '../transport/transport.ts';
import type { SignsOfLife } from './signs-of-life.ts';
import type { SlackCount, UnknownSockets } from './slack-count.ts';

/**
 * What one slot is doing, as data; only `step` changes it. Two things run side by side: the socket that is read
 * (`current`), and the attempt to open another (`attempt`), so that a socket which Slack will close, or whose token is no
 * longer the bot's, is read until its successor has said hello.
 *
 * Life: `new` until `start`. `running`. `stopped` is final: every input is ignored, the sockets are closing.
 *
 * Current, live: has received hello and is read. What it brings is no input of its own: the heartbeat (every HEARTBEAT_MS)
 * is told when there was last a sign of life, pings the socket if that is long ago, and gives it up when two pings got no
 * answer. The transport defines what a ping is, and what counts as a sign of life (`KeepAlive`). Where websocket pings are
 * answered, only their answers count: a socket may go on to bring events while what we send, acknowledgements too, gets
 * nowhere.
 *
 * Current, paused: live, but not read, since the publisher's buffer is full. It can't answer, so it has no deadline, and
 * nothing is sent over it (ADR 0009). After half the dedupe window it is ended: what it holds is too old to
 * be checked for duplicates.
 *
 * Attempt, none: nothing in progress, because the current socket works, or the slot does not run.
 *
 * Attempt, inLine: waits for its turn among the dials of this process (`Outage`, `DialSemaphore`). It holds the turn while
 * asking, connecting and dialing, each of which has a deadline, so that the queue always moves.
 * Attempt, asking: the connect budget is asked. Without an answer (Redis away) the slot allows itself a connect a minute.
 *
 * Attempt, waiting: the budget or Slack (429) said when to ask again, or the app has no place for another socket.
 * Attempt, yielding: another slot that shares its budget goes first. It asks again soon, then less and less often.
 *
 * Attempt, connecting: Slack is asked for a socket (`Transport.open`).
 * Attempt, dialing: the websocket opens.
 * Attempt, greeting: it is open and waits for hello. Hello makes it the current socket and closes the earlier one.
 *
 * Attempt, backingOff: something failed; full jitter, doubling until a socket has lived for STABLE_MS. When Slack says that
 * the app has too many sockets, the waits are much longer (`app-sockets.ts`).
 *
 * Attempt, refused: Slack refused the token. It is asked again soon, then after minutes and hours, because the refusal may
 * have been a fault of Slack (ADR 0010); one that an event has revoked (ADR 0021), after hours. Another token or generation of
 * the spec is tried at once. A value that is no token is never asked about. A current socket is read as long as it lives. A refusal
 * may also come over a websocket; then only a hello takes it back.
 */
export interface SlotState {
  life: 'new' | 'running' | 'stopped';
  spec: SlotFacts;
  current: CurrentSocket | undefined;
  attempt: Attempt;
  /** Number of the last attempt, and of its socket: whatever comes from another one is ignored. */
  serial: number;
  /** Failed attempts since a socket was last stable. */
  failures: number;
  /** Times that Slack had too many sockets of the app, since a socket was last stable. */
  crowds: number;
  /** Times in a row that Slack counted sockets which Relax does not know. */
  looks: number;
  /** Times in a row that another slot that shares its budget went first, or had the app's last place. */
  yields: number;
  /** Sockets in a row that were replaced because events were withheld from them, and when the last was. */
  withheldTimes: number;
  withheldAtMs: number;
  /** Slack has recovered from an outage: connects wait no longer only to save calls. */
  hurried: boolean;
  /** The attempt that was under way when Slack recovered, by `serial`: its failure says nothing of Slack as it is now. */
  outlived: number | undefined;
  /** Slack's latest refusal of the token; undefined if it was accepted since, or never tried. */
  refusal: Refusal | undefined;
  /** The refusal came over a websocket, so that the grant of another one does not take it back. */
  refusedBySocket: boolean;
  /** Refusals in a row of the token, and when the first of them came. */
  refusals: number;
  refusedAtMs: number | undefined;
  /** Sockets must not be read now. */
  pressed: boolean;
  /** A socket of this slot has been live, so a placement for balance alone has been completed. */
  wasLive: boolean;
  /** Of the last call for a socket; -Infinity before the first. */
  connectedAtMs: number;
  /** Why there is no socket; undefined once one is live. */
  trouble: Trouble | undefined;
  /** Digest of the token for which `disable_bot` was queued. */
  disabledDigest: string;
  /** As Slack named them when a socket was last live. */
  teamName: string;
  botUserID: string;
}

/** The part of a slot's spec, and of its transport, on which decisions depend. */
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
  /**
   * Slack hands each event to one of the app's sockets, and sends again what is not acknowledged: no socket is paused, and
   * one that Slack closes is read until then. Otherwise every socket gets a copy of its own, once.
   */
  redelivers: boolean;
  /** A call comes back to its bucket every few seconds, as of an app, and not once a minute. */
  callsOften: boolean;
  /** A socket has to answer websocket pings, however much else comes over it. */
  answersPings: boolean;
  /** Longest time that a socket may stay unread. */
  pauseLimitMs: number;
}

export interface CurrentSocket {
  id: number;
  tokenDigest: string;
  sinceMs: number;
  /** Since when it has been read without a pause. */
  readSinceMs: number;
  pausedSinceMs: number | undefined;
  /** Pings in a row, and when the last of them was sent: an answer that came later makes them past. */
  pings: number;
  pingedAtMs: number;
  /** When it was last marked as live for others. */
  markedAtMs: number;
  /** Slack has said that it will close it. */
  leaving: boolean;
  /** What Slack's hello said of the app's sockets; undefined if nothing. */
  counted: SlackCount | undefined;
  /** Slack counts more sockets of the app than Relax knows. */
  unknown: UnknownSockets | undefined;
  /** It is being replaced only to hear Slack count again. */
  looksAgain: boolean;
  /** Other sockets of the token bring events that it does not bring; `doubted`: that was found of the one before. */
  withheld: 'found' | 'doubted' | undefined;
  /** What people should know of it although it works. */
  trouble: Trouble | undefined;
}

export type WaitReason = Extract<RetryReason, 'WaitingForBudget' | 'RateLimited' | 'TooManyWebsockets'>;

export type Attempt =
  | { tag: 'none' }
  /** `waited`: it has waited before, so that the status stays the same while it asks again. */
  | { tag: 'inLine'; id: number; waited: boolean }
  | { tag: 'asking'; id: number; waited: boolean; purpose: ConnectPurpose; unspaced: boolean; untilMs: number }
  | { tag: 'waiting'; reason: WaitReason; purpose: ConnectPurpose; untilMs: number }
  | { tag: 'yielding'; untilMs: number }
  /** `taken`: the connect was taken from the budget, rather than allowed by the slot itself. */
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
  /** The turn has come. `sparing`: only to probe whether Slack is still away, if there are connects to spare. */
  | { type: 'permitted'; id: number; sparing?: boolean }
  | { type: 'budget'; id: number; answer: BudgetAnswer | 'away' }
  | { type: 'answer'; id: number; answer: OpenAnswer }
  | { type: 'opened'; id: number }
  /** `sockets`: how many of the app Slack counts, if it says. */
  | { type: 'hello'; id: number; sockets?: number | undefined }
  /** Redis may not know that the current socket is live: it was away when told, or has lost what it was told. */
  | { type: 'unmarked' }
  /** How many sockets of the app Relax knew when `id` was marked as live. */
  | { type: 'known'; id: number; known: number }
  /** Another socket of the token brings events that this one does not; it has brought one again. */
  | { type: 'withheld'; id: number }
  | { type: 'brought'; id: number }
  /** Slack will close the socket, some time soon. */
  | { type: 'leaving'; id: number }
  /** Slack closes it now. */
  | { type: 'closing'; id: number; trouble: Trouble }
  /** Slack closes it and grants no other for now, or (`mismatch`) it is not of what the spec names. */
  | { type: 'refused'; id: number; refusal: Refusal; mismatch: boolean }
  /** An event says that Slack has revoked the token of the socket that brought it. */
  | { type: 'revoked'; tokenDigest: string; refusal: Refusal }
  /** Slack's error frame. */
  | { type: 'error'; id: number; code: number; msg: string }
  | { type: 'closed'; id: number; close: SocketClose }
  /** Slack has recovered from an outage that affected the whole process. */
  | { type: 'recovered' }
  /** Whether a socket with this token is live anywhere. */
  | { type: 'elsewhere'; tokenDigest: string; live: boolean }
  /**
   * Every HEARTBEAT_MS while there is a current socket, whose `signs` these are. `steadySinceMs`: since when this process has
   * not been delayed; what arrived before may have been read late.
   */
  | { type: 'heartbeat'; signs: SignsOfLife; steadySinceMs: number }
  /** The time that `wakeAtMs` gave has come. */
  | { type: 'wake' };

export type Effect =
  | { do: 'joinLine'; id: number }
  /** Gives up the turn, or the place in the queue. */
  | { do: 'leaveLine' }
  | { do: 'takeBudget'; id: number; purpose: ConnectPurpose; unspaced: boolean; sparing: boolean }
  /** The connect can't have reached Slack. */
  | { do: 'giveBack' }
  | { do: 'blockBudget'; forMs: number }
  | { do: 'holdBudget'; forMs: number }
  /**
   * Marks, for all who share the budget, that a socket with this token, possibly an earlier one of the bot, is live.
   * `counted`: passes on Slack's count of the app's sockets, and asks for `known`.
   */
  | { do: 'markLive'; tokenDigest: string; counted?: { id: number; sockets: number } }
  /** Asks for `elsewhere`. */
  | { do: 'askElsewhere' }
  | { do: 'connect'; id: number }
  | { do: 'abortConnect' }
  /** `url` is a secret, so no state keeps it. */
  | { do: 'dial'; id: number; url: string; self: SlackSelf }
  | { do: 'ping'; id: number }
  | { do: 'pause'; id: number }
  | { do: 'resume'; id: number }
  | { do: 'close'; id: number }
  /** Slack closes it soon, and it is read until then. */
  | { do: 'letClose'; id: number }
  | { do: 'terminate'; id: number }
  /** Tells the application, through the queue, that Slack refuses the token. */
  | { do: 'disableBot'; error: string };

export interface Step {
  state: SlotState;
  effects: readonly Effect[];
}

/** The time of a step, and its random number. */
export interface Moment {
  /** Monotonic. */
  nowMs: number;
  /** In [0, 1). */
  random: number;
}

/** How often it is looked whether a socket is silent. A look that finds nothing to do changes nothing and costs next to nothing. */
export const HEARTBEAT_MS = 1_000;

export function initialState(spec: SlotFacts): SlotState {
  return {
    life: 'new',
    spec,
    current: undefined,
    attempt: NONE,
    serial: 0,
    failures: 0,
    crowds: 0,
    looks: 0,
    yields: 0,
    withheldTimes: 0,
    withheldAtMs: Number.NEGATIVE_INFINITY,
    hurried: false,
    outlived: undefined,
    refusal: undefined,
    refusedBySocket: false,
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

/** When the slot needs a `wake`; undefined if only other inputs can change it. */
export function wakeAtMs({ attempt }: SlotState): number | undefined {
  return 'untilMs' in attempt && attempt.untilMs < Number.POSITIVE_INFINITY ? attempt.untilMs : undefined;
}

export const NONE: Attempt = { tag: 'none' };

const NOTHING: readonly Effect[] = [];

/** The state with these changes, and the effects to perform. */
export const stay = (state: SlotState): Step => ({ state, effects: NOTHING });
export const go = (state: SlotState, changes: Partial<SlotState>, ...effects: Effect[]): Step => ({
  state: { ...state, ...changes },
  effects,
});
/** Puts effects before those of a step. */
export const first = (effects: readonly Effect[], step: Step): Step =>
  effects.length === 0 ? step : { state: step.state, effects: [...effects, ...step.effects] };
