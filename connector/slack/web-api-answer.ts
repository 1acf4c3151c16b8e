import type { RetryReason, TerminalReason } from '../../core/protocol/report.ts';
import type { JsonObject } from '../event/frame-field.ts';

/** What came of a call of Slack's Web API, sorted by what to do about it. */
export type WebApiAnswer = { kind: 'ok'; body: JsonObject } | WebApiFailure;

export type WebApiFailure =
  | { kind: 'rateLimited'; retryAfterMs: number }
  | ({ kind: 'terminal' } & Refusal)
  /** Worth another try after a backoff. */
  | {
      kind: 'retry';
      reason: RetryReason;
      error: string;
      message: string;
      /** The request can't have reached Slack, so that it counts for nothing there. */
      isUnreached?: boolean;
      /** Of an answer with Retry-After. */
      retryAfterMs?: number;
    };

/** A new token or spec helps, or Slack takes it back. `error` is Slack's code, `message` is for people and names the remedy. */
export interface Refusal {
  reason: TerminalReason;
  error: string;
  message: string;
}
