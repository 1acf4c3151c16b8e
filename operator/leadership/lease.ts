import type { KubeObject } from '../kube/object.ts';
import { microTime } from '../kube/timestamp.ts';

/** coordination.k8s.io/v1 Lease, as far as leader election uses it. */
export interface LeaseSpec {
  holderIdentity?: string | null;
  leaseDurationSeconds?: number;
  acquireTime?: string | null;
  renewTime?: string | null;
  leaseTransitions?: number;
}

export interface Lease extends KubeObject {
  spec?: LeaseSpec;
}

export interface LeaderTimes {
  /** How long others respect a lease that is not renewed. */
  durationMs: number;
  /** How long the leader tries to renew before it gives up; must be shorter than the duration. */
  renewDeadlineMs: number;
  /** Between tries. */
  retryMs: number;
}

/** client-go's and controller-runtime's defaults. Shorter ones crash-loop on API latency (argo-events #4112, #3790). */
export const DEFAULT_LEADER_TIMES: LeaderTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** @throws Error if there could be two leaders at once, or renewals could not be retried */
export function checkLeaderTimes(times: LeaderTimes): void {
  if (times.renewDeadlineMs >= times.durationMs) {
    throw new Error(
      `leader election: renew deadline ${times.renewDeadlineMs} ms must be below duration ${times.durationMs} ms`,
    );
  }
  if (times.retryMs * 1.2 >= times.renewDeadlineMs) {
    throw new Error(
      `leader election: retry ${times.retryMs} ms must be well below renew deadline ${times.renewDeadlineMs} ms`,
    );
  }
}

/** The lease's content, and since when we have seen exactly that, by our own monotonic clock. */
export interface Observed {
  content: string;
  sinceMs: number;
}

/** Records a lease. Only a change of its content restarts the clock; the times written in it are never trusted. */
export function observe(previous: Observed | undefined, lease: Lease, nowMs: number): Observed {
  const { holderIdentity, renewTime, acquireTime, leaseTransitions, leaseDurationSeconds } = lease.spec ?? {};
  const content = JSON.stringify([holderIdentity, renewTime, acquireTime, leaseTransitions, leaseDurationSeconds]);
  return previous?.content === content ? previous : { content, sinceMs: nowMs };
}

type LeaseDecision =
  /** Nobody ever held it. */
  | { action: 'create' }
  /** We hold it. */
  | { action: 'renew' }
  /** It is free, or its holder has been silent for its whole duration. */
  | { action: 'acquire'; from: string }
  | { action: 'wait'; holder: string; leftMs: number };

/**
 * @param lease undefined if there is none
 * @param observed of this same lease; undefined counts as just seen
 * @param self this process; never two processes with the same identity
 * @param handicapMs how long a lease that is free or has expired is left to others
 */
export function decide(
  lease: Lease | undefined,
  observed: Observed | undefined,
  nowMs: number,
  self: string,
  times: LeaderTimes,
  handicapMs = 0,
): LeaseDecision {
  if (lease === undefined) return { action: 'create' };
  const holder = lease.spec?.holderIdentity ?? '';
  if (holder === self) return { action: 'renew' };
  const seconds = lease.spec?.leaseDurationSeconds;
  const validMs = seconds === undefined ? times.durationMs : seconds * 1000;
  const durationMs = (holder === '' ? 0 : validMs) + handicapMs;
  const leftMs = (observed?.sinceMs ?? nowMs) + durationMs - nowMs;
  return leftMs <= 0 ? { action: 'acquire', from: holder } : { action: 'wait', holder, leftMs };
}

/** What to write into the lease to hold it. Taking it from somebody else counts as a transition. */
export function heldSpec(
  previous: LeaseSpec | undefined,
  decision: 'create' | 'renew' | 'acquire',
  self: string,
  wallMs: number,
  times: LeaderTimes,
): LeaseSpec {
  const now = microTime(wallMs);
  const transitions = previous?.leaseTransitions ?? 0;
  return {
    holderIdentity: self,
    leaseDurationSeconds: Math.ceil(times.durationMs / 1000),
    acquireTime: decision === 'renew' ? (previous?.acquireTime ?? now) : now,
    renewTime: now,
    leaseTransitions: decision === 'acquire' ? transitions + 1 : transitions,
  };
}

/** What to write to give it up: the next candidate that looks takes it at once. */
export function releasedSpec(previous: LeaseSpec | undefined, wallMs: number): LeaseSpec {
  const now = microTime(wallMs);
  return {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: previous?.leaseTransitions ?? 0,
  };
}
