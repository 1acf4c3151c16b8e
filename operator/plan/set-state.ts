/** The state of one set while its plan is being made. Pure. */

import { parseSlotID, type SlotID, slotID } from '../../core/protocol/assignment.ts';
import { placementOf, type SlotPlacement } from './handover.ts';
import type { Holding, Reports } from './holdings.ts';
import { asItIs, staysBehind } from './kind-change.ts';
import type { Ledger } from './ledger.ts';
import type { Pod } from './pods.ts';
import { compareRanks, type Rank } from './rank.ts';
import { hash32 } from './rendezvous.ts';
import type { Round } from './round.ts';
import { type Spread, zonesOf } from './spread.ts';
import type { SocketSet } from './types.ts';

/** One set while a plan is being made: `settleSet` decides what stays, `place` adds to it. */
export interface SetState {
  readonly set: SocketSet;
  /** As many as the set's replicas, by index; some without a place yet. */
  readonly placements: readonly SlotPlacement[];
  readonly holdings: readonly Holding[];
  /** Slot -> pod where it should be. */
  readonly homes: Map<SlotID, Pod>;
  /** Pods with any entry of the set that stays, even if only for a while. */
  readonly occupied: Set<Pod>;
}

/** Where one more slot of the set may go, or this one instead of where it is. */
export function spreadOf(state: SetState, mover?: SlotID): Spread {
  const homes = [...state.homes].filter(([id]) => id !== mover).map(([, pod]) => pod);
  return { ownerHash: hash32(state.set.ownerUid), occupied: state.occupied, zones: zonesOf(homes) };
}

/** Nothing to do for this set except, perhaps, balance: true of nearly every set in nearly every round. */
export function isSteady(set: SocketSet, holdings: readonly Holding[], same: (holding: Holding) => boolean): boolean {
  if (holdings.length !== set.replicas) return false;
  for (const [at, holding] of holdings.entries()) {
    if (holding.pod.phase !== 'up' || holding.slot.role !== 'active' || holding.slot.cause !== 'place') return false;
    for (let other = 0; other < at; other++) {
      if (holdings[other]?.pod === holding.pod || holdings[other]?.id === holding.id) return false;
    }
    if (!same(holding)) return false;
  }
  return true;
}

/** Ends handovers, removes surplus slots, updates those that stay, and determines which slots need a place. */
export function settleSet(
  set: SocketSet,
  holdings: readonly Holding[],
  { reports, ledger }: Pick<Round, 'reports' | 'ledger'>,
): SetState {
  const { kept, surplus } = chosen(set, placementsOf(set, holdings, reports), reports);
  for (const { target, sources, dead, drops } of surplus) {
    for (const holding of [...(target === undefined ? [] : [target]), ...sources, ...dead, ...drops])
      ledger.release(holding);
  }
  const behind = staysBehind(set, kept, reports);
  for (const placement of kept) {
    settlePlacement(behind.has(placement) ? asItIs(set, placement) : set, placement, ledger);
  }

  const homes = new Map<SlotID, Pod>();
  for (const { id, target } of kept) if (target !== undefined) homes.set(id, target.pod);
  const occupied = new Set<Pod>(homes.values());
  for (const { sources } of kept) for (const { pod } of sources) occupied.add(pod);
  return { set, placements: withMissing(set, kept), holdings, homes, occupied };
}

/** A state for a set that is steady, so that one of its slots can be moved. */
export const steadyState = (set: SocketSet, holdings: readonly Holding[]): SetState => ({
  set,
  holdings,
  placements: holdings.map((target) => ({ id: target.id, target, sources: [], dead: [], drops: [] })),
  homes: new Map(holdings.map(({ id, pod }) => [id, pod])),
  occupied: new Set(holdings.map(({ pod }) => pod)),
});

function placementsOf(set: SocketSet, holdings: readonly Holding[], reports: Reports): SlotPlacement[] {
  const slots = Map.groupBy(holdings, ({ id }) => id);
  return [...slots].map(([id, entries]) => placementOf(id, set, entries, reports)).sort(byIndex);
}

function settlePlacement(set: SocketSet, { target, sources, dead, drops }: SlotPlacement, ledger: Ledger): void {
  for (const holding of drops) ledger.release(holding);
  for (const holding of dead) ledger.keep(set, holding);
  if (target === undefined) return;
  if (sources.length === 0) ledger.keep(set, target, { role: 'active', cause: 'place' });
  else ledger.keep(set, target);
  for (const source of sources) {
    ledger.depart(source);
    ledger.keep(set, source);
  }
}

/** Keeps `replicas` slots by removing the least useful one at a time. */
function chosen(
  set: SocketSet,
  placements: readonly SlotPlacement[],
  reports: Reports,
): { kept: SlotPlacement[]; surplus: SlotPlacement[] } {
  const kept = [...placements];
  const surplus: SlotPlacement[] = [];
  while (kept.length > set.replicas) {
    const zones = zonesOf(kept.flatMap(({ target }) => (target === undefined ? [] : [target.pod])));
    const worth = new Map(kept.map((placement) => [placement, worthOf(placement, zones, reports)]));
    const worst = kept.reduce((a, b) => (compareRanks(worth.get(b) ?? [], worth.get(a) ?? []) < 0 ? b : a));
    surplus.push(worst);
    kept.splice(kept.indexOf(worst), 1);
  }
  return { kept, surplus };
}

function worthOf({ id, target, sources }: SlotPlacement, zones: ReadonlyMap<string, number>, reports: Reports): Rank {
  if (target === undefined) return [0, 0, 0, 0, 0, -parseSlotID(id).index];
  const live = [target, ...sources].filter(reports.live);
  return [
    live.length > 0 ? 2 : 1,
    live.some(({ pod }) => pod.phase === 'up') ? 1 : 0,
    target.pod.phase === 'up' ? 1 : 0,
    sources.length === 0 ? 1 : 0,
    -(zones.get(target.pod.zone) ?? 0),
    -parseSlotID(id).index,
  ];
}

/** New slots take the lowest free indexes. */
function withMissing(set: SocketSet, kept: readonly SlotPlacement[]): SlotPlacement[] {
  const placements = [...kept];
  const taken = new Set(kept.map(({ id }) => id));
  for (let index = 0; placements.length < set.replicas; index++) {
    const id = slotID(set.ownerUid, index);
    if (!taken.has(id)) placements.push({ id, target: undefined, sources: [], dead: [], drops: [] });
  }
  return placements.sort(byIndex);
}

const byIndex = (a: { id: SlotID }, b: { id: SlotID }): number => parseSlotID(a.id).index - parseSlotID(b.id).index;
