/** When an envelope that takes an answer is acknowledged, and with what. Pure (design rule 5). */

import type { FailReason, Outcome } from '../queue/outcome.ts';

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
  /** Its time was over before the outcome was known: acknowledged when that is known. */
  | 'overdue'
  | PendingEnd;

export type PendingInput =
  | { kind: 'settled'; outcome: Outcome }
  /** @property payload JSON text; undefined for an application that has nothing to say */
  | { kind: 'answer'; payload: string | undefined }
  /** `ANSWER_WITHIN_MS` after it was read. */
  | { kind: 'deadline' }
  /** The acknowledgement could not be sent: the socket has ended. */
  | { kind: 'unsent' };

export interface PendingStep {
  state: PendingState;
  /** Send the acknowledgement now, with this answer or with none. */
  acknowledge?: { answer: string | undefined };
}

/** What an outcome means to Slack, who is told only what is final. */
type Standing = /** An application will see it. */ 'queued' | /** Nobody will. */ 'final' | 'open';

const FAILED: Readonly<Record<FailReason, Standing>> = {
  malformed: 'final',
  too_large: 'final',
  unencodable: 'final',
  refused: 'final',
  buffer_full: 'open',
  stale: 'open',
  shutdown: 'open',
};

/** A duplicate is on the queue as well: it may even be this one, if the first reply of Redis was lost. */
function standingOf(outcome: Outcome): Standing {
  switch (outcome.kind) {
    case 'queued':
    case 'duplicate':
      return 'queued';
    case 'filtered':
    case 'fenced':
      return 'final';
    case 'failed':
      return FAILED[outcome.reason];
    default:
      return outcome satisfies never;
  }
}

/** An answer would still go to Slack, and the deadline is still to come. */
export const takesAnswer = (state: PendingState): boolean => state === 'unsettled' || state === 'queued';

export const isEnded = (state: PendingState): state is PendingEnd =>
  state === 'answered' || state === 'timeout' || state === 'not_queued' || state === 'unacknowledged';

export function stepPending(state: PendingState, input: PendingInput): PendingStep {
  switch (input.kind) {
    case 'settled':
      return settled(state, standingOf(input.outcome));
    case 'answer':
      // Whoever answers has read the item, so it is on the queue whatever Redis has told us so far.
      return takesAnswer(state) ? { state: 'answered', acknowledge: { answer: input.payload } } : { state };
    case 'deadline':
      return overdue(state);
    case 'unsent':
      return { state: isEnded(state) ? 'unacknowledged' : state };
    default:
      return input satisfies never;
  }
}

const PLAINLY = { answer: undefined };

function settled(state: PendingState, standing: Standing): PendingStep {
  if (state !== 'unsettled' && state !== 'overdue') return { state };
  switch (standing) {
    case 'queued':
      return state === 'overdue' ? { state: 'timeout', acknowledge: PLAINLY } : { state: 'queued' };
    case 'final':
      return { state: 'not_queued', acknowledge: PLAINLY };
    case 'open':
      return { state: 'unacknowledged' };
    default:
      return standing satisfies never;
  }
}

function overdue(state: PendingState): PendingStep {
  if (state === 'queued') return { state: 'timeout', acknowledge: PLAINLY };
  return { state: state === 'unsettled' ? 'overdue' : state };
}
