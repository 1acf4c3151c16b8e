import type { Slot, SlotID } from '../../core/protocol/assignment.ts';
import type { Holding } from './holdings.ts';
import type { Pod } from './pods.ts';
import type { Pending, PendingReason, PlanInput, PlannedSlot, PodWrite, SocketSet } from './types.ts';

type Placement = Pick<Slot, 'epoch' | 'role' | 'cause'>;

interface Change {
  set: Map<SlotID, PlannedSlot>;
  remove: Set<SlotID>;
}

/** What a plan changes, collected while it is made. What would not change anything is not taken up. */
export class Draft {
  readonly pending: Pending[] = [];
  readonly #input: PlanInput;
  readonly #changes = new Map<Pod, Change>();

  constructor(input: PlanInput) {
    this.#input = input;
  }

  /** A new entry; its pod is fuller now. */
  place(set: SocketSet, pod: Pod, id: SlotID, placement: Placement): void {
    pod.held++;
    pod.load++;
    this.#put(pod, id, plannedSlot(set, placement));
  }

  /** An entry that stays, brought up to date in place: its epoch stays, as the socket does. */
  keep(set: SocketSet, holding: Holding, change: Partial<Placement> = {}): void {
    const { epoch, role, cause } = { ...holding.slot, ...change };
    if (role === holding.slot.role && cause === holding.slot.cause && sameSpec(set, holding.slot)) return;
    this.#put(holding.pod, holding.id, plannedSlot(set, { epoch, role, cause }));
  }

  /** An entry that goes; its pod has more room at once. */
  drop({ pod, id }: Holding): void {
    pod.held--;
    pod.load--;
    this.#change(pod)?.remove.add(id);
  }

  wait(id: SlotID, set: SocketSet, reason: PendingReason): void {
    this.pending.push({ slot: id, ownerUid: set.ownerUid, reason });
  }

  /**
   * Lost pods are written whole. What only removes goes last: a planner may end between two writes, and a slot on two
   * pods costs a socket where a slot on none costs events.
   */
  writes(pods: Iterable<Pod>): PodWrite[] {
    const writes: PodWrite[] = [];
    for (const pod of pods) {
      const held = this.#input.assignments.get(pod.name);
      const whole = pod.writable && this.#input.lost.has(pod.name);
      const change = this.#changes.get(pod);
      if (whole) writes.push({ pod: pod.name, set: wholeOf(held ?? new Map(), change), remove: [] });
      else if (change !== undefined) writes.push({ pod: pod.name, set: change.set, remove: [...change.remove] });
    }
    const takes = ({ set }: PodWrite): number => (set.size > 0 ? 0 : 1);
    return writes.sort((a, b) => takes(a) - takes(b) || (a.pod < b.pod ? -1 : 1));
  }

  #put(pod: Pod, id: SlotID, slot: PlannedSlot): void {
    this.#change(pod)?.set.set(id, slot);
  }

  #change(pod: Pod): Change | undefined {
    if (!pod.writable) return undefined;
    const known = this.#changes.get(pod);
    if (known !== undefined) return known;
    const change: Change = { set: new Map(), remove: new Set() };
    this.#changes.set(pod, change);
    return change;
  }
}

function wholeOf(held: ReadonlyMap<SlotID, Slot>, change: Change | undefined): ReadonlyMap<SlotID, PlannedSlot> {
  const whole = new Map<SlotID, PlannedSlot>();
  for (const [id, slot] of held) {
    const { token: _token, assignedAtMs: _assignedAtMs, ...planned } = slot;
    if (!change?.remove.has(id)) whole.set(id, planned);
  }
  for (const [id, slot] of change?.set ?? []) whole.set(id, slot);
  return whole;
}

const plannedSlot = (set: SocketSet, { epoch, role, cause }: Placement): PlannedSlot => ({
  epoch,
  generation: set.generation,
  role,
  kind: set.kind,
  teamID: set.teamID,
  bot: set.bot,
  queueNamespace: set.queueNamespace,
  events: set.events,
  tokenDigest: set.tokenDigest,
  cause,
});

/** The entry says what the set wants: nothing to write, whatever its placement. */
export const sameSpec = (set: SocketSet, slot: Slot): boolean =>
  slot.generation === set.generation &&
  slot.tokenDigest === set.tokenDigest &&
  slot.teamID === set.teamID &&
  slot.bot === set.bot &&
  slot.kind === set.kind &&
  slot.queueNamespace === set.queueNamespace &&
  slot.events.own === set.events.own &&
  sameList(slot.events.include, set.events.include) &&
  sameList(slot.events.exclude, set.events.exclude);

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((value, at) => value === b[at]));
