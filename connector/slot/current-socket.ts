/** The socket that a slot reads: hello, goodbye, heartbeat, pause (design rules 5 and 6). Pure. */

import type { Refusal } from '../../core/slack/web-api-answer.ts';
import type { Trouble } from '../transport/transport.ts';
import { crowd, isRoomy, lookAgain, stillUnknown } from './app-sockets.ts';
import { abandon, begin, fail, purposeOf } from './attempt.ts';
import { isForBudget } from './attempt-budget.ts';
import { ACCEPTED, refuseRevoked, refuseSocket } from './refusal.ts';
import type { SignsOfLife } from './signs-of-life.ts';
import {
  type CurrentSocket,
  type Effect,
  first,
  go,
  type Input,
  type Moment,
  NONE,
  type SlotState,
  type Step,
  stay,
} from './state.ts';
import { lookAtWithheld } from './withheld-events.ts';

/** A socket that lived this long proves that connecting works, so the next failure counts as the first again. */
const STABLE_MS = 60_000;
/** How often a socket is marked as live for others: 17 times a second for 5,000 sockets. */
const MARK_MS = 300_000;
/** How soon it is marked again if Redis may not know it: others would take the socket for one that is not of Relax. */
const MARK_AGAIN_MS = 5_000;
/**
 * How long a peer is silent before it is pinged, before it is pinged again, and before it is dead. Each is seen by the next
 * heartbeat, so that a dead peer is given up 9 to 10 s after its last sign of life, with 2 s at least to answer the first ping
 * even if heartbeats are late. A silent socket that is well costs one ping in 6 to 7 s (ADR 0028).
 */
const SILENCE_MS = { ping: 6_000, pingAgain: 7_500, dead: 9_000 };
const MOST_PINGS = 2;

/** The successor is live. Only now is the earlier socket closed, or left to Slack to close. */
export function onHello(state: SlotState, id: number, sockets: number | undefined, { nowMs }: Moment): Step {
  const { attempt, current, pressed, spec } = state;
  if (attempt.tag !== 'greeting' || attempt.id !== id) return stay(state);
  const counted =
    sockets === undefined
      ? undefined
      : { sockets, handover: current !== undefined, looked: current?.looksAgain === true };
  const live: CurrentSocket = {
    id,
    tokenDigest: spec.tokenDigest,
    sinceMs: nowMs,
    readSinceMs: nowMs,
    pausedSinceMs: pressed ? nowMs : undefined,
    pings: 0,
    pingedAtMs: nowMs,
    markedAtMs: nowMs,
    leaving: false,
    counted,
    // Stands until Relax has counted, so that the status does not change twice.
    unknown: counted === undefined ? undefined : stillUnknown(current, nowMs),
    looksAgain: false,
    withheld: current?.withheld === undefined ? undefined : 'doubted',
    trouble: attempt.self.trouble,
  };
  const effects: Effect[] = [
    counted === undefined ? markLive(live) : { ...markLive(live), counted: { id, sockets: counted.sockets } },
  ];
  if (pressed) effects.push({ do: 'pause', id });
  if (current !== undefined) effects.push(...replaced(current, spec.redelivers && isRoomy(sockets)));
  const { teamName, botUserID } = attempt.self;
  const well = { ...ACCEPTED, trouble: undefined, yields: 0, hurried: false };
  const changes = { ...well, current: live, attempt: NONE, wasLive: true, teamName, botUserID };
  return go(state, changes, ...effects);
}

/** Slack will close the socket: its successor comes first. */
export function onLeaving(state: SlotState, id: number, { nowMs }: Moment): Step {
  const { attempt, current } = state;
  if (current?.id !== id) return stay(state);
  const leaving: SlotState = { ...state, current: { ...current, leaving: true, looksAgain: false } };
  if (attempt.tag === 'none') return begin({ ...leaving, ...failuresAfter(state, current, nowMs) });
  // A successor that nothing forced is needed now.
  return isForBudget(attempt) && attempt.purpose !== purposeOf(leaving) ? begin(leaving, true) : stay(leaving);
}

