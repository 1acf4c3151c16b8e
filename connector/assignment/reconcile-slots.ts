import { isDeepStrictEqual } from 'node:util';
import { decodeSlot, type Slot, type SlotID, type Slots } from '../../core/protocol/assignment.ts';

/** The assignments that this process runs. Version 0: none adopted yet. */
export interface HeldSlots {
  version: number;
  slots: Slots;
}

/** Version and hash as read together; the version is undefined when Redis has none that is a number. */
export interface SlotsRead {
  version: number | undefined;
  fields: Readonly<Record<SlotID, string>>;
}

export interface SlotDiff {
  start: [SlotID, Slot][];
  update: [SlotID, Slot][];
  stop: SlotID[];
  /** Fields that could not be decoded: such a slot stays as it is. */
  unreadable: SlotID[];
  /** What is held afterwards. */
  held: HeldSlots;
}

/**
 * What a read changes (design rule 10). Only a version higher than the held one removes; a missing or lower one is
 * unknown and changes nothing, an equal one is what we hold. A process that holds nothing takes whatever it can read:
 * a socket too many costs little, a team without one loses events.
 */
export function reconcileSlots(held: HeldSlots, read: SlotsRead): SlotDiff {
  const fresh = held.version === 0 && held.slots.size === 0;
  if (!fresh && (read.version === undefined || read.version <= held.version)) return nothing(held);

  const diff: SlotDiff = { start: [], update: [], stop: [], unreadable: [], held };
  const slots = new Map<SlotID, Slot>();
  for (const [id, json] of Object.entries(read.fields)) {
    const before = held.slots.get(id);
    const slot = decodeSlot(json);
    if (slot === undefined) diff.unreadable.push(id);
    else if (before === undefined) diff.start.push([id, slot]);
    else if (!isDeepStrictEqual(before, slot)) diff.update.push([id, slot]);
    const after = slot ?? before;
    if (after !== undefined) slots.set(id, after);
  }
  diff.stop = [...held.slots.keys()].filter((id) => !slots.has(id));
  diff.held = { version: read.version ?? 0, slots };
  return diff;
}

const nothing = (held: HeldSlots): SlotDiff => ({ start: [], update: [], stop: [], unreadable: [], held });
