import * as z from 'zod/mini';

/** What a connector reports about one of its slots. The operator derives conditions from it; no event depends on it. */

export const slotReportSchema = z.object({
  /** Epoch of the assignment that this report answers. */
  epoch: z.int().check(z.nonnegative()),
  /**
   * What the slot runs, for a planner that finds nothing but the report after a loss of Redis. Absent from connectors of
   * versions that ran `rtm` only.
   */
  kind: z.catch(z.optional(z.enum(['rtm', 'socketMode', 'app'])), undefined),
  /** Incarnation of the connector that wrote it; a report of an earlier incarnation says nothing about the present. */
  incarnation: z.string(),
  state: z.enum([
    /** Waits for Slack's connect budget. */
    'waiting',
    /** Asking Slack for a socket, dial or hello in progress, or backing off before the next try. */
    'connecting',
    'live',
    /** Live, but not read while Redis is away. */
    'paused',
    /** Slack refused the token; it is asked again slowly, at once for a new token or spec. */
    'failed',
  ]),
  /**
   * CamelCase: a reason of the CredentialsValid or Connected condition. Empty when live; SealUnreadable when live because
   * of an earlier assignment whose token could be opened.
   */
  reason: z._default(z.string(), ''),
  /** For people: what happened and the remedy. Never holds a token. */
  message: z._default(z.string(), ''),
  /**
   * Redis time, in whole seconds, at which the slot continues: when Slack's budget has its next connect, or the next try
   * is due. Absent if it waits for neither, and from connectors of earlier versions. In the past: it is trying.
   */
  waitUntilMs: z.optional(z.int().check(z.nonnegative())),
  /** Digest of the token it used: a verdict on an old token says nothing about a new one. */
  tokenDigest: z.string(),
  /** What Slack returned when it was last asked for a socket. */
  teamName: z._default(z.string(), ''),
  botUserID: z._default(z.string(), ''),
});
export type SlotReport = z.infer<typeof slotReportSchema>;

export function decodeReport(json: string): SlotReport | undefined {
  try {
    return slotReportSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/**
 * Reasons that a report may carry; they end up as condition reasons, and docs/troubleshooting.md has a section for each.
 * Terminal ones stand until Slack takes them back, or the token or the spec changes.
 */
export const TERMINAL_REASONS = [
  'TokenInvalid',
  'TokenRevoked',
  'TokenExpired',
  'AccountInactive',
  'TokenWrongKind',
  'MissingScope',
  'RTMNotAllowed',
  'TeamMismatch',
  'AppMismatch',
  'SocketModeDisabled',
  'AccessDenied',
  /** Slack said so by an event while the bot ran (`core/protocol/refused-token.ts`). */
  'AppUninstalled',
  'TeamAccessRevoked',
] as const;
export type TerminalReason = (typeof TERMINAL_REASONS)[number];

export const RETRY_REASONS = [
  'RateLimited',
  'WaitingForBudget',
  'SlackUnavailable',
  'SlackAnswerUnreadable',
  'MigrationInProgress',
  'ConnectionRefused',
  'ConnectionLost',
  'HelloTimeout',
  /** Slack has as many websockets of the app as it allows, or Relax does by its own count (design rule 11). */
  'TooManyWebsockets',
  /** Live, but Slack counts websockets of the app that Relax does not know. */
  'UnknownWebsockets',
  /** Live, but Slack refuses the bot token that came along with the app-level token. */
  'BotTokenRefused',
  /** Live, and answers pings, but does not bring the events that another websocket of the same team brings. */
  'EventsWithheld',
  'SealUnreadable',
  'TransportNotServed',
] as const;
export type RetryReason = (typeof RETRY_REASONS)[number];
