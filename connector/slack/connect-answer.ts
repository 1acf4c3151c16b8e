import type { RetryReason, TerminalReason } from '../../core/protocol/report.ts';

/** What Slack's rtm.connect said, sorted by what to do about it. */
export type ConnectAnswer =
  /**
   * `url` is single-use and valid for 30 s: dial it at once, never log it. `enterpriseID` only if the workspace is part
   * of an Enterprise organization.
   */
  | { kind: 'ok'; url: string; teamID: string; enterpriseID?: string; teamName: string; botUserID: string }
  | { kind: 'rateLimited'; retryAfterMs: number }
  /** A new token or spec helps, or Slack takes it back. `error` is Slack's code, `message` is for people and names the remedy. */
  | { kind: 'terminal'; reason: TerminalReason; error: string; message: string }
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

/** Never rejects: a failure is an answer too. An aborted call answers `retry`. */
export type RtmConnect = (token: string, signal: AbortSignal) => Promise<ConnectAnswer>;

/** Whether Slack's answer is about the team that `spec.teamID` names: a workspace (T...) or an organization (E...). */
export function isAbout(answer: Extract<ConnectAnswer, { kind: 'ok' }>, teamID: string): boolean {
  return answer.teamID === teamID || answer.enterpriseID === teamID;
}
