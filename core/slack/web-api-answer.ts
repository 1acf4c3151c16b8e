import type { RetryReason, TerminalReason } from '../protocol/report.ts';
import type { JsonObject } from './json-object.ts';

/** The result of a call of Slack's Web API, classified by what to do about it. */
export type WebApiAnswer = { kind: 'ok'; body: JsonObject } | WebApiFailure;

export type WebApiFailure =
  | { kind: 'rateLimited'; retryAfterMs: number }
  | ({ kind: 'terminal' } & Refusal)
  /** Worth a retry after a backoff. */
  | {
      kind: 'retry';
      reason: RetryReason;
      error: string;
      message: string;
      /** The request can't have reached Slack, so it does not count against the budget. */
      isUnreached?: boolean;
      /** Slack answered with an error that Relax does not know. */
      isUnknown?: boolean;
      /** Slack says it of one team or app: no sign that Slack as a whole fails. */
      isOfOne?: boolean;
      /** From an answer with Retry-After. */
      retryAfterMs?: number;
    };

/** Only a new token or spec helps, unless Slack changes its mind. `error` is Slack's code; `message` names the remedy. */
export interface Refusal {
  reason: TerminalReason;
  error: string;
  message: string;
}
