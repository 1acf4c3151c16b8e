import * as z from 'zod/mini';

/**
 * What an application pushes to the list that a queue item names as `reply.to`. `payload` is what Slack gets inside the
 * acknowledgement of the envelope; without it (or with null) the envelope is acknowledged plainly, and at once.
 */
export const replySchema = z.object({
  id: z.string().check(z.minLength(1), z.maxLength(200)),
  payload: z.optional(z.unknown()),
});
export type Reply = z.infer<typeof replySchema>;

/** Slack drops an acknowledgement of 20 KB or more without a word (slack-go, `socketmode`: maxResponseSize). */
export const MAX_ACKNOWLEDGEMENT_BYTES = 20_000;

/** Slack gives up after 3 s (python-slack-sdk#1280); the rest is for the way there. */
export const ANSWER_WITHIN_MS = 2_500;

/** Why an answer was not passed on to Slack: JSON in `replyFaultKey(id)`, for whoever pushed it. */
export interface ReplyFault {
  /**
   * `late`: the envelope had been acknowledged without it, or could no longer be. `refused`: Slack would not take it.
   * `unknown`: no such envelope is held here.
   */
  outcome: 'late' | 'refused' | 'unknown';
  /** For people, with the remedy. */
  reason: string;
  /** ISO 8601, Redis time. */
  at: string;
}

export const REPLY_FAULT_TTL_MS = 3_600_000;
