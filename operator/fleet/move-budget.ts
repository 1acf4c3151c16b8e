import type { PlanInput } from '../plan/types.ts';

/** Voluntary moves per minute: this share of all slots, but at least `MOVES_A_MINUTE`. */
const SHARE_A_MINUTE = 0.02;
const MOVES_A_MINUTE = 5;

/** Voluntary moves in any minute: slow enough for Slack's connect budget, so leveling a fleet takes tens of minutes. */
export function moveBudget({ assignments, lastMoveMs, nowMs }: PlanInput): number {
  let slots = 0;
  for (const held of assignments.values()) slots += held.size;
  const recent = [...lastMoveMs.values()].filter((atMs) => nowMs - atMs < 60_000).length;
  return Math.max(0, Math.max(MOVES_A_MINUTE, Math.ceil(slots * SHARE_A_MINUTE)) - recent);
}
