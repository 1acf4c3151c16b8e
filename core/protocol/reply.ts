import { z } from 'zod';

/**
 * What an application pushes to the list that a queue item names as `reply.to`. `payload` is what Slack gets inside the
 * acknowledgement of the envelope.
 */
export const replySchema = z.object({ id: z.string().min(1).max(200), payload: z.unknown() });
export type Reply = z.infer<typeof replySchema>;

/** Slack drops an acknowledgement of 20 KB or more without a word (slack-go, `socketmode`: maxResponseSize). */
export const MAX_ACKNOWLEDGEMENT_BYTES = 20_000;

/** Slack gives up after 3 s (python-slack-sdk#1280); the rest is for the way there. */
export const ANSWER_WITHIN_MS = 2_500;
