import * as z from 'zod/mini';
import { TERMINAL_REASONS } from './report.ts';

/**
 * That Slack takes a bot's token no longer, as a connector learned it elsewhere than at the opening of a socket: from an event
 * (`tokens_revoked`, `app_uninstalled`, `team_access_revoked`) or from the answer to an outbound message. One per owner, in the
 * hash `ClusterKeys.refused`; the operator judges the owner's credentials by it, and removes what no longer applies.
 */
const refusedTokenSchema = z.object({
  /**
   * `tokenDigest` of the slot or route that it is about: another token is not refused by it. Empty for a team of an app without
   * a token of its own.
   */
  tokenDigest: z.string(),
  /** Of the SlackBot: a newer one is not refused by it. */
  generation: z.int().check(z.nonnegative()),
  reason: z.enum(TERMINAL_REASONS),
  /** Slack's code, or the type of its event. */
  error: z.string(),
  /** For people: names Slack's error and the remedy. Never holds a token. */
  message: z.string(),
  /** Redis time. */
  atMs: z.number(),
});
export type RefusedToken = z.infer<typeof refusedTokenSchema>;

/** Types of the events by which Slack says that a team's installation of an app, or its token, is gone. */
export const REVOKING_EVENTS = ['tokens_revoked', 'app_uninstalled', 'team_access_revoked'] as const;
export type RevokingEvent = (typeof REVOKING_EVENTS)[number];

/** @param error of a `RefusedToken`, or the type of an event */
export const isRevokingEvent = (error: unknown): error is RevokingEvent =>
  REVOKING_EVENTS.some((type) => type === error);

/**
 * The errors of a token that Slack has withdrawn, which it does not take back. What else it answers to a message may be a fault of
 * Slack (`invalid_auth` for some seconds), so that such a record stands for a while only (`ANSWER_STANDS_MS`).
 */
export const FINAL_REFUSALS: readonly string[] = [...REVOKING_EVENTS, 'token_revoked'];

export const isFinalRefusal = (error: string): boolean => FINAL_REFUSALS.includes(error);

/** How long a record counts that is not final, from `atMs`. If Slack still refuses the token then, the next message says so. */
export const ANSWER_STANDS_MS = 600_000;

/** One field of the hash; undefined when it can't be read. */
export function decodeRefusedToken(json: string): RefusedToken | undefined {
  try {
    return refusedTokenSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** Field of the hash that is no owner: a text that differs when the hash does, so that readers need not read all of it. */
export const REFUSED_VERSION_FIELD = '@version';
