/** What an application has pushed, and why it can't be passed on to Slack. Pure. */

import {
  ANSWER_WITHIN_MS,
  MAX_ACKNOWLEDGEMENT_BYTES,
  type ReplyFault,
  replySchema,
} from '../../core/protocol/reply.ts';
import type { PendingEnd } from './pending-reply.ts';

export type Answer =
  | { kind: 'answer'; id: string /** JSON text; undefined for none. */; payload: string | undefined }
  /** Whatever it is, it would not fit. `id` as far as it shows without parsing. */
  | { kind: 'tooLarge'; id: string | undefined; length: number }
  | { kind: 'malformed'; problem: string };

/**
 * What fits into an acknowledgement is never longer than this, even with every character escaped as `\\u1234`: six for one
 * byte. Anything longer is not parsed, which would hold up all other answers.
 */
const MOST_CHARACTERS = 6 * MAX_ACKNOWLEDGEMENT_BYTES + 1_000;
/** Where an item that is not parsed may say its id. */
const EDGE_CHARACTERS = 1_000;
const ID = /"id"\s*:\s*"([^"\\]{1,200})"/;

export function parseAnswer(text: string): Answer {
  if (text.length > MOST_CHARACTERS) {
    const id = ID.exec(text.slice(0, EDGE_CHARACTERS))?.[1] ?? ID.exec(text.slice(-EDGE_CHARACTERS))?.[1];
    return { kind: 'tooLarge', id, length: text.length };
  }
  try {
    const { success, data } = replySchema.safeParse(JSON.parse(text));
    if (!success) return { kind: 'malformed', problem: 'not an object with a string id of 1 to 200 characters' };
    const { id, payload } = data;
    return { kind: 'answer', id, payload: payload == null ? undefined : JSON.stringify(payload) };
  } catch (error) {
    // What is nested too deeply can be read, but not be written again.
    return { kind: 'malformed', problem: error instanceof RangeError ? 'nested too deeply' : 'not JSON' };
  }
}

/** What is known of an envelope that takes no answer now. */
export type Standing =
  | PendingEnd
  /** Its time is over, and it is not acknowledged yet. */
  | 'overdue'
  /** Of a kind that takes no answer. */
  | 'takesNone'
  /** Nothing: it was never read here, or long ago. */
  | 'unknown'
  /** Nothing, but the answer was on the list before this process read from it. */
  | 'left';

type Refusal = Omit<ReplyFault, 'at'>;

const AFTER = 'use response_url or the Web API after that';

/** Why an answer to such an envelope goes nowhere. */
export function refusalOf(standing: Standing): Refusal {
  switch (standing) {
    case 'timeout':
    case 'overdue':
      return {
        outcome: 'late',
        reason: `the answer came after reply.before, ${ANSWER_WITHIN_MS} ms after the envelope was read: ${AFTER}`,
      };
    case 'not_queued':
      return {
        outcome: 'late',
        reason: `the envelope was acknowledged at once, since its event was not queued: ${AFTER}`,
      };
    case 'unacknowledged':
      return { outcome: 'late', reason: `the websocket that brought the envelope has ended: ${AFTER}` };
    case 'left':
      return { outcome: 'late', reason: `the connector that held the envelope has ended: ${AFTER}` };
    case 'answered':
      return { outcome: 'refused', reason: 'the envelope has been answered: Slack takes one answer' };
    case 'takesNone':
      return {
        outcome: 'refused',
        reason: 'the envelope takes no answer: Slack accepts none for its kind, so its item has no reply',
      };
    case 'unknown':
      return {
        outcome: 'unknown',
        reason:
          'no envelope of this id is held here: push the id of the item (reply.id) to the list it names (reply.to)',
      };
    default:
      return standing satisfies never;
  }
}

/** @param bytes of the whole acknowledgement @returns undefined if it fits */
export function sizeRefusal(bytes: number): Refusal | undefined {
  if (bytes < MAX_ACKNOWLEDGEMENT_BYTES) return undefined;
  return { outcome: 'refused', reason: `the acknowledgement would have ${bytes} bytes: ${LIMIT}` };
}

/** For an item that was not parsed. */
export const lengthRefusal = (length: number): Refusal => ({
  outcome: 'refused',
  reason: `the answer has ${length} characters: ${LIMIT}`,
});

const LIMIT =
  `Slack takes less than ${MAX_ACKNOWLEDGEMENT_BYTES} bytes, ` +
  'so send a smaller one in time, or the rest by response_url or the Web API';
