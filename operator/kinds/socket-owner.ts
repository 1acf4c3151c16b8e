import type { Want } from '../fleet/desired.ts';
import type { Claim } from '../reconcile/rivals.ts';
import type { ValidCredentials } from './credentials-verdict.ts';

/** The part of an object's metadata that decisions look at; standalone mode makes uid, generation and age itself. */
export interface OwnerMetadata {
  uid: string;
  namespace: string;
  name: string;
  generation: number;
  /** RFC 3339 */
  creationTimestamp: string;
}

/** An object that wants sockets, of its own or of an app, as the decisions about it see it, whatever its kind. */
export interface SocketOwner extends Pick<Claim, 'kind' | 'rank'> {
  metadata: OwnerMetadata;
  isSuspended: boolean;
  /** What it is to run with these credentials: the keys of its claim. */
  keysOf(credentials: Pick<ValidCredentials, 'token' | 'digest'>): readonly string[];
  /** What is wanted of it when it runs. */
  wantOf(credentials: Pick<ValidCredentials, 'token' | 'digest' | 'routedToken'>): Want;
  /** What is wanted of it while it is suspended. */
  suspendedWant(): Want;
}

/** An app goes before a bot that has the app to itself: bots are moved to it one by one, while it serves them all. */
export const RANK = { app: 0, bot: 1 } as const;