/** Slack closes the socket, or wants it closed, so there is no use in keeping it until there is another. */
export function onClosing(state: SlotState, id: number, trouble: Trouble, moment: Moment): Step {
  const { attempt, current } = state;
  const isCrowded = trouble.reason === 'TooManyWebsockets';
  if (current?.id === id) {
    const lost = isCrowded ? loseToCrowd(state, current, trouble, moment) : lose(state, current, trouble, moment);
    return first(closing(current), lost);
  }
  if (attempt.tag !== 'greeting' || attempt.id !== id) return stay(state);
  return first(abandon(attempt), isCrowded ? crowd(state, trouble, moment) : fail(state, trouble, moment));
}

/** Slack closes a socket because the app has too many: another is opened later, unless it has been asked for already. */
function loseToCrowd(state: SlotState, current: CurrentSocket, trouble: Trouble, moment: Moment): Step {
  const { attempt } = state;
  const alone: SlotState = { ...state, ...failuresAfter(state, current, moment.nowMs), current: undefined, trouble };
  const isAskedFor = attempt.tag === 'connecting' || attempt.tag === 'dialing' || attempt.tag === 'greeting';
  return isAskedFor ? stay(alone) : first(abandon(attempt), crowd(alone, trouble, moment));
}

/** Slack closes the socket and grants no other until a person has done something, or it is not of what the spec names. */
export function onRefused(state: SlotState, id: number, refusal: Refusal, isMismatch: boolean, moment: Moment): Step {
  const { attempt, current } = state;
  if (current?.id === id) {
    const alone: SlotState = { ...state, current: undefined };
    return first([...abandon(attempt), ...closing(current)], refuseSocket(alone, refusal, isMismatch, moment));
  }
  if (attempt.tag !== 'greeting' || attempt.id !== id) return stay(state);
  return first(abandon(attempt), refuseSocket(state, refusal, isMismatch, moment));
}

/**
 * Slack has revoked the token: its socket, which brings nothing more, is closed, and no other follows. What comes over a socket
 * of an earlier token says nothing about the present one.
 */
export function onRevoked(state: SlotState, tokenDigest: string, refusal: Refusal, moment: Moment): Step {
  const { attempt, current, spec, life } = state;
  if (life !== 'running' || tokenDigest !== spec.tokenDigest) return stay(state);
  const closes = current === undefined ? [] : closing(current);
  return first([...abandon(attempt), ...closes], refuseRevoked({ ...state, current: undefined }, refusal, moment));
}

/** The current socket is gone. An attempt in progress continues, and has become more important. */
export function lose(state: SlotState, current: CurrentSocket, trouble: Trouble, moment: Moment): Step {
  const alone: SlotState = { ...state, ...failuresAfter(state, current, moment.nowMs), current: undefined, trouble };
  switch (state.attempt.tag) {
    case 'none':
      return fail(alone, trouble, moment);
    case 'waiting':
      // It asked as a slot with a live socket; without one it has priority.
      return isForBudget(state.attempt) ? begin(alone, true) : stay(alone);
    case 'backingOff':
      // What failed was replacing a live socket.
      return state.attempt.asked ? stay(alone) : begin(alone);
    case 'refused':
      // Likewise, unless it was another token.
      return current.tokenDigest === state.spec.tokenDigest ? begin(alone) : stay(alone);
    case 'inLine':
    case 'asking':
    case 'yielding':
    case 'connecting':
    case 'dialing':
    case 'greeting':
      return stay(alone);
    default:
      return state.attempt satisfies never;
  }
}

type Heartbeat = Extract<Input, { type: 'heartbeat' }>;

export function onHeartbeat(state: SlotState, heartbeat: Heartbeat, moment: Moment): Step {
  const { current } = state;
  if (current === undefined) return stay(state);
  const beaten = beat(state, current, heartbeat, moment);
  const looked = lookAgain(beaten.state, moment);
  return first(beaten.effects, first(looked.effects, lookAtWithheld(looked.state, moment)));
}

function beat(state: SlotState, current: CurrentSocket, heartbeat: Heartbeat, moment: Moment): Step {
  if (moment.nowMs - current.markedAtMs < MARK_MS) return lookAtSilence(state, current, heartbeat, moment);
  const marked: CurrentSocket = { ...current, markedAtMs: moment.nowMs };
  return first([markLive(marked)], lookAtSilence({ ...state, current: marked }, marked, heartbeat, moment));
}

