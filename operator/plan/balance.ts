import { choosePod, type Fleet, type Spread, zonesOf } from './fleet.ts';
import type { Holding } from './holdings.ts';
import { type Round, startMove } from './needs.ts';
import type { Pod } from './pods.ts';
import { spreadOf, steadyState } from './set-state.ts';
import type { SocketSet } from './types.ts';

/** Nothing forces these moves: they cost connects and are made slowly, and only in a fleet that is quiet. */

/** Voluntary moves of one owner are at least so far apart (design rule 11). */
export const MOVE_PAUSE_MS = 120_000;
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
  if (!isQuiet(round)) return [];
  const cap = Math.max(MIN_UNDER_WAY, Math.ceil(UNDER_WAY_SHARE * slotsOf(round.fleet))) - underWay;
  const mended = mendZones(steady, cap, round);
  return [...mended, ...levelLoad(steady, budget - mended.length, new Set(mended), round)];
}

/** Nothing moves for balance while a pod restarts, what Redis lost is not yet written again, or bots are yet to come. */
const isQuiet = ({ observed, fleet }: Round): boolean =>
  observed.settled &&
  observed.synced &&
  [...fleet.pods.values()].every(
    ({ writable, phase, held }) => writable && (phase === 'up' || phase === 'dead' || held === 0),
  );

const slotsOf = ({ open }: Fleet): number => open.reduce((sum, { load }) => sum + load, 0);

/** A team with all its sockets in one zone is not redundant: this goes before load, and at its own pace. */
function mendZones(steady: readonly SteadySet[], cap: number, round: Round): string[] {
  const { open } = round.fleet;
  const room = new Set(open.filter(({ held, capacity }) => held < capacity).map(({ zone }) => zone));
  if (cap <= 0 || room.size === 0) return [];
  const moved: string[] = [];
  const skewed = steady.filter(({ holdings }) => skewOf(holdings, room) > 1).sort(byOwner);
  for (const { set, holdings } of skewed) {
    if (moved.length >= cap) break;
    if (!mayMove(set, holdings, round)) continue;
    const zones = zonesOf(holdings.map(({ pod }) => pod));
    const count = (pod: Pod): number => zones.get(pod.zone) ?? 0;
    const from = holdings.reduce((a, b) => ((count(b.pod) - count(a.pod) || b.pod.load - a.pod.load) > 0 ? b : a));
    const state = steadyState(set, holdings);
    const to = choosePod(round.fleet, spreadOf(state, from.id));
    if (to === undefined || count(from.pod) - count(to) <= 1) continue;
    startMove(state, from, to, 'rebalance', round);
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
  const { open, bound } = round.fleet;
  const over = open.filter(({ load }) => load > bound).sort((a, b) => b.load - a.load || (a.name < b.name ? -1 : 1));
  if (budget <= 0 || over.length === 0) return [];
  const movers: string[] = [];
  const sets = steady.filter(({ set }) => !moved.has(set.ownerUid)).sort(byOwner);
  for (const { set, holdings } of sets) {
    if (movers.length >= budget) break;
    const tooMuch = holdings.filter(({ pod }) => pod.open && pod.load > bound);
    if (tooMuch.length === 0 || !mayMove(set, holdings, round)) continue;
    const state = steadyState(set, holdings);
    for (const from of tooMuch.sort(byLoad)) {
      const spread = spreadOf(state, from.id);
      const to = choosePod(round.fleet, spread);
      // To a zone that is fuller than its own would be if it left, `mendZones` would take it back, and so for ever.
      if (to === undefined || to.load >= bound || inZone(spread, to) > inZone(spread, from.pod)) continue;
      startMove(state, from, to, 'rebalance', round);
      movers.push(set.ownerUid);
      break;
    }
  }
  return movers;
}

const byLoad = (a: Holding, b: Holding): number => b.pod.load - a.pod.load || (a.pod.name < b.pod.name ? -1 : 1);

const inZone = ({ zones }: Spread, { zone }: Pod): number => zones.get(zone) ?? 0;

/** A socket that lives is not risked while another of its set does not. */
function mayMove(set: SocketSet, holdings: readonly Holding[], { observed, reports }: Round): boolean {
  const lastMs = observed.lastMoveMs.get(set.ownerUid);
  if (lastMs !== undefined && observed.nowMs - lastMs < MOVE_PAUSE_MS) return false;
  return holdings.every(reports.live);
}

const byOwner = (a: SteadySet, b: SteadySet): number => (a.set.ownerUid < b.set.ownerUid ? -1 : 1);
