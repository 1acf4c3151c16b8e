/** Skips rounds of the planner when nothing has changed. */

import type { ConnectorSet } from '../../core/protocol/connector-set.ts';
import type { Presence } from '../../core/protocol/presence.ts';
import type { FleetKey } from '../../core/protocol/seal.ts';
import { gathers } from '../plan/pods.ts';
import type { Plan, PlanInput } from '../plan/types.ts';
import type { Desired } from './desired.ts';
import type { PodMemory } from './pod-memory.ts';
import type { Heads } from './reader.ts';

/** All that a round is made from, except the time. */
export interface RoundInputs {
  desired: Desired;
  heads: Heads;
  fleetKeys: readonly FleetKey[];
  connectorSet?: ConnectorSet | undefined;
  /** Pods by presence: a lease that expires changes the outcome although nothing was written. */
  presence: ReadonlyMap<string, Presence>;
}

/**
 * Remembers that a round had nothing to do, so that the next one with equal inputs can be skipped: a round costs time for
 * every slot, and nearly all rounds find nothing. This is correct because equal inputs give an equal plan, and because
 * `isAtRest` excludes everything urgent that time alone brings about (the fleet settles or gathers, a session dies, a drain
 * ends). The rest (balance, the end of a fence) waits for the next whole round.
 */
export class IdleRoundCache {
  readonly #wholeRoundMs: number;
  #idle: { fingerprint: string; desired: Desired; sinceMs: number } | undefined;

  /** @param wholeRoundMs after this long a round is made in any case */
  constructor(wholeRoundMs: number) {
    this.#wholeRoundMs = wholeRoundMs;
  }

  /** A round from these inputs is known to have nothing to do. */
  holds(inputs: RoundInputs, nowMs: number): boolean {
    const idle = this.#idle;
    return (
      idle !== undefined &&
      nowMs - idle.sinceMs < this.#wholeRoundMs &&
      sameDesired(idle.desired, inputs.desired) &&
      idle.fingerprint === fingerprintOf(inputs)
    );
  }

  /** A round from these inputs had nothing to write. */
  begin(inputs: RoundInputs, nowMs: number): void {
    this.#idle = { fingerprint: fingerprintOf(inputs), desired: { ...inputs.desired }, sinceMs: nowMs };
  }

  end(): void {
    this.#idle = undefined;
  }
}

/** The mere passing of time changes nothing about it, except what may wait for a full round. */
export function isAtRest(input: PlanInput, plan: Plan, pods: ReadonlyMap<string, PodMemory>): boolean {
  if (!input.settled || plan.writes.length > 0 || gathers(input)) return false;
  return [...pods.values()].every(
    ({ session, lost, doubted, returnUntilMs }) =>
      session?.state === 'up' && !lost && !doubted && input.nowMs >= returnUntilMs,
  );
}

/** Compares by identity: whoever makes `Desired` makes new maps when something has changed. */
const sameDesired = (a: Desired, b: Desired): boolean =>
  a.synced === b.synced &&
  a.unlisted === b.unlisted &&
  a.bots === b.bots &&
  a.stopped === b.stopped &&
  a.routed === b.routed &&
  a.kept === b.kept &&
  a.refused === b.refused;

/**
 * A session's JSON contains no time of renewal, so it changes only when the pod has something new to say.
 */
const fingerprintOf = ({ heads, fleetKeys, connectorSet, presence }: RoundInputs): string =>
  JSON.stringify([
    heads.owner,
    fleetKeys.map(({ id }) => id),
    connectorSet ?? null,
    [...heads.routes],
    heads.refused,
    ...[...heads.pods].map(([pod, { session, version, fields }]) => [pod, session, version, fields, presence.get(pod)]),
  ]);
