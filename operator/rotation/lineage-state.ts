import type { Lineage, RotationRecord, TokenPair } from '../../core/protocol/rotation.ts';
import { tokenDigest } from '../../core/protocol/token.ts';
import { decideRotation, type RotationDecision } from './decide-rotation.ts';
import { type RotatingSecret, requestDigest } from './rotating-secret.ts';
import type { StoredRotation } from './rotation-store.ts';
import type { RefreshTrouble } from './rotation-verdict.ts';

/** What this process knows of one rotating token. Times are monotonic unless they say otherwise. */
export interface LineageState {
  lineage: Lineage;
  /** The SlackBots that use it, by uid; usually one. */
  users: Map<string, LineageUser>;
  /** Undefined: Redis has not been asked. */
  stored: StoredRotation | undefined;
  /** The newest pair that this process could open. */
  known: KnownPair | undefined;
  /** Why the pair in Redis can't be opened; undefined if it can. */
  sealed: string | undefined;
  trouble: (RefreshTrouble & { request: string; nextTryMs: number }) | undefined;
  /** When to look at it again. */
  dueMs: number;
  /** No refresh before that: it is not its turn, or another process is at it. */
  notBeforeMs: number;
  /** A refresh is under way. */
  busy: boolean;
}

export interface KnownPair {
  record: RotationRecord;
  pair: TokenPair;
}

export interface LineageUser {
  uid: string;
  secret: RotatingSecret;
  /** Digest of the bot token of which Slack has said that it has expired. */
  expiredToken: string | undefined;
  write: { dueMs: number; failures: number; error: string | undefined };
  /** What applied to it when it was judged last. */
  told: string;
  /** What its object's Events have not said yet. */
  news: { reason: 'RefreshRefused' | 'RefreshDelayed'; note: string } | undefined;
}

export const newLineage = (lineage: Lineage): LineageState => ({
  lineage,
  users: new Map(),
  stored: undefined,
  known: undefined,
  sealed: undefined,
  trouble: undefined,
  dueMs: 0,
  notBeforeMs: 0,
  busy: false,
});

export const newUser = (uid: string, secret: RotatingSecret): LineageUser => ({
  uid,
  secret,
  expiredToken: undefined,
  write: { dueMs: 0, failures: 0, error: undefined },
  told: '',
  news: undefined,
});

/** @param wallMs wall time */
export function decisionFor(state: LineageState, user: LineageUser, wallMs: number): RotationDecision {
  const { secret, expiredToken } = user;
  const { known, stored } = state;
  const record = known?.record ?? stored?.record;
  return decideRotation({
    follows: secret.refresh === 'Follow',
    secret: {
      tokenDigest: tokenDigest(secret.pair.token),
      refreshDigest: tokenDigest(secret.pair.refreshToken),
      expiresAtMs: secret.expiresAtMs,
    },
    record: record && { ...record, isOpen: known !== undefined },
    expiredToken,
    nowMs: wallMs,
    spread: spreadOf(state.lineage),
  });
}

export const pairFor = (state: LineageState, user: LineageUser, { use }: RotationDecision): TokenPair =>
  use === 'record' && state.known !== undefined ? state.known.pair : user.secret.pair;

/** What is known against the next refresh; nothing if its values are others than those of the last. */
export function troubleOf(state: LineageState, user: LineageUser, pair: TokenPair): LineageState['trouble'] {
  const { trouble } = state;
  return trouble?.request === requestDigest(user.secret, pair.refreshToken) ? trouble : undefined;
}

/** In [0, 1), and the same in every process. */
function spreadOf({ teamID, clientDigest }: Lineage): number {
  return Number.parseInt(tokenDigest(`${teamID} ${clientDigest}`).slice(0, 8), 16) / 2 ** 32;
}
