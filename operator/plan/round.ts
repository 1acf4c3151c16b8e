import type { SlotID } from '../../core/protocol/assignment.ts';
import type { Fleet } from './fleet.ts';
import type { Reports } from './holdings.ts';
import type { Ledger } from './ledger.ts';
import type { Pod } from './pods.ts';
import type { Pending, PendingReason, PlanInput, SocketSet } from './types.ts';

/** A plan in the making: its input, and what has been decided so far. */
export interface Round {
  readonly input: PlanInput;
  readonly fleet: Fleet;
  readonly reports: Reports;
  readonly ledger: Ledger;
  readonly pending: Pending[];
  /** Draining pods that must not be released yet. */
  readonly blocked: Set<Pod>;
}

/** The slot stays without a place in this plan. */
export function wait({ pending }: Round, slot: SlotID, { ownerUid }: SocketSet, reason: PendingReason): void {
  pending.push({ slot, ownerUid, reason });
}
