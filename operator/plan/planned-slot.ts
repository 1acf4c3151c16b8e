import type { Slot } from '../../core/protocol/assignment.ts';
import type { PlannedSlot, SocketSet } from './types.ts';

/** What the planner decides of a slot; the rest is what the set says. */
export type Placement = Pick<Slot, 'epoch' | 'role' | 'cause'>;

export const plannedSlot = (set: SocketSet, { epoch, role, cause }: Placement): PlannedSlot => ({
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
