/** Moves that nothing forces: restoring the spread over zones, leveling load (design rule 11). Pure. */

import type { Holding } from './holdings.ts';
import type { Ledger } from './ledger.ts';
import { startMove } from './needs.ts';
import type { Pod } from './pods.ts';
import type { Round } from './round.ts';
import { spreadOf, steadyState } from './set-state.ts';
import { choosePod, type Spread, zonesOf } from './spread.ts';
import type { SocketSet } from './types.ts';

/**
 * Nothing forces these moves, and they cost connects. What evens out the spread over zones is a repair all the same: it is
 * made at once. What levels load is made slowly, and only in a fleet that is quiet.
 */

/** Moves of one owner for load come at least this long after its last voluntary move (design rule 11). */
const MOVE_PAUSE_MS = 120_000;
/** The same for a repair of its spread, so that a pod that comes and goes does not use up its connects (ADR 0008). */
const SPREAD_PAUSE_MS = 30_000;
/** Most moves under way at a time for the sake of zones: this share of all slots, but at least `MIN_UNDER_WAY`. */
const UNDER_WAY_SHARE = 0.05;
const MIN_UNDER_WAY = 10;

export interface SteadySet {
  set: SocketSet;
  holdings: readonly Holding[];
}

export function balance(
  steady: readonly SteadySet[],
  underWay: number,
  budget: number,
  round: Round,
): readonly string[] {
  const { input } = round;
  if (!input.settled || !input.synced) return [];
  const cap = Math.max(MIN_UNDER_WAY, Math.ceil(UNDER_WAY_SHARE * slotsOf(round))) - underWay;
  const repaired = evenOutZones(steady, cap, round);
  if (!isQuiet(round)) return repaired;
  return [...repaired, ...levelLoad(steady, budget - repaired.length, new Set(repaired), round)];
}

/** Nothing moves for load while a pod restarts, or what Redis lost is not yet written again: loads are not what they seem. */
const isQuiet = ({ fleet, ledger }: Round): boolean =>
  [...fleet.pods.values()].every(
    (pod) => pod.writable && (pod.phase === 'up' || pod.phase === 'dead' || ledger.held(pod) === 0),
  );

const slotsOf = ({ fleet, ledger }: Round): number => fleet.open.reduce((sum, pod) => sum + ledger.load(pod), 0);

/**
 * A team with all its sockets in one zone is not redundant: this goes before load, and at its own pace. It waits for no
 * other pod: a set that may be moved is whole, on pods that are up, and a zone that has room now is one to go to,
 * whatever restarts elsewhere.
 */
function evenOutZones(steady: readonly SteadySet[], cap: number, round: Round): string[] {
  const { fleet, ledger } = round;
  const room = new Set(fleet.open.filter((pod) => ledger.hasRoom(pod)).map(({ zone }) => zone));
  if (cap <= 0 || room.size === 0) return [];
  const moved: string[] = [];
  const skewed = steady.filter(({ holdings }) => skewOf(holdings, room) > 1).sort(byOwner);
  for (const { set, holdings } of skewed) {
    if (moved.length >= cap) break;
    if (!mayMove(set, holdings, SPREAD_PAUSE_MS, round)) continue;
    const zones = zonesOf(holdings.map(({ pod }) => pod));
    const count = (pod: Pod): number => zones.get(pod.zone) ?? 0;
    const from = holdings.reduce((a, b) =>
      (count(b.pod) - count(a.pod) || ledger.load(b.pod) - ledger.load(a.pod)) > 0 ? b : a,
    );
    const state = steadyState(set, holdings);
    const to = choosePod(round, spreadOf(state, from.id));
    if (to === undefined || count(from.pod) - count(to) <= 1) continue;
    startMove(state, from, to, 'spread', round);
    moved.push(set.ownerUid);
  }
  return moved;
}

function skewOf(holdings: readonly Holding[], room: ReadonlySet<string>): number {
  if (holdings.length < 2) return 0;
  const zones = zonesOf(holdings.map(({ pod }) => pod));
  if (zones.size === holdings.length) return 0;
  let least = Number.POSITIVE_INFINITY;
  for (const zone of room) least = Math.min(least, zones.get(zone) ?? 0);
  return Math.max(...zones.values()) - least;
}

/** Takes from pods above the bound what fits below it elsewhere without making zones worse. */
function levelLoad(steady: readonly SteadySet[], budget: number, moved: ReadonlySet<string>, round: Round): string[] {
  const { fleet, ledger } = round;
  const isOver = (pod: Pod): boolean => pod.open && ledger.load(pod) > fleet.bound;
  if (budget <= 0 || !fleet.open.some(isOver)) return [];
  const movers: string[] = [];
  const sets = steady.filter(({ set }) => !moved.has(set.ownerUid)).sort(byOwner);
  for (const { set, holdings } of sets) {
    if (movers.length >= budget) break;
    const tooMuch = holdings.filter(({ pod }) => isOver(pod));
    if (tooMuch.length === 0 || !mayMove(set, holdings, MOVE_PAUSE_MS, round)) continue;
    const state = steadyState(set, holdings);
    for (const from of tooMuch.sort(byLoad(ledger))) {
      const spread = spreadOf(state, from.id);
      const to = choosePod(round, spread);
      // To a zone that is fuller than its own would be if it left, `evenOutZones` would move it back, and so on forever.
      if (to === undefined || ledger.load(to) >= fleet.bound || inZone(spread, to) > inZone(spread, from.pod)) continue;
      startMove(state, from, to, 'rebalance', round);
      movers.push(set.ownerUid);
      break;
    }
  }
  return movers;
}

const byLoad =
  (ledger: Ledger) =>
  (a: Holding, b: Holding): number =>
    ledger.load(b.pod) - ledger.load(a.pod) || (a.pod.name < b.pod.name ? -1 : 1);

const inZone = ({ zones }: Spread, { zone }: Pod): number => zones.get(zone) ?? 0;

/** A socket that lives is not risked while another of its set does not. */
function mayMove(set: SocketSet, holdings: readonly Holding[], pauseMs: number, { input, reports }: Round): boolean {
  const lastMs = input.lastMoveMs.get(set.ownerUid);
  if (lastMs !== undefined && input.nowMs - lastMs < pauseMs) return false;
  return holdings.every((holding) => holding.pod.writable && reports.live(holding));
}

const byOwner = (a: SteadySet, b: SteadySet): number => (a.set.ownerUid < b.set.ownerUid ? -1 : 1);
