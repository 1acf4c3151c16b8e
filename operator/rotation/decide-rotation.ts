import type { RotationRecord } from '../../core/protocol/rotation.ts';

/**
 * Which of two pairs is newer, the Secret's or that of Redis, and what is to be done about it: pure. The Secret may show a pair
 * that was replaced long ago, since without write-back nobody writes it; so a refresh token that the record knows as an
 * ancestor loses, and one that it does not know was put there by a person, and wins.
 */

const HOUR_MS = 3_600_000;
/** As Slack's own SDKs do. */
export const REFRESH_LEAD_MS = 2 * HOUR_MS;
/** Bots that were installed together are spread over this time before that. */
export const SPREAD_MS = HOUR_MS / 4;
/** Slack refuses a token that is new: another refresh would hardly help, and spends a refresh token. */
export const REFUSED_AGAIN_MS = 30_000;
/** Digests of refresh tokens that are remembered in any case: 12 hours each. Those that a Secret shows are kept beyond. */
export const MOST_SPENT = 200;
const MOST_REFUSED = 20;

export interface RotationFacts {
  follows: boolean;
  secret: { tokenDigest: string; refreshDigest: string; expiresAtMs: number | undefined };
  /** Undefined: Redis has none. */
  record: (Omit<RotationRecord, 'sealed'> & { isOpen: boolean }) | undefined;
  /** Digest of the bot token of which Slack has said that it has expired. */
  expiredToken: string | undefined;
  /** Wall time. */
  nowMs: number;
  /** In [0, 1), the same each time. */
  spread: number;
}

/** What the refresh token in the Secret is to the record. */
export type Standing = 'alone' | 'current' | 'spent' | 'refused' | 'replaced';

export interface RotationDecision {
  standing: Standing;
  /** Whose pair is used, and refreshed. */
  use: 'secret' | 'record';
  /** Wall time; undefined: not as far as is known. */
  refreshAtMs: number | undefined;
  /** The Secret is to show the record's pair. */
  writeBack: boolean;
  /** The token that is used no longer works, by its time or by Slack's word. */
  isExpired: boolean;
}

export function decideRotation(facts: RotationFacts): RotationDecision {
  const { follows, secret, record, expiredToken, nowMs } = facts;
  const standing = standingOf(facts);
  const use = sourceOf(facts, standing);
  const isOfRecord = record !== undefined && (use === 'record' || standing === 'current');
  const expiresAtMs = isOfRecord ? record.expiresAtMs : secret.expiresAtMs;
  const isRefused =
    expiredToken === (use === 'record' && record !== undefined ? record.tokenDigest : secret.tokenDigest);
  const isSpent = use === 'secret' && (standing === 'spent' || standing === 'refused');
  return {
    standing,
    use,
    refreshAtMs: follows || isSpent ? undefined : refreshAtMs(),
    writeBack: !follows && standing === 'spent' && use === 'record',
    isExpired: isRefused || (expiresAtMs !== undefined && expiresAtMs <= nowMs),
  };

  function refreshAtMs(): number | undefined {
    // Slack's answer proves that it is alive, and tells the other clusters.
    if (standing === 'replaced') return nowMs;
    if (isRefused) return isOfRecord ? Math.min(record.refreshedAtMs, nowMs) + REFUSED_AGAIN_MS : nowMs;
    if (expiresAtMs === undefined) return undefined;
    const lifetimeMs = isOfRecord ? expiresAtMs - record.refreshedAtMs : Number.POSITIVE_INFINITY;
    return dueAtMs(expiresAtMs, lifetimeMs, facts.spread);
  }
}

function standingOf({ secret, record }: RotationFacts): Standing {
  if (record === undefined) return 'alone';
  const { refreshDigest } = secret;
  if (refreshDigest === record.refreshDigest) return 'current';
  if (record.spent.includes(refreshDigest)) return 'spent';
  return record.refused.includes(refreshDigest) ? 'refused' : 'replaced';
}

function sourceOf({ follows, record, nowMs }: RotationFacts, standing: Standing): RotationDecision['use'] {
  if (record === undefined || !record.isOpen) return 'secret';
  if (standing !== 'replaced') return 'record';
  // A cluster that follows takes what the owner has refreshed, as long as that lasts.
  return follows && (record.expiresAtMs === undefined || nowMs < record.expiresAtMs) ? 'record' : 'secret';
}

/** A token that lives no longer than the lead is refreshed at half of its life. */
function dueAtMs(expiresAtMs: number, lifetimeMs: number, spread: number): number {
  if (lifetimeMs <= REFRESH_LEAD_MS) return expiresAtMs - lifetimeMs / 2;
  const spreadMs = Math.min(SPREAD_MS, (lifetimeMs - REFRESH_LEAD_MS) / 4);
  return expiresAtMs - REFRESH_LEAD_MS - spread * spreadMs;
}

/**
 * The list of ancestors after a refresh.
 * @param parent digest of the refresh token that was used
 * @param shown digests that the Secrets of any cluster show: as long as they do, they must not be taken for new ones
 */
export function ancestorsAfter(
  before: Pick<RotationRecord, 'spent' | 'refreshDigest'> | undefined,
  parent: string,
  shown: readonly string[],
): string[] {
  const all = before === undefined ? [] : [...before.spent, before.refreshDigest];
  const line = [...new Set([...all.filter((digest) => digest !== parent), parent])];
  const kept = new Set(line.slice(-MOST_SPENT));
  return line.filter((digest) => kept.has(digest) || shown.includes(digest));
}

/** Refused tokens, with one more. */
export const refusedWith = (refused: readonly string[], digest: string): string[] =>
  [...refused.filter((other) => other !== digest), digest].slice(-MOST_REFUSED);

/**
 * Of the record that Redis has and the one that this process knows, the one that holds. They differ when another cluster has
 * refreshed, and when Redis has lost its state or got an older one back.
 */
export function newerRecord<R extends RotationRecord>(
  stored: RotationRecord | undefined,
  known: R | undefined,
): 'stored' | 'known' {
  if (known === undefined) return 'stored';
  if (stored === undefined) return 'known';
  return stored.refreshDigest !== known.refreshDigest && known.spent.includes(stored.refreshDigest)
    ? 'known'
    : 'stored';
}
