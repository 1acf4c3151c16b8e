import type { DesiredBot, RoutedBot, Want } from '../fleet/desired.ts';
import { type Claim, winnerOver } from '../reconcile/rivals.ts';
import type { CredentialsVerdict } from './credentials-verdict.ts';
import type { SocketOwner } from './socket-owner.ts';
import { continueTakeover, isOver, mayEnd, type Takeover } from './takeover.ts';

/**
 * What is wanted of an owner of sockets: one decision for all kinds, for the operator and for standalone mode, which differ
 * in where documents come from. Pure: it reads and keeps nothing; whatever must be remembered is in the record that it
 * returns.
 *
 * - suspended: none, and a fence against late events.
 * - Slack refuses its token for good: none, at once.
 * - its Secret is gone or wrong: its sockets stay for `LOST_SECRET_MS` with the token that it had, then none.
 * - another object has the better claim on the same bot or app: none, once that one is live or has had `TAKEOVER_MS`.
 * - its Secret can't be read: its sockets stay, and it gets no new ones.
 * - its Secret is good: it runs. Between sockets of its own and those of an app, what it had goes on until the other is live.
 * - it is being deleted: none, and a fence; its object is released when its sockets are known to be closed, or after
 *   `DELETION_PATIENCE_MS`. Another object that claims the same takes over first.
 */

/** How long an owner keeps its token after its Secret is gone or wrong: some tools replace a Secret by two calls. */
export const LOST_SECRET_MS = 60_000;
/**
 * How long the deletion of an object waits for its sockets to close. Together with the election of another leader that
 * stays below a minute.
 */
export const DELETION_PATIENCE_MS = 45_000;
/** For changes that nobody announces. */
export const LOOK_AGAIN_MS = 1_000;

/** What is remembered of an owner from one decision to the next: plain data, one record per uid. Times are monotonic. */
export interface OwnerRecord {
  /** What it claims to run. */
  claim: Claim | undefined;
  /** Since when its Secret is gone or wrong. */
  secretLostAtMs: number | undefined;
  takeover: Takeover | undefined;
  deletedAtMs: number | undefined;
}

export const NEW_RECORD: OwnerRecord = {
  claim: undefined,
  secretLostAtMs: undefined,
  takeover: undefined,
  deletedAtMs: undefined,
};

/** What is known of all other owners. */
export interface OtherOwners {
  /** Claims of others on the same. */
  claimsOn(claim: Claim): readonly Claim[];
  /** It exists, is neither suspended nor being deleted, and has credentials. */
  mayRun(uid: string): boolean;
  /** The fleet has a live socket of it. */
  isLive(uid: string): boolean;
}

export interface Situation {
  owner: SocketOwner;
  record: OwnerRecord;
  /** What the planner was last told to run of it. */
  ran: DesiredBot | undefined;
  /** Its row in the table of an app, as the planner was last told. */
  routed: RoutedBot | undefined;
  others: OtherOwners;
  /** Monotonic. */
  nowMs: number;
}

interface Decision {
  /** Undefined: nothing changes for the planner. */
  want: Want | undefined;
  /** The want may open sockets: the claim and the finalizer must be in place first, or a deletion could miss them. */
  protectFirst: boolean;
  /** The object with the better claim on the same. */
  duplicateOf: Claim | undefined;
  /** Undefined: not until something changes. */
  lookAgainMs: number | undefined;
  record: OwnerRecord;
}

/** @param verdict on its credentials as they are now */
export function decide(situation: Situation, verdict: CredentialsVerdict): Decision {
  const { owner, ran, others, nowMs } = situation;
  const { takeover } = situation.record;
  const { secretLostAtMs, patienceMs } = judgeLoss(situation, verdict);
  // While it goes on with the token that it had, its claim stays as well, so that no other takes its place for a moment.
  const claim = patienceMs === undefined ? claimOf(situation, verdict) : situation.record.claim;
  const older = claim && winnerOver(claim, others.claimsOn(claim));
  const record: OwnerRecord = { claim, secretLostAtMs, takeover, deletedAtMs: undefined };
  const none: Decision = {
    want: { kind: 'none' },
    protectFirst: false,
    duplicateOf: older,
    lookAgainMs: undefined,
    record,
  };

  if (owner.isSuspended) return { ...none, want: owner.suspendedWant() };
  if (patienceMs !== undefined) return { ...none, want: withTokenOf(ran, owner), lookAgainMs: patienceMs };
  if (older !== undefined) {
    if (ran === undefined) return none;
    const yielding = continueTakeover(takeover, [older.uid], nowMs);
    const yields: Decision = { ...none, record: { ...record, takeover: yielding } };
    return mayEnd(yielding, others, nowMs) ? yields : { ...yields, want: undefined, lookAgainMs: LOOK_AGAIN_MS };
  }

  const alone: Decision = { ...none, record: { ...record, takeover: undefined } };
  switch (verdict.kind) {
    case 'valid': {
      const want = owner.wantOf(verdict);
      const between = betweenTransports(situation, want);
      if (between === undefined) return { ...alone, want, protectFirst: true };
      const moving = continueTakeover(takeover, [between.successor], nowMs);
      if (isOver(moving, others, nowMs)) return { ...alone, want, protectFirst: true };
      const moves: Decision = { ...none, lookAgainMs: LOOK_AGAIN_MS, record: { ...record, takeover: moving } };
      return { ...moves, want: between.want, protectFirst: true };
    }
    case 'invalid':
      return alone;
    case 'unknown':
      return { ...alone, want: withTokenOf(ran, owner) };
    default:
      return verdict satisfies never;
  }
}

