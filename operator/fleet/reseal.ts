/** Reseals tokens when the fleet key is rotated. */

import { parseSlotID, type Slot, type SlotID } from '../../core/protocol/assignment.ts';
import type { FleetKey } from '../../core/protocol/seal.ts';
import type { PlannedSlot, PodWrite } from '../plan/types.ts';
import type { DesiredBot } from './desired.ts';
import type { PodMemory } from './pod-memory.ts';
import { sealedWith } from './sealer.ts';

/** Limit per round: a rotation of the fleet key touches every slot, and is not urgent. */
export const RESEALS_A_ROUND = 200;

interface Resealing {
  /** Ours, the preferred first. */
  keys: readonly FleetKey[];
  /** The one of them to seal with now. */
  target: FleetKey;
  bots: ReadonlyMap<string, DesiredBot>;
}

/**
 * Adds to a plan's writes the slots whose token is sealed with an old key, or with one that their pod does not have (any
 * more), so that the old key can be removed from RELAX_FLEET_KEY_FILE. The socket stays: neither epoch nor token changes. A
 * token that is not known in plain text (its bot can't be judged now, or is about to go) can't be resealed, and is left.
 */
export function withReseals(
  writes: readonly PodWrite[],
  pods: ReadonlyMap<string, PodMemory>,
  { keys, target, bots }: Resealing,
): readonly PodWrite[] {
  const planned = new Map(writes.map((write) => [write.pod, write]));
  const rank = new Map(keys.map(({ id }, index) => [id, index]));
  const targetRank = rank.get(target.id) ?? 0;
  let left = RESEALS_A_ROUND;
  for (const [name, { session, lost, slots }] of pods) {
    if (session === undefined || lost || !session.keyIDs.includes(target.id)) continue;
    const write = planned.get(name) ?? { pod: name, set: new Map<SlotID, PlannedSlot>(), remove: [] };
    const readable = new Set(session.keyIDs);
    const stale = (id: SlotID, slot: Slot): boolean => {
      if (bots.get(parseSlotID(id).ownerUid)?.set.tokenDigest !== slot.tokenDigest) return false;
      const keyID = sealedWith(slot.token);
      return !readable.has(keyID) || (rank.get(keyID) ?? Number.POSITIVE_INFINITY) > targetRank;
    };
    const set = new Map(write.set);
    for (const [id, slot] of slots) {
      if (left === 0) break;
      if (set.has(id) || write.remove.includes(id) || !stale(id, slot)) continue;
      const { token: _token, assignedAtMs: _assignedAtMs, ...same } = slot;
      set.set(id, same);
      left -= 1;
    }
    if (set.size > write.set.size) planned.set(name, { ...write, set });
  }
  return [...planned.values()];
}
