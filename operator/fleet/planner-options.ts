/** What a planner needs, and its times (design rules 7 and 10). */

import type { Clock } from '../../core/process/clock.ts';
import type { Log } from '../../core/process/log.ts';
import type { ConnectorSet } from '../../core/protocol/connector-set.ts';
import type { ClusterKeys, QueueKeys } from '../../core/protocol/keys.ts';
import type { FleetKey } from '../../core/protocol/seal.ts';
import type { Redis, RedisSubscriber } from '../../core/redis/redis.ts';
import { SETTLE_MS } from '../plan/pods.ts';
import type { Desired } from './desired.ts';
import type { FleetView } from './fleet-view.ts';
import type { PlannerLock } from './planner-lock.ts';

export interface PlannerOptions {
  /** Of role `command`. */
  redis: Redis;
  /** Of role `subscriber`; the planner subscribes to `keys.plannerNudge` on it and to nothing else. */
  subscriber: RedisSubscriber;
  keys: ClusterKeys;
  queueKeys: QueueKeys;
  /** Cluster scope. */
  cluster: string;
  /** Who the scope belongs to (`scope-owner.ts`): written again when Redis has lost it, compared otherwise. */
  owner: string;
  /** The dedupe window of the fleet contract: a deleted bot's fence stays that long. */
  windowMs: number;
  /** Asked at each round, so that a changed key file needs no restart. The first seals. */
  fleetKeys(): readonly FleetKey[];
  /** The connectors that there should be, as last known; asked for at each round. Call `nudge` when it has changed. */
  connectorSet?(): ConnectorSet | undefined;
  /** The desired state, asked for at each round; call `nudge` when it has changed. */
  desired(): Desired;
  /**
   * After a round that changed anything to look at. Must not throw or block.
   * @param changed owner uids whose `view.bots` entry differs from the last one given, gone ones included
   */
  onView(changed: ReadonlySet<string>, view: FleetView): void;
  /**
   * Asked whenever the lock may be free: true while another process should have it first. It is given one TTL of the lock
   * for that.
   */
  hesitates?(): boolean;
  /**
   * Awaited after the lock was taken and before anything is planned: brings what is desired up to date, as far as that is
   * possible now. Bounded by itself and by the signal; must not throw.
   */
  prepare?(signal: AbortSignal): Promise<void>;
  clock: Clock;
  log: Log;
  observer?: PlannerObserver;
  /** Redlock unless given. */
  lock?: PlannerLock;
  times?: Partial<PlannerTimes>;
}

/** For metrics. Callbacks must not throw. */
export interface PlannerObserver {
  /** A round ended. */
  round?(round: {
    tookMs: number;
    podWrites: number;
    slotsWritten: number;
    pending: number;
    /** Nothing had changed, so nothing was planned. */
    idle: boolean;
    /** Why it did not complete. */
    failed?: string;
  }): void;
  /** This planner has taken or lost the lock. */
  leading?(leads: boolean): void;
}

export interface PlannerTimes {
  /** A round is made at least this often, because sessions end without a nudge. */
  roundMs: number;
  /** A round that finds nothing changed is skipped, but a full one is made at least this often, for balance and fences. */
  wholeRoundMs: number;
  /** Nudges within this time share a round. */
  coalesceMs: number;
  /** At most 10 s, so that another planner can take over soon. */
  lockTtlMs: number;
  lockExtendMs: number;
  /** How long Redis must have been read without interruption before a session may be called dead (design rule 10). */
  settleMs: number;
}

export const DEFAULT_PLANNER_TIMES: PlannerTimes = {
  roundMs: 1_000,
  wholeRoundMs: 10_000,
  coalesceMs: 250,
  lockTtlMs: 10_000,
  lockExtendMs: 3_000,
  settleMs: SETTLE_MS,
};
