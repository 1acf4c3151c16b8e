import { isDeepStrictEqual } from 'node:util';
import { decodeSlot, type EventFilter, type Slot, type SlotID, type Slots } from '../../core/protocol/assignment.ts';

/** What Redis assigns to this pod, as far as is known. Version 0: none adopted yet. */
export interface HeldSlots {
  version: number;
  slots: Slots;
}

export const NOTHING_HELD: HeldSlots = { version: 0, slots: new Map() };

/** Version and hash as read together; the version is undefined when Redis has none that is a number. */
export interface SlotsRead {
  version: number | undefined;
  fields: Readonly<Record<SlotID, string>>;
}

export interface ReadVerdict {
  /** What is held from now on: the same object when the read changes nothing. */
  held: HeldSlots;
  /** Fields that could not be decoded; such slots stay as they are. */
  unreadable: SlotID[];
}

/**
 * What a read changes (design rule 10). Only a version higher than the held one removes slots. A missing or lower version
 * means unknown and changes nothing; an equal one is what we hold. A process that holds nothing takes whatever it can read:
 * an extra socket costs little, while a team without one loses events.
 */
export function heldAfterRead(held: HeldSlots, read: SlotsRead): ReadVerdict {
  const fresh = held.version === 0 && held.slots.size === 0;
  if (!fresh && (read.version === undefined || read.version <= held.version)) return { held, unreadable: [] };

  const unreadable: SlotID[] = [];
  const slots = new Map<SlotID, Slot>();
  const filters = new Map<string, EventFilter>();
  for (const [id, json] of Object.entries(read.fields)) {
    const before = held.slots.get(id);
    const slot = withSharedFilter(decodeSlot(json), filters);
    if (slot === undefined) unreadable.push(id);
    // What has not changed stays the same object, so that comparing it is cheap.
    const after = slot === undefined || isDeepStrictEqual(before, slot) ? before : slot;
    if (after !== undefined) slots.set(id, after);
  }
  return { held: { version: read.version ?? 0, slots }, unreadable };
}

/** Of thousands of bots most choose the same events, so that they hold one filter. */
function withSharedFilter(slot: Slot | undefined, filters: Map<string, EventFilter>): Slot | undefined {
  if (slot === undefined) return undefined;
  const text = JSON.stringify(slot.events);
  const events = filters.get(text) ?? slot.events;
  filters.set(text, events);
  return { ...slot, events };
}
