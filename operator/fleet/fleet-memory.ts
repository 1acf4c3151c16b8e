/** What the planner remembers about the fleet, and how long it has read Redis without a gap (design rule 10). */

import type { Slot, SlotID } from '../../core/protocol/assignment.ts';
import { type ConnectorSet, mayReturn } from '../../core/protocol/connector-set.ts';
import type { Presence } from '../../core/protocol/presence.ts';
import type { FleetKey } from '../../core/protocol/seal.ts';
import type { Session } from '../../core/protocol/session.ts';
import type { PlanInput, PodView, SocketSet } from '../plan/types.ts';
import { adoptFromReports } from './adopt-from-reports.ts';
import { newest, type PodBody, type PodHead, type PodMemory, podPresence, remember, wrote } from './pod-memory.ts';
import type { Heads } from './reader.ts';

/**
 * What a planner knows about the fleet across readings. If Redis loses its data, this is what is written back. It does no
 * I/O, and time is passed in.
 */
export class FleetMemory {
  readonly #settleMs: number;
  #pods = new Map<string, PodMemory>();
  /** Start of the uninterrupted series of successful readings. */
  #unbrokenSinceMs: number | undefined;
  #claimed = false;

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  get pods(): ReadonlyMap<string, PodMemory> {
    return this.#pods;
  }

  /** Redis did not answer: everything must be read again, and until readings have resumed no session is called dead. */
  interrupted(): void {
    this.#unbrokenSinceMs = undefined;
    this.doubtAll();
  }

  /** Another planner may have written: everything must be read again. */
  doubtAll(): void {
    for (const [pod, memory] of this.#pods) this.#pods.set(pod, { ...memory, doubted: true });
  }

  /** The outcome of a write is unknown, or Redis holds something else than we thought. */
  doubt(pod: string): void {
    const memory = this.#pods.get(pod);
    if (memory !== undefined) this.#pods.set(pod, { ...memory, doubted: true });
  }

  /** Forgets dead pods that had nothing left and that the planner with the lock has forgotten. @returns the others' heads */
  dropForgottenPods(heads: Heads): Heads {
    const pods = new Map(heads.pods);
    for (const [pod, { session, version }] of heads.pods) {
      const isGone = session === undefined && version === undefined && !heads.listed.has(pod);
      if (!isGone || this.#pods.get(pod)?.slots.size !== 0) continue;
      this.#pods.delete(pod);
      pods.delete(pod);
    }
    return { ...heads, pods };
  }

  /**
   * @param writes whether we are the one that writes: another's long write has no version either while it is under way
   * @returns true when Redis has lost what it once had
   */
  read(heads: Heads, bodies: ReadonlyMap<string, PodBody>, nowMs: number, writes = true): boolean {
    const vanished = [...heads.pods].some(
      ([pod, { version, session }]) =>
        version === undefined && (writes || session === undefined) && this.#pods.get(pod)?.stored !== undefined,
    );
    const lost = vanished || (this.#claimed && heads.owner === undefined);
    this.#claimed ||= writes || heads.owner !== undefined;
    if (lost || this.#unbrokenSinceMs === undefined) this.#unbrokenSinceMs = nowMs;
    for (const [pod, head] of heads.pods) this.#remember(pod, head, bodies.get(pod), nowMs, heads.redisNowMs);
    return lost;
  }

  settled(nowMs: number): boolean {
    return this.#unbrokenSinceMs !== undefined && nowMs - this.#unbrokenSinceMs >= this.#settleMs;
  }

  presence(nowMs: number): ReadonlyMap<string, Presence> {
    return new Map([...this.#pods].map(([name, pod]) => [name, podPresence(pod, nowMs)]));
  }

  wrote(pod: string, version: number, slots: ReadonlyMap<SlotID, Slot>): void {
    const memory = this.#pods.get(pod);
    if (memory !== undefined) this.#pods.set(pod, wrote(memory, version, slots));
  }

  forget(pod: string): void {
    this.#pods.delete(pod);
  }

  #remember(pod: string, head: PodHead, body: PodBody | undefined, nowMs: number, redisNowMs: number): void {
    const before = this.#pods.get(pod);
    const read = body ?? { assign: undefined, reports: undefined };
    this.#pods.set(pod, remember(before, head, read, { nowMs, redisNowMs }));
  }
}

/** What a plan is made from, besides what was read from Redis. */
interface DesiredFleet {
  synced: boolean;
  unlisted: ReadonlySet<string>;
  stopped: PlanInput['stopped'];
  kept: ReadonlySet<string>;
  sets: ReadonlyMap<string, SocketSet>;
  fleetKeys: readonly FleetKey[];
  lastMoveMs: ReadonlyMap<string, number>;
  /** As last known; undefined: not known. */
  connectorSet?: ConnectorSet | undefined;
}

export function observe(
  memory: Pick<FleetMemory, 'pods' | 'settled'>,
  fleet: DesiredFleet,
  nowMs: number,
  redisNowMs: number,
): PlanInput {
  const pods = [...memory.pods];
  const settled = memory.settled(nowMs);
  const assignments = new Map(pods.map(([name, pod]) => [name, held(pod, fleet.sets)]));
  return {
    nowMs,
    redisNowMs,
    settled,
    synced: fleet.synced,
    unlisted: fleet.unlisted,
    stopped: fleet.stopped,
    kept: fleet.kept,
    sets: [...fleet.sets.values()],
    pods: pods.map(([name, pod]) => podView(name, pod, fleet)),
    assignments,
    reports: new Map(pods.map(([name, pod]) => [name, reportsOf(pod)])),
    // A pod that has had time to report, and of which nothing is known, holds nothing. A pod that is known to have nothing
    // is still told so: it may hold more from its last read.
    lost: new Set(
      pods.flatMap(([name, pod]) =>
        pod.lost && !(settled && !pod.known && assignments.get(name)?.size === 0) ? [name] : [],
      ),
    ),
    lastMoveMs: fleet.lastMoveMs,
  };
}

const NO_REPORTS: PodMemory['reports'] = new Map();

/** Reports of a process that is gone, or has closed its sockets, no longer hold. */
const reportsOf = ({ session, reports }: PodMemory): PodMemory['reports'] =>
  session === undefined || session.left === true ? NO_REPORTS : reports;

export const sharesKey = (session: Pick<Session, 'keyIDs'>, fleetKeys: readonly FleetKey[]): boolean =>
  fleetKeys.some((key) => session.keyIDs.includes(key.id));

function podView(name: string, pod: PodMemory, { fleetKeys, connectorSet }: DesiredFleet): PodView {
  const { session } = pod;
  return {
    name,
    session,
    version: pod.version,
    lastSeenMs: pod.lastSeenMs,
    firstSeenMs: pod.firstSeenMs,
    // A pod that can't open any of our tokens would only report SealUnreadable for every slot it gets.
    takesSlots: session === undefined || sharesKey(session, fleetKeys),
    returns: mayReturn(connectorSet, name, session?.state === 'up'),
  };
}

function held(pod: PodMemory, sets: ReadonlyMap<string, SocketSet>): ReadonlyMap<SlotID, Slot> {
  return pod.lost && !pod.known ? newest(adoptFromReports(pod.reports, sets), pod.slots) : pod.slots;
}
