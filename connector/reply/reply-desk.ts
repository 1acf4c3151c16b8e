import type { ReplyAddress } from '../../core/protocol/queue-item.ts';
import type { Outcome } from '../queue/outcome.ts';

/**
 * Acknowledges an envelope that takes an answer. Called at most once, and not at all if its outcome stays unknown.
 * @param answer JSON text of the application's payload; undefined: none came in time
 * @returns whether it was sent: false when the socket has ended
 */
export type Acknowledge = (answer: string | undefined) => boolean;

/** An envelope that waits for the application's answer. */
export interface PendingReply {
  /** For the queue item. */
  address: ReplyAddress;
  /** The outcome of its event is final. */
  settled(outcome: Outcome): void;
  /** There will be no socket to send an answer over: its time is over now. */
  expire(): void;
}

/** Holds envelopes until the application has answered, or their time is over. Shared by all slots of a process. */
export interface ReplyDesk {
  /**
   * @param id the envelope's
   * @param textOf the whole acknowledgement with this payload, for Slack's limit on its length
   */
  open(id: string, textOf: (payload: string) => string, acknowledge: Acknowledge): PendingReply;
  /** An envelope that takes no answer has been read: an answer to it is refused with that reason. */
  takesNone(id: string): void;
}
