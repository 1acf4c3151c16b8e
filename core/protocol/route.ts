import * as z from 'zod/mini';
import { eventFilterSchema } from './assignment.ts';

/**
 * The table of a SlackApp: for each team the SlackBot that it belongs to. The planner writes it, connectors read it; a team
 * that is not in it follows the app's `unknownTeams`. Readers ignore unknown fields.
 */
const routeSchema = z.object({
  /** Uid of the SlackBot: the fence's field. */
  ownerUid: z.string(),
  /** "namespace/name" of the SlackBot. */
  bot: z.string(),
  generation: z.int().check(z.nonnegative()),
  queueNamespace: z._default(z.string(), ''),
  events: eventFilterSchema,
  replies: z._default(z.enum(['wait', 'off']), 'wait'),
  /** The bot token of the SlackBot, sealed for the fleet (`core/protocol/seal.ts`); absent if it names no Secret. */
  token: z.optional(z.string()),
  /** `tokenDigest` of the plain bot token; absent without one. */
  tokenDigest: z.optional(z.string()),
  /** Its events are acknowledged and not queued. */
  suspended: z._default(z.boolean(), false),
});
export type Route = z.infer<typeof routeSchema>;

/** Field of the hash that is no team: a text that differs when the table does, so that readers need not read all of it. */
export const ROUTE_VERSION_FIELD = '@version';

/**
 * Field of the hash that is no team, and its value: the table is new, and not all SlackBots are known yet. As long as it is
 * there, nobody may conclude that a team without a field is unknown (design rule 10).
 */
export const OTHER_TEAMS_FIELD = '*';
export const OTHER_TEAMS_TEXT = 'not known yet';

/** One field of the hash; undefined when it can't be read. */
export function decodeRoute(json: string): Route | undefined {
  try {
    return routeSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
