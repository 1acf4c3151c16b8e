import type { RetryReason, TerminalReason } from '../../core/report.ts';

/** What Slack's rtm.connect said, sorted by what to do about it. */
export type ConnectAnswer =
  /** `url` is single-use and valid for 30 s: dial it at once, never log it. */
  | { kind: 'ok'; url: string; teamID: string; teamName: string; botUserID: string }
  | { kind: 'rateLimited'; retryAfterMs: number }
  /** Only a new token or spec helps. `error` is Slack's code, `message` is for people and names the remedy. */
  | { kind: 'terminal'; reason: TerminalReason; error: string; message: string }
  /** Worth another try after a backoff. */
  | { kind: 'retry'; reason: RetryReason; error: string; message: string };

/** Never rejects: a failure is an answer too. An aborted call answers `retry`. */
export type RtmConnect = (token: string, signal: AbortSignal) => Promise<ConnectAnswer>;
