import type { TerminalReason } from '../../core/protocol/report.ts';
import type { RoutedBot } from '../fleet/desired.ts';
import type { JudgedReason } from './reasons.ts';

/** What an object needs to have sockets, or to be carried by those of an app. */
export interface ValidCredentials {
  kind: 'valid';
  /** Plain: never in a log, a status or an Event. Empty for a bot that an app carries. */
  token: string;
  /** Of the token; of a bot that an app carries, the uid of the app. */
  digest: string;
  /** The bot token of a bot that an app carries. */
  routedToken?: RoutedBot['token'];
  /** What is wrong although it runs: with a token that its events do not need, or with the refresh of one that rotates. */
  trouble?: CredentialsTrouble | undefined;
  /** For the message of CredentialsValid; may be empty. */
  note: string;
}

export interface CredentialsTrouble {
  reason: JudgedReason | TerminalReason | 'SealUnreadable';
  message: string;
}

/** What is known of an object's credentials before Slack is asked. */
export type CredentialsVerdict =
  | ValidCredentials
  /** `isRefused`: Slack refuses the token for good, so that its sockets end at once. */
  | ({ kind: 'invalid'; isRefused?: boolean } & CredentialsTrouble)
  /** Changes nothing: the sockets that the object has stay, it gets no new ones. */
  | { kind: 'unknown'; reason: 'SecretUnreadable' | 'Observing'; message: string };
