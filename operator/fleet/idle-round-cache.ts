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
  /** Pods by whether they are there: a lease that runs out changes what is true though nothing was written. */
  presence: ReadonlyMap<string, Presence>;
}

/**
 * Remembers a round that had nothing to do, so that the next one with equal inputs can be skipped: a round costs as much as
 * there are slots, and nearly all of them find nothing. Sound because equal inputs give an equal plan, and because of what
 * changes with time alone everything urgent (the fleet settles or gathers, a session dies, a drain ends) is excluded by
 * `isAtRest`. The rest (balance, the end of a fence) waits for the next whole round.
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

/** Nothing of it changes by the mere passing of time, other than what may wait for a whole round. */
export function isAtRest(input: PlanInput, plan: Plan, pods: ReadonlyMap<string, PodMemory>): boolean {
  if (!input.settled || plan.writes.length > 0 || gathers(input)) return false;
  return [...pods.values()].every(
    ({ session, lost, doubted, returnUntilMs }) =>
      session?.state === 'up' && !lost && !doubted && input.nowMs >= returnUntilMs,
  );
}

/** By identity: whoever makes `Desired` makes new maps when something has changed. */
const sameDesired = (a: Desired, b: Desired): boolean =>
  a.synced === b.synced &&
  a.unlisted === b.unlisted &&
  a.bots === b.bots &&
  a.stopped === b.stopped &&
  a.kept === b.kept;

/**
 * A session's text has no time in it: it changes when the pod has something to say. The time of its renewal is left out.
 */
const fingerprintOf = ({ heads, fleetKeys, connectorSet, presence }: RoundInputs): string =>
  JSON.stringify([
    heads.owner,
    fleetKeys.map(({ id }) => id),
    connectorSet ?? null,
    ...[...heads.pods].map(([pod, { session, version, fields }]) => [pod, session, version, fields, presence.get(pod)]),
  ]);
