/** Slots that were written from a newer copy of a SlackBot than ours (design rule 9). Pure. */

import type { Holding } from './holdings.ts';
import { specOf } from './planned-slot.ts';
import type { SocketSet } from './types.ts';

/**
 * A slot of a later generation was written from a newer copy of the SlackBot than ours, so it is not overwritten: what it
 * says applies until our copy has caught up (design rule 9).
 */
export function newestOf(set: SocketSet, holdings: readonly Holding[]): SocketSet {
  let newest: Holding | undefined;
  for (const holding of holdings) {
    if (holding.slot.generation > (newest?.slot.generation ?? set.generation)) newest = holding;
  }
  if (newest === undefined) return set;
  const spec = specOf(newest.slot);
  const written = new Set(holdings.filter(({ slot }) => slot.generation === spec.generation).map(({ id }) => id));
  return { ...spec, ownerUid: set.ownerUid, replicas: Math.max(set.replicas, written.size) };
}
