import type { Pod } from './pods.ts';
import { score } from './rendezvous.ts';
import type { Round } from './round.ts';

/** Where a set's sockets should be, while its plan is being made. */
export interface Spread {
  ownerHash: number;
  /** Pods that hold any slot of the set, including one that is about to leave. */
  occupied: ReadonlySet<Pod>;
  /** Zone -> number of slots that stay or will be there. */
  zones: ReadonlyMap<string, number>;
}

/**
 * The pod for one more slot of a set: among the zones with capacity that have the fewest of the set's slots, the pod that the
 * set prefers among those below the bound. If all are above it, spread takes precedence over balance: the pod with the
 * lowest load.
 */
export function choosePod({ fleet, ledger }: Round, spread: Spread): Pod | undefined {
  let best: Pod | undefined;
  for (const pod of fleet.open) {
    if (!ledger.hasRoom(pod) || spread.occupied.has(pod)) continue;
    if (best === undefined || prefers({ fleet, ledger }, spread, pod, best)) best = pod;
  }
  return best;
}

function prefers({ fleet, ledger }: Pick<Round, 'fleet' | 'ledger'>, spread: Spread, pod: Pod, best: Pod): boolean {
  const zone = (spread.zones.get(pod.zone) ?? 0) - (spread.zones.get(best.zone) ?? 0);
  if (zone !== 0) return zone < 0;
  const [load, bestLoad] = [ledger.load(pod), ledger.load(best)];
  const below = load < fleet.bound;
  if (below !== bestLoad < fleet.bound) return below;
  if (!below && load !== bestLoad) return load < bestLoad;
  const preference = score(spread.ownerHash, pod.hash) - score(spread.ownerHash, best.hash);
  return preference === 0 ? pod.name < best.name : preference > 0;
}

/** Zone -> slots, over the pods given. */
export function zonesOf(pods: Iterable<Pod>): Map<string, number> {
  const zones = new Map<string, number>();
  for (const { zone } of pods) zones.set(zone, (zones.get(zone) ?? 0) + 1);
  return zones;
}
