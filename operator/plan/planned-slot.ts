import { kindFieldsOf, type Slot, sameKindFields } from '../../core/protocol/assignment.ts';
import type { Placement, PlannedSlot, SetSpec } from './types.ts';

/** The fields are in the order in which a slot stands in Redis. */
export const plannedSlot = (set: SetSpec, { epoch, role, cause }: Placement): PlannedSlot => ({
  epoch,
  generation: set.generation,
  role,
  ...kindFieldsOf(set),
  bot: set.bot,
  queueNamespace: set.queueNamespace,
  events: set.events,
  tokenDigest: set.tokenDigest,
  cause,
});

/** What a slot runs, for the set that it belongs to. */
export const specOf = (slot: SetSpec): SetSpec => ({
  generation: slot.generation,
  ...kindFieldsOf(slot),
  bot: slot.bot,
  queueNamespace: slot.queueNamespace,
  events: slot.events,
  tokenDigest: slot.tokenDigest,
});

/** The entry says what the set wants: nothing to write, whatever its placement. */
export const sameSpec = (set: SetSpec, slot: Slot): boolean =>
  slot.generation === set.generation &&
  slot.tokenDigest === set.tokenDigest &&
  sameKindFields(slot, set) &&
  slot.bot === set.bot &&
  slot.queueNamespace === set.queueNamespace &&
  slot.events.own === set.events.own &&
  sameList(slot.events.include, set.events.include) &&
  sameList(slot.events.exclude, set.events.exclude) &&
  sameList(slot.events.urgent ?? [], set.events.urgent ?? []);

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((value, at) => value === b[at]));
