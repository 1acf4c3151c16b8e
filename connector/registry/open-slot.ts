import { errorText } from '../../core/process/log.ts';
import { parseSlotID, type Slot, type SlotID, teamOf } from '../../core/protocol/assignment.ts';
import type { RetryReason } from '../../core/protocol/report.ts';
import { type FleetKey, openSeal } from '../../core/protocol/seal.ts';
import { specOf, type TransportSpec } from '../transport/transports.ts';

/** Why a slot can't be run now. It is retried, since a fleet key or another assignment may arrive. */
export interface SlotFault {
  reason: Extract<RetryReason, 'SealUnreadable' | 'TransportNotServed'>;
  message: string;
}

/** Opens the seal: turns what Redis holds into what a slot needs to run. */
export function openSlot(
  id: SlotID,
  slot: Slot,
  cluster: string,
  keys: readonly FleetKey[],
): TransportSpec | SlotFault {
  const { ownerUid } = parseSlotID(id);
  if (slot.token === '') {
    const remedy = 'it may not read the SlackBot or its Secret: see the readiness of the operator';
    return {
      reason: 'SealUnreadable',
      message: `the operator has not provided this token since Redis was emptied; ${remedy}`,
    };
  }
  const { bot, generation, queueNamespace, events, tokenDigest } = slot;
  try {
    const token = openSeal(slot.token, keys, { cluster, ownerUid, teamID: teamOf(slot) });
    const rebalance = slot.cause === 'rebalance';
    const facts = { slotID: id, ownerUid, bot, generation, queueNamespace, events, token, tokenDigest };
    return specOf(slot, { ...facts, rebalance, spread: slot.cause === 'spread' });
  } catch (error) {
    const remedy = 'give the operator and every connector the same RELAX_FLEET_KEY_FILE';
    return { reason: 'SealUnreadable', message: `the token can't be decrypted here: ${errorText(error)}; ${remedy}` };
  }
}

export const isFault = (opened: TransportSpec | SlotFault): opened is SlotFault => 'reason' in opened;

/**
 * For something that threw where nothing should, such as a spec that no check anticipated. The reason is the one that says
 * that this version of Relax can't run it.
 */
export function unforeseen(error: unknown): SlotFault {
  const remedy = 'it is tried again by itself; if that does not help, report it as a defect of this version of Relax';
  return { reason: 'TransportNotServed', message: `the socket can't be run here: ${errorText(error)}; ${remedy}` };
}
