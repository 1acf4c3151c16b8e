import type { Trouble } from '../transport/transport.ts';
import { abandon, begin, fail } from './attempt.ts';
import {
  type CurrentSocket,
  type Effect,
  first,
  go,
  HEARTBEAT_MS,
  type Moment,
  NONE,
  type SlotState,
  type Step,
  stay,
} from './state.ts';

/** A socket that lived so long proves that the way to Slack is well: the next failure is the first again. */
const STABLE_MS = 60_000;
/** So often others are told that a socket lives: 17 times a second for 5,000 of them. */
const MARK_MS = 300_000;
/** Two pings, a heartbeat apart, of which neither was answered by the third heartbeat. */
const MOST_PINGS = 2;
/** A heartbeat so late says that this process was held up, and nothing of the peer: what came meanwhile is read first. */
const LATE_HEARTBEAT_MS = 2 * HEARTBEAT_MS;

export function onHeard(state: SlotState, id: number): Step {
  const { current } = state;
  if (current?.id !== id || current.heard) return stay(state);
  return go(state, { current: { ...current, heard: true } });
}

/** The successor is live. Only now is the earlier socket closed. */
export function onHello(state: SlotState, id: number, { nowMs }: Moment): Step {
  const { attempt, current, pressed, spec } = state;
  if (attempt.tag !== 'greeting' || attempt.id !== id) return stay(state);
  const live: CurrentSocket = {
    id,
    tokenDigest: spec.tokenDigest,
    sinceMs: nowMs,
    pausedSinceMs: pressed ? nowMs : undefined,
    heard: true,
    pings: 0,
    heartbeatAtMs: nowMs,
    markedAtMs: nowMs,
  };
  const effects: Effect[] = [markLive(live)];
  if (pressed) effects.push({ do: 'pause', id });
  if (current !== undefined) effects.push(...closing(current));
  const { teamName, botUserID } = attempt.self;
  const well = { trouble: undefined, yields: 0, hurried: false };
  const changes = { ...well, current: live, attempt: NONE, wasLive: true, teamName, botUserID };
  return go(state, changes, ...effects);
}

/** Slack will close the socket: its successor comes first. */
export function onLeaving(state: SlotState, id: number, { nowMs }: Moment): Step {
  const { attempt, current } = state;
  if (current?.id !== id || attempt.tag !== 'none') return stay(state);
  return begin({ ...state, failures: failuresAfter(state, current, nowMs) });
}

/** Slack closes the socket, or wants it closed: it is no use to keep it until there is another. */
export function onClosing(state: SlotState, id: number, trouble: Trouble, moment: Moment): Step {
  const { attempt, current } = state;
  if (current?.id === id) return first(closing(current), lose(state, current, trouble, moment));
  if (attempt.tag !== 'greeting' || attempt.id !== id) return stay(state);
  return first(abandon(attempt), fail(state, trouble, moment));
}

/** The current socket is gone; an attempt that is under way goes on, and matters more now. */
export function lose(state: SlotState, current: CurrentSocket, trouble: Trouble, moment: Moment): Step {
  const failures = failuresAfter(state, current, moment.nowMs);
  const alone: SlotState = { ...state, current: undefined, trouble, failures };
  switch (state.attempt.tag) {
    case 'none':
      return fail(alone, trouble, moment);
    case 'waiting':
      // It asked as one whose socket lives. One without comes first.
      return state.attempt.reason === 'WaitingForBudget' ? begin(alone, true) : stay(alone);
    case 'backingOff':
      // What failed was to replace a socket that lived.
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
  if (moment.nowMs - current.markedAtMs < MARK_MS) return heartbeat(state, current, moment);
  const marked: CurrentSocket = { ...current, markedAtMs: moment.nowMs };
  return first([markLive(marked)], heartbeat({ ...state, current: marked }, marked, moment));
}

const markLive = ({ tokenDigest }: CurrentSocket): Effect => ({ do: 'markLive', tokenDigest });

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
    // Nothing is sent: to a peer that has closed it would cost all that is unread (ADR 0009).
    return stay(heartbeatDone({}));
  }
  if (nowMs - current.heartbeatAtMs > LATE_HEARTBEAT_MS) return stay(heartbeatDone({ pings: 0 }));
  if (current.heard) return stay(heartbeatDone({ pings: 0 }));
  if (current.pings < MOST_PINGS) return { state: heartbeatDone({ pings: current.pings + 1 }), effects: [ping] };
  const message = 'Slack has not answered a ping for 5 s. Relax reconnects automatically.';
  return end(state, current, { reason: 'ConnectionLost', message }, moment);
}

/** Without the close handshake, for which a dead peer would be waited for in vain. */
function end(state: SlotState, current: CurrentSocket, trouble: Trouble, moment: Moment): Step {
  return first([{ do: 'terminate', id: current.id }], lose(state, current, trouble, moment));
}

export function onPressure(state: SlotState, pressed: boolean, { nowMs }: Moment): Step {
  const { current } = state;
  if (pressed === state.pressed) return stay(state);
  if (current === undefined) return go(state, { pressed });
  const { id } = current;
  if (pressed)
    return go(state, { pressed, current: { ...current, pings: 0, pausedSinceMs: nowMs } }, { do: 'pause', id });
  const read: CurrentSocket = { ...current, heard: true, pings: 0, pausedSinceMs: undefined };
  return go(state, { pressed, current: read }, { do: 'resume', id });
}

export function onStop(state: SlotState): Step {
  const { attempt, current } = state;
  const effects = [...abandon(attempt), ...(current === undefined ? [] : closing(current))];
  return go(state, { life: 'stopped', attempt: NONE, current: undefined }, ...effects);
}

/** What a paused socket holds is read before it is closed: nobody sends it again. */
function closing({ id, pausedSinceMs }: CurrentSocket): Effect[] {
  return pausedSinceMs === undefined
    ? [{ do: 'close', id }]
    : [
        { do: 'resume', id },
        { do: 'close', id },
      ];
}

function failuresAfter(state: SlotState, { sinceMs }: CurrentSocket, nowMs: number): number {
  return nowMs - sinceMs >= STABLE_MS ? 0 : state.failures;
}
