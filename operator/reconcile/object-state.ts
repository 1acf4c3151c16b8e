import { type ConditionedStatus, conditionOf } from '../status/conditions.ts';

/** Values of the label `state` of a kind's gauge. */
export const OBJECT_STATES = ['ready', 'not_ready', 'unknown', 'suspended'] as const;
export type ObjectState = (typeof OBJECT_STATES)[number];

/** By its condition Ready, which every kind has. */
export function stateOf(status: ConditionedStatus): ObjectState {
  const ready = conditionOf(status, 'Ready');
  if (ready?.reason === 'Suspended') return 'suspended';
  if (ready?.status === 'True') return 'ready';
  return ready?.status === 'False' ? 'not_ready' : 'unknown';
}

export function countStates(states: Iterable<ObjectState> = []): Record<ObjectState, number> {
  const counts = { ready: 0, not_ready: 0, unknown: 0, suspended: 0 };
  for (const state of states) counts[state] += 1;
  return counts;
}
