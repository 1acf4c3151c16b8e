import * as z from 'zod/mini';

/** One line of `relax status`: a bot, or an app, as the planner last saw it. Written on change only. */
export const botSummarySchema = z.object({
  /** "namespace/name" of the SlackBot or SlackApp. */
  bot: z.string(),
  /** Empty for a SlackApp, which is of no team. */
  teamID: z.string(),
  teamName: z._default(z.string(), ''),
  /** Sockets wanted and live. */
  desired: z.int(),
  live: z.int(),
  zones: z._default(z.array(z.string()), []),
  ready: z.boolean(),
  /** Reason and message of the Ready condition. */
  reason: z.string(),
  message: z.string(),
  /** Why a wanted socket is not live while others are; absent if all are, or no connector says. */
  missing: z.optional(z.object({ reason: z.string(), message: z.string() })),
  /** Redis time when the first of the missing sockets goes on; absent if none says. Past: it is trying. */
  waitUntilMs: z.optional(z.int().check(z.nonnegative())),
  /** What it waits for: `budget` (Slack's for connects), `rateLimit` (Slack said 429), `retry`. */
  waitsFor: z.optional(z.string()),
  /** "namespace/name" of the SlackApp whose sockets carry the bot, and are counted here; absent if it has its own. */
  app: z.optional(z.string()),
  /** Of a SlackApp, and of nothing else: its id at Slack. */
  appID: z.optional(z.string()),
  /** Of a SlackApp: teams that have a SlackBot over it. */
  teams: z.optional(z.int().check(z.nonnegative())),
});
export type BotSummary = z.infer<typeof botSummarySchema>;
