/** Claims a cluster scope in Redis for one owner (ADR 0006). */

import type { ClusterKeys } from '../../core/protocol/keys.ts';
import { foreignScopeText, isSameOwner } from '../../core/protocol/scope.ts';
import type { Redis } from '../../core/redis/redis.ts';

/** Two installations under one cluster scope would close each other's sockets. */
export class ScopeOwnedError extends Error {
  override name = 'ScopeOwnedError';
  readonly cluster: string;
  readonly storedOwner: string;

  constructor(cluster: string, storedOwner: string, owner: string) {
    super(foreignScopeText(cluster, storedOwner, 'this', owner));
    this.cluster = cluster;
    this.storedOwner = storedOwner;
  }
}

/** @param stored as read; @throws ScopeOwnedError when it is another's */
export function checkScopeOwner(cluster: string, stored: string, owner: string): void {
  if (!isSameOwner(stored, owner)) throw new ScopeOwnedError(cluster, stored, owner);
}

/**
 * Claims the cluster scope, at start and whenever Redis has lost it.
 * @param owner our identity, which survives restarts (`core/protocol/scope.ts`)
 * @param takeOver replaces another owner
 * @throws ScopeOwnedError; the program must not start
 */
export async function claimScope(
  redis: Redis,
  keys: ClusterKeys,
  claim: { cluster: string; owner: string; takeOver: boolean },
): Promise<void> {
  const { cluster, owner, takeOver } = claim;
  if (takeOver) await redis.set(keys.owner, owner);
  else await redis.setnx(keys.owner, owner);
  const stored = (await redis.get(keys.owner)) ?? owner;
  checkScopeOwner(cluster, stored, owner);
  // What an earlier version wrote for us can't distinguish two installations in one Kubernetes cluster.
  if (stored !== owner) await redis.set(keys.owner, owner);
}
