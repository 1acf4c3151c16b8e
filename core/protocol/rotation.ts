import * as z from 'zod/mini';
import { type FleetKey, openSeal, seal } from './seal.ts';
import { tokenDigest } from './token.ts';

/**
 * What Redis knows of a rotating token: the hash `rotationKey`, one per team and app, shared by all clusters. Its field `pair`
 * is a RotationRecord. Each field `shown:<cluster>/<owner uid>` is the digest of the refresh token that the Secret of that
 * SlackBot shows. A refresh token is used once, so whichever pair Slack gave last is the only one that lasts.
 */

/** The token that a bot uses, and the one that brings the next. Plain: never in a log, a status or an Event. */
export interface TokenPair {
  token: string;
  refreshToken: string;
}

/** Which rotating token. */
export interface Lineage {
  teamID: string;
  /** `tokenDigest` of the app's client id. */
  clientDigest: string;
}

const recordSchema = z.object({
  /** The TokenPair as JSON, sealed with the fleet key for this lineage and refresh token. */
  sealed: z.string(),
  tokenDigest: z.string(),
  refreshDigest: z.string(),
  /** Wall time of the request that brought the pair. */
  refreshedAtMs: z.number(),
  /** Wall time; absent: Slack did not say. */
  expiresAtMs: z.optional(z.number()),
  /** Digests of the refresh tokens that came before it, oldest first. */
  spent: z.array(z.string()),
  /** Digests of refresh tokens that a Secret showed and Slack did not take, oldest first. */
  refused: z._default(z.array(z.string()), []),
});
export type RotationRecord = z.infer<typeof recordSchema>;

/** Undefined when it can't be read. */
export function decodeRotationRecord(json: string): RotationRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

const refusalSchema = z.object({
  /** Digest of what was sent: other values are not refused by it. */
  request: z.string(),
  /** In a row. */
  failures: z.int().check(z.positive()),
  /** For people. Never holds a token. */
  message: z.string(),
  /** Wall time of the next try. */
  nextTryMs: z.number(),
});
/** That Slack has refused a refresh, so that the next process does not ask the same again at once. */
export type RefreshRefusal = z.infer<typeof refusalSchema>;

/** Undefined when it can't be read. */
export function decodeRefreshRefusal(json: string): RefreshRefusal | undefined {
  try {
    return refusalSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

const pairSchema = z.object({ token: z.string(), refreshToken: z.string() });

const contextOf = ({ teamID, clientDigest }: Lineage, refreshDigest: string) =>
  ({ purpose: 'rotation', teamID, clientDigest, refreshDigest }) as const;

export const sealPair = (pair: TokenPair, lineage: Lineage, key: FleetKey): string =>
  seal(JSON.stringify(pair), key, contextOf(lineage, tokenDigest(pair.refreshToken)));

/** @throws SealError when none of the keys opens it, or it is not the seal of this record */
export function openPair(
  { sealed, refreshDigest }: Pick<RotationRecord, 'sealed' | 'refreshDigest'>,
  lineage: Lineage,
  keys: readonly FleetKey[],
): TokenPair {
  return pairSchema.parse(JSON.parse(openSeal(sealed, keys, contextOf(lineage, refreshDigest))));
}

export const SHOWN = 'shown:';
export const shownField = (cluster: string, ownerUid: string): string => `${SHOWN}${cluster}/${ownerUid}`;
