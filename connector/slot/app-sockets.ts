/**
 * How many websockets an app has (design rule 11): more than Slack allows, or more than Relax knows. Slack hands each event to
 * one of them, so one that nobody reads takes its share of the events with it. Pure.
 */

import type { Trouble } from '../transport/transport.ts';
import { begin, fail } from './attempt.ts';
import type { UnknownSockets } from './slack-count.ts';
import { type CurrentSocket, go, type Moment, type SlotState, type Step, stay } from './state.ts';

/** Slack may count sockets that have broken for minutes; asking for more would only add to them. */
const FIRST_CROWD_MS = 30_000;
const MOST_CROWD_MS = 600_000;

/** Sockets that are being replaced have closed by then: Slack is heard again to be certain. */
const CERTAIN_MS = 20_000;
/** How long what Slack counted is told before Slack is heard again; doubles while it stays true. */
const FIRST_LOOK_MS = 300_000;
const MOST_LOOK_MS = 1_800_000;

/** Slack allows 10 sockets of an app: beyond this, all that are being replaced at once need the room. */
const MOST_ROOMY = 6;

/** Whether a socket may stay beside its successor until Slack closes it. @param sockets that Slack counts, if it says */
export const isRoomy = (sockets: number | undefined): boolean => (sockets ?? 0) <= MOST_ROOMY;

/** Slack has as many sockets of the app as it allows. The attempt is over; another follows, later each time. */
export function crowd(state: SlotState, trouble: Trouble, moment: Moment): Step {
  const waitMs = doubled(FIRST_CROWD_MS, MOST_CROWD_MS, state.crowds) * (1 - moment.random / 4);
  return fail({ ...state, crowds: state.crowds + 1 }, trouble, moment, waitMs);
}

/**
 * Compares with what Slack's hello said. The slot stays live, since its socket is read as before. Other slots that are being
 * replaced at the moment have two sockets each, and Slack often replaces all of an app at once, so a small difference is only
 * told if a socket that was opened to hear Slack count finds it as well.
 */
export function onKnown(state: SlotState, id: number, known: number, moment: Moment): Step {
  const { current } = state;
  if (current?.id !== id || current.counted === undefined) return stay(state);
  const { sockets, handover, looked } = current.counted;
  if (sockets <= known + (handover ? 1 : 0)) {
    return go(state, { looks: 0, current: { ...current, unknown: undefined } });
  }
  const slack = handover ? sockets - 1 : sockets;
  const isCertain = slack > 2 * known || looked || current.unknown?.isCertain === true;
  const waitMs = isCertain ? doubled(FIRST_LOOK_MS, MOST_LOOK_MS, Math.max(0, state.looks - 1)) : CERTAIN_MS;
  const unknown: UnknownSockets = {
    slack,
    known,
    isCertain,
    lookAtMs: moment.nowMs + waitMs * (1 + moment.random / 4),
  };
  return go(state, { looks: state.looks + 1, current: { ...current, unknown } });
}

/** What a socket's successor takes over from it, for as long as Relax can't count. */
export const stillUnknown = (before: CurrentSocket | undefined, nowMs: number): UnknownSockets | undefined =>
  before?.unknown === undefined ? undefined : { ...before.unknown, lookAtMs: nowMs + FIRST_LOOK_MS };

/** Slack counts only in a hello, so a successor is opened to hear it: nothing else would end what is no longer true. */
export function lookAgain(state: SlotState, { nowMs }: Moment): Step {
  const { current, attempt } = state;
  if (current?.unknown === undefined || attempt.tag !== 'none' || nowMs < current.unknown.lookAtMs) return stay(state);
  return begin({ ...state, current: { ...current, looksAgain: true } });
}

/** What people are told of them; undefined while it is not certain. */
export const unknownSockets = ({ slack, known, isCertain }: UnknownSockets): Trouble | undefined =>
  isCertain ? { reason: 'UnknownWebsockets', message: unknownWords(slack, known) } : undefined;

const unknownWords = (slack: number, known: number): string =>
  `Slack counts ${slack} websockets of this app, but Relax knows ${known}. Slack hands a part of the events to the others. ` +
  'Stop whatever else connects as this app, such as a development copy; sockets that broke are forgotten by Slack after a ' +
  'while. Relax looks again automatically.';

const doubled = (firstMs: number, mostMs: number, times: number): number =>
  Math.min(mostMs, firstMs * 2 ** Math.min(times, 20));
