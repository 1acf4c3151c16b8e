/** How a set goes from one kind of sockets to another: one socket at a time, so that it is never without. Pure. */

import type { SlotPlacement } from './handover.ts';
import type { Reports } from './holdings.ts';
import { specOf } from './planned-slot.ts';
import type { SocketSet } from './types.ts';

const NONE: ReadonlySet<SlotPlacement> = new Set();

/**
 * A connector closes the socket of a slot whose kind has changed before it opens the new one. So one slot changes first, and
 * the others keep what they run until that one is live with the new credentials: if it never is, the old ones go on. A set
 * with one slot has a gap.
 */
export function staysBehind(
  set: SocketSet,
  placements: readonly SlotPlacement[],
  reports: Reports,
): ReadonlySet<SlotPlacement> {
  const old = placements.filter(({ target }) => target !== undefined && target.slot.kind !== set.kind);
  const [first, ...others] = old;
  if (first === undefined) return NONE;
  const changed = placements.flatMap(({ target }) => (target?.slot.kind === set.kind ? target : []));
  if (changed.some((target) => reports.live(target) && reports.of(target)?.tokenDigest === set.tokenDigest))
    return NONE;
  if (changed.length > 0) return new Set(old);
  // The one that costs least goes first.
  const idle = others.find(({ target }) => target !== undefined && !reports.live(target));
  return new Set(old.filter((placement) => placement !== (idle ?? first)));
}

/** The set as a slot that stays behind has it. */
export const asItIs = (set: SocketSet, { target }: SlotPlacement): SocketSet =>
  target === undefined ? set : { ...specOf(target.slot), ownerUid: set.ownerUid, replicas: set.replicas };
