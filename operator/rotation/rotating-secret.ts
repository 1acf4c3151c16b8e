import type { Lineage, TokenPair } from '../../core/protocol/rotation.ts';
import { tokenDigest } from '../../core/protocol/token.ts';

/** What a SlackBot and its Secret say about a rotating token. Holds tokens: never in a log, a status or an Event. */
export interface RotatingSecret {
  teamID: string;
  /** As the Secret has it. */
  pair: TokenPair;
  clientID: string;
  clientSecret: string;
  /** Wall time, from the annotation that write-back leaves; undefined: not known. */
  expiresAtMs: number | undefined;
  /** spec.credentials.refresh */
  refresh: 'Owner' | 'Follow';
  /** Where it can be written back; undefined where Secrets are files. */
  home: SecretHome | undefined;
}

export interface SecretHome {
  namespace: string;
  name: string;
  /** Of the Secret that was read: another version is not overwritten. */
  resourceVersion: string;
  /** Keys in the Secret. */
  tokenKey: string;
  refreshTokenKey: string;
}

export const lineageOf = ({ teamID, clientID }: RotatingSecret): Lineage => ({
  teamID,
  clientDigest: tokenDigest(clientID),
});

/** Differs as soon as a refresh with this Secret's values could have another answer. */
export const requestDigest = ({ clientID, clientSecret }: RotatingSecret, refreshToken: string): string =>
  tokenDigest(JSON.stringify([clientID, clientSecret, refreshToken]));
