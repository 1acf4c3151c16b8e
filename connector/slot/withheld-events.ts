/**
 * What a slot does when its socket answers pings but is kept from events that another socket of its token brings (design rule
 * 6, ADR 0022). Pure.
 */

import type { Trouble } from '../transport/transport.ts';
import { abandon, begin, isOnlyForEvents } from './attempt.ts';
import { type CurrentSocket, go, type Moment, NONE, type SlotState, type Step, stay } from './state.ts';

/** Another socket follows at once, then after this, twice this and so on, while events are withheld from the next one too. */
const FIRST_AGAIN_MS = 60_000;
const MOST_AGAIN_MS = 1_800_000;
/** After so long without such a socket the next one is the first again. */
const FORGET_MS = 3_600_000;
/** Longer than it takes to find a socket (`TWIN_TIMES`): the successor of one that was found is told apart by then. */
const DOUBT_MS = 60_000;

export const WITHHELD: Trouble = {
  reason: 'EventsWithheld',
  message:
    'Slack sends the events of this team over another websocket, but not over this one, although it answers pings. Relax opens ' +
    'another in its place, at growing intervals if that does not help.',
};

/** The socket does not bring what another of its token brings. */
export function onWithheld(state: SlotState, id: number, moment: Moment): Step {
  const { current } = state;
  if (current?.id !== id || current.pausedSinceMs !== undefined || current.withheld === 'found') return stay(state);
  return replaceWithheld({ ...state, current: { ...current, withheld: 'found' } }, current, moment);
}

/** It has brought an event again, so there is no need to replace it. */
export function onBrought(state: SlotState, id: number): Step {
  const { current, attempt } = state;
  if (current?.id !== id || current.withheld === undefined) return stay(state);
  const read: CurrentSocket = { ...current, withheld: undefined };
  const isUnderWay = attempt.tag === 'connecting' || attempt.tag === 'dialing' || attempt.tag === 'greeting';
  if (attempt.tag === 'none' || isUnderWay || !isOnlyForEvents(state)) return go(state, { current: read });
  return go(state, { current: read, attempt: NONE }, ...abandon(attempt));
}

/** With each heartbeat: the next one may be due, or the doubt about this one over. */
export function lookAtWithheld(state: SlotState, moment: Moment): Step {
  const { current } = state;
  if (current?.withheld === 'found') return replaceWithheld(state, current, moment);
  if (current?.withheld === undefined || moment.nowMs - current.sinceMs < DOUBT_MS) return stay(state);
  return go(state, { current: { ...current, withheld: undefined } });
}

/** Opens a successor, unless one is being opened, or the last one did not help. */
function replaceWithheld(state: SlotState, current: CurrentSocket, { nowMs }: Moment): Step {
  if (state.attempt.tag !== 'none' || current.leaving) return stay(state);
  const times = nowMs - state.withheldAtMs > FORGET_MS ? 0 : state.withheldTimes;
  const againMs = times === 0 ? 0 : Math.min(MOST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** Math.min(times - 1, 20));
  if (nowMs < state.withheldAtMs + againMs) return stay(state);
  return begin({ ...state, withheldTimes: times + 1, withheldAtMs: nowMs });
}
