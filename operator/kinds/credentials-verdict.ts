import type { JudgedReason } from './reasons.ts';

/** What is known of an object's credentials before Slack is asked. */
export type CredentialsVerdict =
  | {
      kind: 'valid';
      /** Plain: never in a log, a status or an Event. */
      token: string;
      digest: string;
      /** For the message of CredentialsValid; may be empty. */
      note: string;
    }
  | { kind: 'invalid'; reason: JudgedReason; message: string }
  /** Changes nothing: the sockets that the bot has stay, it gets no new ones. */
  | { kind: 'unknown'; reason: 'SecretUnreadable'; message: string };
