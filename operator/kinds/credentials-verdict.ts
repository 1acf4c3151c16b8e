import type { JudgedReason, Reason } from './reasons.ts';

/** What an object needs to have sockets, or to be carried by those of an app. */
export interface ValidCredentials {
  kind: 'valid';
  /** Plain: never in a log, a status or an Event. Empty for a bot that an app carries. */
  token: string;
  digest: string;
  /** For the message of CredentialsValid; may be empty. */
  note: string;
  /** CredentialsValid is False for this reason; what runs goes on. */
  trouble?: CredentialsTrouble | undefined;
}

export interface CredentialsTrouble {
  reason: Reason;
  message: string;
}

/** What is known of an object's credentials before Slack is asked. */
export type CredentialsVerdict =
  | ValidCredentials
  | { kind: 'invalid'; reason: JudgedReason; message: string }
  /** Changes nothing: the sockets that the object has stay, it gets no new ones. */
  | { kind: 'unknown'; reason: 'SecretUnreadable' | 'Observing'; message: string };
