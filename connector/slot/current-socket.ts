/** The socket that a slot reads: hello, goodbye, heartbeat, pause (design rules 5 and 6). Pure. */

import type { Refusal } from '../../core/slack/web-api-answer.ts';
import type { Trouble } from '../transport/transport.ts';
import { crowd, isRoomy, lookAgain, stillUnknown } from './app-sockets.ts';
import { abandon, begin, fail, purposeOf } from './attempt.ts';
import { isForBudget } from './attempt-budget.ts';
import { ACCEPTED, refuseRevoked, refuseSocket } from './refusal.ts';
import {
  type CurrentSocket,
  type Effect,
  first,
  go,
  HEARTBEAT_MS,
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
/** A peer that has answered neither of two pings, one heartbeat apart, by the third heartbeat is dead. */
const MOST_PINGS = 2;
/** A peer that sends, but has answered no ping for this long by a heartbeat, does not hear us: about 10 s. */
const MUTE_MS = 4 * HEARTBEAT_MS - HEARTBEAT_MS / 2;
/** A peer whose last answer is older is pinged although it sends. */
const ASK_ANYWAY_MS = HEARTBEAT_MS + HEARTBEAT_MS / 2;
/** A heartbeat this late means that this process was delayed, not the peer: what arrived in the meantime is read first. */
const LATE_HEARTBEAT_MS = 2 * HEARTBEAT_MS;

export function onHeard(state: SlotState, input: Extract<Input, { type: 'heard' }>, { nowMs }: Moment): Step {
  const { current } = state;
  if (current?.id !== input.id) return stay(state);
  if (input.answered === true) return go(state, { current: { ...current, heard: true, answeredAtMs: nowMs } });
  return current.heard ? stay(state) : go(state, { current: { ...current, heard: true } });
}

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
    heard: true,
    pings: 0,
    answeredAtMs: nowMs,
    heartbeatAtMs: nowMs,
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

export function onHeartbeat(state: SlotState, moment: Moment): Step {
  const { current } = state;
  if (current === undefined) return stay(state);
  const beaten = beat(state, current, moment);
  const looked = lookAgain(beaten.state, moment);
  return first([...beaten.effects, ...looked.effects], lookAtWithheld(looked.state, moment));
}

function beat(state: SlotState, current: CurrentSocket, moment: Moment): Step {
  if (moment.nowMs - current.markedAtMs < MARK_MS) return heartbeat(state, current, moment);
  const marked: CurrentSocket = { ...current, markedAtMs: moment.nowMs };
  return first([markLive(marked)], heartbeat({ ...state, current: marked }, marked, moment));
}

export function onUnmarked(state: SlotState, { nowMs }: Moment): Step {
  const { current } = state;
  if (current === undefined) return stay(state);
  const markedAtMs = Math.min(current.markedAtMs, nowMs - MARK_MS + MARK_AGAIN_MS);
  return go(state, { current: { ...current, markedAtMs } });
}

const markLive = ({ tokenDigest }: CurrentSocket) => ({ do: 'markLive', tokenDigest }) as const;

function heartbeat(state: SlotState, current: CurrentSocket, moment: Moment): Step {
  const { nowMs } = moment;
  const heartbeatDone = (changes: Partial<CurrentSocket>): SlotState => ({
    ...state,
    current: { ...current, ...changes, heard: false, heartbeatAtMs: nowMs },
  });
  const ping: Effect = { do: 'ping', id: current.id };
  if (current.pausedSinceMs !== undefined) {
    const unreadMs = nowMs - current.pausedSinceMs;
    if (unreadMs > state.spec.pauseLimitMs) {
      const message = `Redis took no events for ${Math.round(unreadMs / 60_000)} min, so that what the socket holds is stale.`;
      return end(state, current, { reason: 'ConnectionLost', message }, moment);
    }
    // Nothing is sent: if the peer has closed, that would cost everything unread (ADR 0009).
    return stay(heartbeatDone({}));
  }
  if (nowMs - current.heartbeatAtMs > LATE_HEARTBEAT_MS) return stay(heartbeatDone({ pings: 0, answeredAtMs: nowMs }));
  const unansweredMs = state.spec.answersPings ? nowMs - current.answeredAtMs : 0;
  if (unansweredMs > MUTE_MS) {
    const message = 'Slack has not answered a ping for 10 s, though it sends. Relax reconnects automatically.';
    return end(state, current, { reason: 'ConnectionLost', message }, moment);
  }
  if (current.heard) {
    const effects = unansweredMs > ASK_ANYWAY_MS ? [ping] : [];
    return { state: heartbeatDone({ pings: 0 }), effects };
  }
  if (current.pings < MOST_PINGS) return { state: heartbeatDone({ pings: current.pings + 1 }), effects: [ping] };
  const message = 'Slack has not answered a ping for 5 s. Relax reconnects automatically.';
  return end(state, current, { reason: 'ConnectionLost', message }, moment);
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
  if (pressed)
    return go(state, { pressed, current: { ...current, pings: 0, pausedSinceMs: nowMs } }, { do: 'pause', id });
  const read: CurrentSocket = { ...current, heard: true, pings: 0, pausedSinceMs: undefined, readSinceMs: nowMs };
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
