import type { Slot, SlotID } from '../../core/protocol/assignment.ts';
import type { Holding } from './holdings.ts';
import { plannedSlot, sameSpec } from './planned-slot.ts';
import type { Pod } from './pods.ts';
import type { Placement, PlanInput, PlannedSlot, PodWrite, SocketSet } from './types.ts';

/** One pod's page of the ledger. */
interface Account {
  /** Entries of the pod, those of this plan included. */
  held: number;
  /** Of those, the sources of moves: each goes once its slot is live elsewhere. */
  readonly departing: Set<SlotID>;
  readonly set: Map<SlotID, PlannedSlot>;
  readonly remove: Set<SlotID>;
}

/**
 * What every pod holds at this point of the plan, and the writes that bring it about. The counts and the writes change in
 * the same methods and nowhere else, so that at any time:
 *
 * - `held` is what the pod's hash has once the writes are made;
 * - `load` is `held` less the sources of moves, so 0 <= load <= held;
 * - nothing is placed on a pod without room: whatever gets a new entry holds no more than its capacity.
 */
export class Ledger {
  readonly #input: PlanInput;
  readonly #accounts = new Map<Pod, Account>();

  constructor(input: PlanInput, pods: Iterable<Pod>) {
    this.#input = input;
    for (const pod of pods) {
      const held = input.assignments.get(pod.name)?.size ?? 0;
      this.#accounts.set(pod, { held, departing: new Set(), set: new Map(), remove: new Set() });
    }
  }

  /** Entries in the pod's hash, sources of moves included: what its capacity is compared with. */
  held(pod: Pod): number {
    return this.#account(pod).held;
  }

  /** Slots that are to stay on the pod: what balance is about. */
  load(pod: Pod): number {
    const { held, departing } = this.#account(pod);
    return held - departing.size;
  }

  /** The pod may get one more slot. */
  hasRoom(pod: Pod): boolean {
    return pod.open && this.held(pod) < pod.capacity;
  }

  /** A new entry. @throws RangeError when the pod has no room: a plan that asks for it is wrong */
  place(set: SocketSet, pod: Pod, id: SlotID, placement: Placement): void {
    if (!this.hasRoom(pod)) throw new RangeError(`no room for ${id} on ${pod.name}`);
    const account = this.#account(pod);
    account.held += 1;
    account.remove.delete(id);
    account.set.set(id, plannedSlot(set, placement));
  }

  /** The new entry is written beside the old one, which departs: make before break. */
  move(set: SocketSet, from: Holding, to: Pod, placement: Placement): void {
    this.place(set, to, from.id, placement);
    this.depart(from);
  }

  /** An entry that stays, but only until its slot is live elsewhere. */
  depart({ pod, id }: Holding): void {
    this.#account(pod).departing.add(id);
  }

  /** An entry that stays, brought up to date in place: its epoch stays, as the socket does. */
  keep(set: SocketSet, holding: Holding, change: Partial<Placement> = {}): void {
    const { epoch, role, cause } = { ...holding.slot, ...change };
    if (role === holding.slot.role && cause === holding.slot.cause && sameSpec(set, holding.slot)) return;
    this.#account(holding.pod).set.set(holding.id, plannedSlot(set, { epoch, role, cause }));
  }

  /** An entry that goes now; its pod has more room at once. */
  release({ pod, id }: Holding): void {
    const account = this.#account(pod);
    if (account.remove.has(id)) return;
    account.held -= 1;
    account.departing.delete(id);
    account.set.delete(id);
    account.remove.add(id);
  }

  /**
   * Lost pods are written whole. What only removes goes last: a planner may end between two writes, and a slot on two
   * pods costs a socket where a slot on none costs events.
   */
  writes(): PodWrite[] {
    const writes: PodWrite[] = [];
    for (const [pod, { set, remove }] of this.#accounts) {
      if (!pod.writable) continue;
      if (this.#input.lost.has(pod.name)) writes.push({ pod: pod.name, set: this.#whole(pod), remove: [] });
      else if (set.size + remove.size > 0) writes.push({ pod: pod.name, set, remove: [...remove] });
    }
    const removesOnly = ({ set }: PodWrite): number => (set.size > 0 ? 0 : 1);
    return writes.sort((a, b) => removesOnly(a) - removesOnly(b) || (a.pod < b.pod ? -1 : 1));
  }

  /** Every entry that the pod is to have, changed or not. */
  #whole(pod: Pod): ReadonlyMap<SlotID, PlannedSlot> {
    const { set, remove } = this.#account(pod);
    const whole = new Map<SlotID, PlannedSlot>();
    for (const [id, slot] of this.#input.assignments.get(pod.name) ?? NO_SLOTS) {
      const { token: _token, assignedAtMs: _assignedAtMs, ...planned } = slot;
      if (!remove.has(id)) whole.set(id, planned);
    }
    for (const [id, slot] of set) whole.set(id, slot);
    return whole;
  }

  #account(pod: Pod): Account {
    const account = this.#accounts.get(pod);
    if (account === undefined) throw new RangeError(`${pod.name} is no pod of this plan`);
    return account;
  }
}

const NO_SLOTS: ReadonlyMap<SlotID, Slot> = new Map();
