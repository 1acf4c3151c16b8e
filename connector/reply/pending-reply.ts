/** When an envelope that takes an answer is acknowledged, and with what. Pure (design rule 5). */

import { isFinal, type Outcome } from '../queue/outcome.ts';

/** How it ended for an envelope; for metrics too. */
export type PendingEnd =
  /** Acknowledged with what the application answered. */
  | 'answered'
  /** Acknowledged without an answer, since none came in time. */
  | 'timeout'
  /** Acknowledged without an answer, since no application will see it: filtered, fenced, or unfit for the queue. */
  | 'not_queued'
  /** Not acknowledged: it could not be queued now, or its socket has ended. Slack tells the user. */
  | 'unacknowledged';

export type PendingState =
  /** Read; what becomes of its event is not known yet. */
  | 'unsettled'
  /** Its event is on the queue: the application may answer. */
  | 'queued'
  /** The application has nothing to say, and what becomes of the event is not known yet. */
  | 'satisfied'
  /** Its time was over before the outcome was known: acknowledged when that is known. */
  | 'overdue'
  | PendingEnd;

export type PendingInput =
  | { kind: 'settled'; outcome: Outcome }
  /** @property payload JSON text; undefined for an application that has nothing to say */
  | { kind: 'answer'; payload: string | undefined }
  /** `ANSWER_WITHIN_MS` after it was read, or earlier if its socket is about to close. */
  | { kind: 'deadline' }
  /** The acknowledgement could not be sent: the socket has ended. */
  | { kind: 'unsent' };

export interface PendingStep {
  state: PendingState;
  /** Send the acknowledgement now, with this answer or with none. */
  acknowledge?: { answer: string | undefined };
}

/** A duplicate is on the queue as well: it may even be this one, if the first reply of Redis was lost. */
const isOnQueue = ({ kind }: Outcome): boolean => kind === 'queued' || kind === 'duplicate';

/** An answer would still go to Slack, and the deadline is still to come. */
export const takesAnswer = (state: PendingState): boolean => state === 'unsettled' || state === 'queued';

export const isEnded = (state: PendingState): state is PendingEnd =>
  state === 'answered' || state === 'timeout' || state === 'not_queued' || state === 'unacknowledged';

export function stepPending(state: PendingState, input: PendingInput): PendingStep {
  switch (input.kind) {
    case 'settled':
      return settled(state, input.outcome);
    case 'answer':
      return answered(state, input.payload);
    case 'deadline':
      return overdue(state);
    case 'unsent':
      return { state: isEnded(state) ? 'unacknowledged' : state };
    default:
      return input satisfies never;
  }
}

const PLAINLY = { answer: undefined };

function settled(state: PendingState, outcome: Outcome): PendingStep {
  if (state !== 'unsettled' && state !== 'satisfied' && state !== 'overdue') return { state };
  if (!isFinal(outcome)) return { state: 'unacknowledged' };
  if (!isOnQueue(outcome)) return { state: 'not_queued', acknowledge: PLAINLY };
  if (state === 'unsettled') return { state: 'queued' };
  return { state: state === 'satisfied' ? 'answered' : 'timeout', acknowledge: PLAINLY };
}

/**
 * Whoever answers has read the item, so it is on the queue whatever Redis has told us so far. Without an answer to pass on, the
 * plain acknowledgement still waits for that.
 */
function answered(state: PendingState, payload: string | undefined): PendingStep {
  if (!takesAnswer(state)) return { state };
  if (state === 'unsettled' && payload === undefined) return { state: 'satisfied' };
  return { state: 'answered', acknowledge: { answer: payload } };
}

function overdue(state: PendingState): PendingStep {
  if (state === 'queued') return { state: 'timeout', acknowledge: PLAINLY };
  return { state: state === 'unsettled' ? 'overdue' : state };
}