export function onUnmarked(state: SlotState, { nowMs }: Moment): Step {
  const { current } = state;
  if (current === undefined) return stay(state);
  const markedAtMs = Math.min(current.markedAtMs, nowMs - MARK_MS + MARK_AGAIN_MS);
  return go(state, { current: { ...current, markedAtMs } });
}

const markLive = ({ tokenDigest }: CurrentSocket) => ({ do: 'markLive', tokenDigest }) as const;

function lookAtSilence(state: SlotState, current: CurrentSocket, heartbeat: Heartbeat, moment: Moment): Step {
  const { nowMs } = moment;
  if (current.pausedSinceMs !== undefined) {
    const unreadMs = nowMs - current.pausedSinceMs;
    // Nothing is sent: if the peer has closed, that would cost everything unread (ADR 0009).
    if (unreadMs <= state.spec.pauseLimitMs) return stay(state);
    const message = `Redis took no events for ${Math.round(unreadMs / 60_000)} min, so that what the socket holds is stale.`;
    return end(state, current, { reason: 'ConnectionLost', message }, moment);
  }
  const { signs, steadySinceMs } = heartbeat;
  const signAtMs = state.spec.answersPings ? signs.answeredAtMs : signs.heardAtMs;
  // During a delay of this process the peer may have answered: what arrived in the meantime is read first.
  const silentSinceMs = Math.max(signAtMs, current.readSinceMs, steadySinceMs);
  const silentMs = nowMs - silentSinceMs;
  const pings = current.pingedAtMs <= silentSinceMs ? 0 : current.pings;
  if (pings === MOST_PINGS)
    return silentMs < SILENCE_MS.dead ? stay(state) : end(state, current, silent(signs, silentSinceMs), moment);
  if (silentMs < (pings === 0 ? SILENCE_MS.ping : SILENCE_MS.pingAgain)) return stay(state);
  return go(state, { current: { ...current, pings: pings + 1, pingedAtMs: nowMs } }, { do: 'ping', id: current.id });
}

function silent({ heardAtMs }: SignsOfLife, silentSinceMs: number): Trouble {
  const though = heardAtMs > silentSinceMs ? ', though it sends' : '';
  return {
    reason: 'ConnectionLost',
    message: `Slack has answered neither of two pings${though}. Relax reconnects automatically.`,
  };
}

/** Without the close handshake, which a dead peer would never answer. */
function end(state: SlotState, current: CurrentSocket, trouble: Trouble, moment: Moment): Step {
  return first([{ do: 'terminate', id: current.id }], lose(state, current, trouble, moment));
}

export function onPressure(state: SlotState, pressed: boolean, { nowMs }: Moment): Step {
  const { current } = state;
  if (pressed === state.pressed || state.spec.redelivers) return stay(state);
  if (current === undefined) return go(state, { pressed });
  const { id } = current;
  if (pressed) return go(state, { pressed, current: { ...current, pausedSinceMs: nowMs } }, { do: 'pause', id });
  const read: CurrentSocket = { ...current, pausedSinceMs: undefined, readSinceMs: nowMs };
  return go(state, { pressed, current: read }, { do: 'resume', id });
}

export function onStop(state: SlotState): Step {
  const { attempt, current } = state;
  const effects = [...abandon(attempt), ...(current === undefined ? [] : closing(current))];
  return go(state, { life: 'stopped', attempt: NONE, current: undefined }, ...effects);
}

/** A paused socket is read to its end before it is closed, because nobody sends its events again. */
function closing({ id, pausedSinceMs }: CurrentSocket): Effect[] {
  return pausedSinceMs === undefined
    ? [{ do: 'close', id }]
    : [
        { do: 'resume', id },
        { do: 'close', id },
      ];
}

/** @param mayStay Slack may hand events to it until the moment in which it closes it */
const replaced = (current: CurrentSocket, mayStay: boolean): Effect[] =>
  current.leaving && mayStay ? [{ do: 'letClose', id: current.id }] : closing(current);

function failuresAfter(
  { failures, crowds }: SlotState,
  { sinceMs }: CurrentSocket,
  nowMs: number,
): Pick<SlotState, 'failures' | 'crowds'> {
  return nowMs - sinceMs >= STABLE_MS ? { failures: 0, crowds: 0 } : { failures, crowds };
}
