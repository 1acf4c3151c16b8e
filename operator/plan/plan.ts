import { balance, type SteadySet } from './balance.ts';
import { fleetOf } from './fleet.ts';
import { type Holding, holdingsByOwner, type Reports, reportsIn } from './holdings.ts';
import { Ledger } from './ledger.ts';
import { isListed } from './listed.ts';
import { byUrgency, type Need, needsOf, satisfy } from './needs.ts';
import { newestOf } from './newer-generation.ts';
import { sameSpec } from './planned-slot.ts';
import type { Pod } from './pods.ts';
import type { Round } from './round.ts';
import { isSteady, type SetState, settleSet } from './set-state.ts';
import type { Plan, PlanInput } from './types.ts';

/**
 * Compares what is desired with what is, and returns the writes that bring them closer. Pure; returns no writes if nothing
 * has to change.
 *
 * A slot on a live pod stays there, except for: a pod that will not return, a drain that would leave its team without a
 * socket, two slots of a set on one pod, more slots than replicas, zones that differ by more than one, a load above the
 * bound.
 *
 * @param budget voluntary moves (`Plan.voluntaryMoves`) that this plan may make for the sake of load; those for the sake
 * of zones count against it but are not limited by it
 */
export function plan(input: PlanInput, budget: number): Plan {
  const fleet = fleetOf(input);
  const round: Round = {
    input,
    fleet,
    reports: reportsIn(input),
    ledger: new Ledger(input, fleet.pods.values()),
    pending: [],
    blocked: new Set(),
  };
  const owners = holdingsByOwner(input, fleet.pods);
  const { steady, settled } = settleAll(round, owners);
  removeUnwanted(round, owners);

  const needs: Need[] = [];
  for (const state of settled) {
    const wanting = needsOf(state, round);
    needs.push(...wanting);
    if (wanting.length === 0 && isAtRest(state)) steady.push({ set: state.set, holdings: targetsOf(state) });
  }
  for (const need of needs.sort(byUrgency)) satisfy(need, round);
  const voluntaryMoves = balance(steady, voluntaryUnderWay(settled, round.reports), budget, round);

  const pods = [...fleet.pods.values()];
  const named = (these: readonly Pod[]): string[] => these.map(({ name }) => name).sort();
  return {
    writes: round.ledger.writes(),
    pending: round.pending,
    voluntaryMoves,
    deadPods: named(pods.filter(({ phase }) => phase === 'dead')),
    drainedPods: named(pods.filter((pod) => pod.draining && !round.blocked.has(pod))),
  };
}

function settleAll(
  round: Round,
  owners: Map<string, readonly Holding[]>,
): { steady: SteadySet[]; settled: SetState[] } {
  const steady: SteadySet[] = [];
  const settled: SetState[] = [];
  for (const wanted of round.input.sets) {
    const holdings = owners.get(wanted.ownerUid) ?? [];
    owners.delete(wanted.ownerUid);
    const set = newestOf(wanted, holdings);
    if (isSteady(set, holdings, ({ slot }) => sameSpec(set, slot))) steady.push({ set, holdings });
    else settled.push(settleSet(set, holdings, round));
  }
  return { steady, settled };
}

/**
 * Voluntary moves in progress. Forced moves have their own bounds and hold up no repair, and neither do moves that still
 * wait for the connect budget of their team.
 */
const voluntaryUnderWay = (settled: readonly SetState[], { of }: Reports): number =>
  settled
    .flatMap(({ placements }) => placements)
    .filter(
      ({ target, sources }) =>
        target !== undefined && sources.length > 0 && isVoluntary(target) && of(target)?.state !== 'waiting',
    ).length;

const isVoluntary = ({ slot }: Holding): boolean => slot.cause === 'rebalance' || slot.cause === 'spread';

const targetsOf = ({ placements }: SetState): Holding[] =>
  placements.flatMap(({ target }) => (target === undefined ? [] : [target]));

/** After this plan's writes the set is as steady as any: its handover just ended, or its spec was brought up to date. */
const isAtRest = ({ placements }: SetState): boolean =>
  placements.every(({ target, sources, dead }) => target?.pod.phase === 'up' && sources.length + dead.length === 0);

/** What is left in `owners` belongs to stopped bots or to none, provided that all bots of its namespace are known. */
function removeUnwanted({ input, ledger, blocked }: Round, owners: ReadonlyMap<string, readonly Holding[]>): void {
  const { synced, unlisted, kept, stopped } = input;
  for (const [ownerUid, holdings] of owners) {
    const isWhole = synced && holdings.every(({ slot }) => isKnownWhole(unlisted, slot.bot));
    const stop = stopped.get(ownerUid);
    const isGone = stop === undefined && isWhole && !kept.has(ownerUid);
    for (const holding of holdings) {
      // A slot of a later generation was written by a process that knows that the bot was resumed.
      if (isGone || (stop !== undefined && holding.slot.generation <= stop.generation)) ledger.release(holding);
      else if (holding.pod.draining) blocked.add(holding.pod);
    }
  }
}

/** A bot of which only a report is left has no name, so it may be from any namespace. */
const isKnownWhole = (unlisted: ReadonlySet<string>, bot: string): boolean =>
  unlisted.size === 0 || (bot !== '' && isListed(unlisted, bot));
