import { parseSlotID, type Slot, type SlotID } from '#core/protocol/assignment.ts';
import type { SlotReport } from '#core/protocol/report.ts';
import type { Session } from '#core/protocol/session.ts';
import { plan } from '#operator/plan/plan.ts';
import type { Plan, PlanInput, SocketSet } from '#operator/plan/types.ts';

interface SamplePod {
  zone: string;
  capacity: number;
  state: 'up' | 'draining' | 'gone';
  incarnation: number;
  lastSeenMs: number | undefined;
  firstSeenMs: number | undefined;
  takesSlots: boolean;
  returns: boolean;
}

export const socketSet = (ownerUid: string, fields: Partial<Extract<SocketSet, { kind: 'rtm' }>> = {}): SocketSet => ({
  ownerUid,
  bot: `bots/${ownerUid}`,
  kind: 'rtm',
  teamID: `T${ownerUid}`,
  replicas: 2,
  generation: 1,
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  tokenDigest: 'digest',
  ...fields,
});

/** A fleet in memory: what Redis and the connectors would hold. Sets and pods are changed by the test, plans by `apply`. */
export class SampleFleet {
  nowMs = 1_000_000;
  settled = true;
  synced = true;
  readonly kept = new Set<string>();
  readonly unlisted = new Set<string>();
  readonly stopped = new Map<string, { generation: number }>();
  readonly sets = new Map<string, SocketSet>();
  readonly pods = new Map<string, SamplePod>();
  readonly assignments = new Map<string, Map<SlotID, Slot>>();
  readonly reports = new Map<string, Map<SlotID, SlotReport>>();
  readonly lost = new Set<string>();
  readonly lastMoveMs = new Map<string, number>();

  addPod(name: string, zone: string, fields: Partial<SamplePod> = {}): this {
    this.pods.set(name, {
      zone,
      capacity: 5000,
      state: 'up',
      incarnation: 1,
      takesSlots: true,
      returns: true,
      lastSeenMs: undefined,
      firstSeenMs: undefined,
      ...fields,
    });
    return this;
  }

  addSets(...sets: readonly SocketSet[]): this {
    for (const set of sets) this.sets.set(set.ownerUid, set);
    return this;
  }

  pod(name: string): SamplePod {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    return pod;
  }

  /** SIGKILL long ago: no session, no reports of a life that still goes on. */
  kill(name: string): void {
    Object.assign(this.pod(name), { state: 'gone', lastSeenMs: this.nowMs - 60_000 });
    this.reports.delete(name);
  }

  /** A new process under the same name. */
  restart(name: string): void {
    const pod = this.pod(name);
    pod.state = 'up';
    pod.returns = true;
    pod.incarnation++;
    this.reports.delete(name);
  }

  observe(): PlanInput {
    const { nowMs, settled, synced, unlisted, stopped, kept, assignments, reports, lost, lastMoveMs } = this;
    const pods = [...this.pods].map(([name, pod]) => ({
      name,
      version: 1,
      session: sessionOf(name, pod),
      lastSeenMs: pod.lastSeenMs,
      firstSeenMs: pod.firstSeenMs,
      takesSlots: pod.takesSlots,
      returns: pod.returns,
    }));
    const sets = [...this.sets.values()];
    return {
      nowMs,
      redisNowMs: nowMs,
      settled,
      synced,
      unlisted,
      stopped,
      kept,
      sets,
      pods,
      assignments,
      reports,
      lost,
      lastMoveMs,
    };
  }

  apply({ writes, voluntaryMoves }: Plan): void {
    for (const { pod, set, remove } of writes) {
      const slots = this.lost.delete(pod) ? new Map<SlotID, Slot>() : new Map(this.assignments.get(pod));
      for (const [id, slot] of set) slots.set(id, { ...slot, token: 'sealed', assignedAtMs: this.nowMs });
      for (const id of remove) slots.delete(id);
      this.assignments.set(pod, slots);
    }
    for (const ownerUid of voluntaryMoves) this.lastMoveMs.set(ownerUid, this.nowMs);
  }

  /** One round. */
  step(budget = 0): Plan {
    const made = plan(this.observe(), budget);
    this.apply(made);
    return made;
  }

  /** The pod answers for its slots. */
  report(podName: string, fields: Partial<SlotReport> = {}, wanted: (id: SlotID) => boolean = () => true): void {
    const reports = new Map(this.reports.get(podName));
    for (const [id, slot] of this.assignments.get(podName) ?? []) {
      if (!wanted(id)) continue;
      reports.set(id, {
        epoch: slot.epoch,
        incarnation: `${podName}-${this.pod(podName).incarnation}`,
        state: 'live',
        reason: '',
        message: '',
        tokenDigest: slot.tokenDigest,
        teamName: '',
        botUserID: '',
        ...fields,
      });
    }
    this.reports.set(podName, reports);
  }

  /** Every pod with a session says that all its sockets are live. */
  reportAll(): void {
    for (const [name, { state }] of this.pods) if (state !== 'gone') this.report(name);
  }

  /** Rounds and hellos until nothing changes, time passing between them. */
  converge(budget = Number.POSITIVE_INFINITY, rounds = 200): void {
    for (let round = 0; round < rounds; round++) {
      this.reportAll();
      const { writes } = this.step(budget);
      this.nowMs += 121_000;
      if (writes.length === 0) {
        this.reportAll();
        return;
      }
    }
    throw new Error(`still writing after ${rounds} rounds`);
  }

  /** "pod/slot id" of every entry, or of one owner's. */
  entries(ownerUid?: string): string[] {
    return [...this.assignments]
      .flatMap(([pod, slots]) => [...slots.keys()].map((id) => ({ pod, id })))
      .filter(({ id }) => ownerUid === undefined || parseSlotID(id).ownerUid === ownerUid)
      .map(({ pod, id }) => `${pod} ${id}`)
      .sort();
  }

  podsOf(ownerUid: string): string[] {
    return this.entries(ownerUid).map((entry) => entry.slice(0, entry.indexOf(' ')));
  }

  slot(pod: string, id: SlotID): Slot | undefined {
    return this.assignments.get(pod)?.get(id);
  }

  loads(): number[] {
    return [...this.pods.keys()].map((name) => this.assignments.get(name)?.size ?? 0);
  }
}

function sessionOf(name: string, pod: SamplePod): Session | undefined {
  if (pod.state === 'gone') return undefined;
  return {
    pod: name,
    incarnation: `${name}-${pod.incarnation}`,
    zone: pod.zone,
    capacity: pod.capacity,
    state: pod.state,
    drainingSinceMs: 0,
    version: 1,
    keyIDs: ['k'],
    reportVersion: 0,
    faults: [],
    pid: 0,
    owner: '',
    machine: '',
    startTicks: '',
  };
}