interface Deletion {
  /** It has our finalizer: its object stays until we release it. */
  isHeld: boolean;
  /** What is known of its sockets and routes. The view keeps an owner as long as a connector reports one. */
  view: { settled: boolean; hasOwner: boolean };
}

interface DeletionDecision extends Pick<Decision, 'want' | 'lookAgainMs' | 'record'> {
  /** Its object need not be held any longer: its sockets are known to be closed, or have had the time for it. */
  release: 'closed' | 'late' | undefined;
}

/** Decides for an object that is being deleted. */
export function decideDeletion(situation: Situation, { isHeld, view }: Deletion): DeletionDecision {
  const { owner, ran, routed, others, nowMs } = situation;
  const { claim: claimed, takeover: before, deletedAtMs = nowMs } = situation.record;
  const record: OwnerRecord = { ...situation.record, claim: undefined, deletedAtMs };
  if (ran !== undefined && isHeld) {
    const successors = claimed === undefined ? [] : others.claimsOn(claimed).map(({ uid }) => uid);
    const takeover = continueTakeover(before, successors, nowMs);
    record.takeover = takeover;
    if (!mayEnd(takeover, others, nowMs)) {
      return { want: undefined, lookAgainMs: LOOK_AGAIN_MS, release: undefined, record };
    }
  }
  const want: Want = { kind: 'stop', why: 'deleted', generation: owner.metadata.generation };
  if (!isHeld) return { want, lookAgainMs: undefined, release: undefined, record };
  // While the planner was told to run it, a round under way may still place it, which the view does not show.
  const isTold = ran === undefined && routed === undefined;
  if (isTold && view.settled && !view.hasOwner) {
    return { want, lookAgainMs: undefined, release: 'closed', record };
  }
  const patienceMs = deletedAtMs + DELETION_PATIENCE_MS - nowMs;
  if (patienceMs <= 0) return { want, lookAgainMs: undefined, release: 'late', record };
  // Once the planner knows, a change of the view causes the next look; until then we look again ourselves.
  return { want, lookAgainMs: isTold ? patienceMs : LOOK_AGAIN_MS, release: undefined, record };
}

/**
 * From sockets of its own to those of an app, or back: what is wanted until a socket of the successor is live. Undefined:
 * it has nothing to move from.
 */
function betweenTransports(
  { owner, ran, routed }: Situation,
  want: Want,
): { successor: string; want: Want | undefined } | undefined {
  if (want.kind === 'run') {
    return routed && { successor: owner.metadata.uid, want: { ...want, routed } };
  }
  if (want.kind !== 'route' || ran === undefined) return undefined;
  const { kind: _route, ...row } = want;
  // Of one app over Socket Mode each event comes over one of all its sockets. RTM would bring each a second time.
  const both: Want | undefined = ran.set.kind === 'socketMode' ? { kind: 'run', bot: ran, routed: row } : undefined;
  return { successor: want.appUid, want: both };
}

interface Loss {
  secretLostAtMs: number | undefined;
  /** How long it still goes on with the token that it had; undefined: it does not. */
  patienceMs: number | undefined;
}

function judgeLoss({ record, ran, nowMs }: Situation, verdict: CredentialsVerdict): Loss {
  if (verdict.kind !== 'invalid' || verdict.isRefused === true) {
    return { secretLostAtMs: undefined, patienceMs: undefined };
  }
  if (ran === undefined) {
    return { secretLostAtMs: record.secretLostAtMs, patienceMs: undefined };
  }
  const secretLostAtMs = record.secretLostAtMs ?? nowMs;
  const patienceMs = secretLostAtMs + LOST_SECRET_MS - nowMs;
  return { secretLostAtMs, patienceMs: patienceMs > 0 ? patienceMs : undefined };
}

/** An unknown verdict leaves the claim as it was. */
function claimOf({ owner, record }: Situation, verdict: CredentialsVerdict): Claim | undefined {
  const mayRun = !owner.isSuspended;
  if (verdict.kind === 'unknown') return record.claim && { ...record.claim, mayRun };
  if (verdict.kind === 'invalid') return undefined;
  const { kind, rank } = owner;
  const { uid, namespace, name, creationTimestamp } = owner.metadata;
  return { uid, namespace, name, creationTimestamp, kind, rank, keys: owner.keysOf(verdict), mayRun };
}

/** The rest of the spec applies at once; the token is the last one known, unless it is one for another transport. */
function withTokenOf(ran: DesiredBot | undefined, owner: SocketOwner): Want {
  if (ran === undefined) return { kind: 'unknown' };
  const want = owner.wantOf({ token: ran.token, digest: ran.set.tokenDigest });
  return want.kind === 'run' && want.bot.set.kind === ran.set.kind ? want : { kind: 'unknown' };
}
