import { z } from 'zod';

/** One line of `relax status`: a bot as the planner last saw it. Written on change only. */
export const botSummarySchema = z.object({
  bot: z.string(),
  teamID: z.string(),
  teamName: z.string().default(''),
  /** Sockets wanted and live. */
  desired: z.int(),
  live: z.int(),
  zones: z.array(z.string()).default([]),
  ready: z.boolean(),
  /** Reason and message of the Ready condition. */
  reason: z.string(),
  message: z.string(),
  /** Redis time when the first of the missing sockets goes on; absent if none says. Past: it is trying. */
  waitUntilMs: z.int().nonnegative().optional(),
  /** What it waits for: `budget` (Slack's for connects), `rateLimit` (Slack said 429), `retry`. */
  waitsFor: z.string().optional(),
});
export type BotSummary = z.infer<typeof botSummarySchema>;
