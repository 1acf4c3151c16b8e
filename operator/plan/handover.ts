/** Make before break on reassignment: which entry of a slot stays, and for how long (design rule 6). Pure. */

import type { SlotID } from '../../core/protocol/assignment.ts';
import type { Holding, Reports } from './holdings.ts';
import type { PodPhase } from './pods.ts';
import { compareRanks, type Rank } from './rank.ts';
import type { SocketSet } from './types.ts';

/** What to do with all entries of one slot. */
export interface SlotPlacement {
  id: SlotID;
  /** Where the slot should be; undefined if every entry is on a dead pod, or there is none. */
  target: Holding | undefined;
  /** Older entries that stay until the target is live: make before break. */
  sources: readonly Holding[];
  /**
   * Entries on dead pods that stay until the target is live: such a pod may come back under its name and be the first to
   * serve, or may only have been cut off from Redis and hold an open socket.
   */
  dead: readonly Holding[];
  /** Entries to remove now. */
  drops: readonly Holding[];
}

const PHASE_RANK: Record<PodPhase, number> = { up: 4, absent: 3, draining: 2, leaving: 1, dead: 0 };

/** Decides between the entries of one slot. Pure, and applying it again changes nothing. */
export function placementOf(id: SlotID, set: SocketSet, holdings: readonly Holding[], reports: Reports): SlotPlacement {
  const dead = holdings.filter(({ pod }) => pod.phase === 'dead');
  const placement = placementAmong(
    id,
    set,
    holdings.filter(({ pod }) => pod.phase !== 'dead'),
    reports,
  );
  const { target } = placement;
  if (target === undefined || !(reports.live(target) || reports.failed(target, set))) return { ...placement, dead };
  return { ...placement, drops: [...placement.drops, ...dead] };
}

function placementAmong(id: SlotID, set: SocketSet, alive: readonly Holding[], reports: Reports): SlotPlacement {
  const placement = { id, target: undefined, sources: [], dead: [], drops: [] };
  const [only] = alive;
  if (only === undefined || alive.length === 1) return { ...placement, target: only };
  const target = targetOf(alive, reports);
  const others = alive.filter((holding) => holding !== target);
  if (mayFinish(set, target, others, reports)) return { ...placement, target, drops: others };
  return { ...placement, target, sources: others };
}

/**
 * The entry that takes over: the newest `incoming` one on a pod that stays, or else the one that serves best. A pod that
 * was to take over but is leaving itself keeps its entry until another is live: its hello may be on the way.
 */
function targetOf(alive: readonly Holding[], reports: Reports): Holding {
  const rankOf = (holding: Holding): Rank => {
    const { role, epoch } = holding.slot;
    const { phase } = holding.pod;
    const takesOver = role === 'incoming' && phase !== 'draining' && phase !== 'leaving';
    return [takesOver ? epoch : 0, phase === 'up' && reports.live(holding) ? 1 : 0, PHASE_RANK[phase], epoch];
  };
  return alive.reduce((best, holding) => {
    const order = compareRanks(rankOf(holding), rankOf(best));
    return order > 0 || (order === 0 && holding.pod.name < best.pod.name) ? holding : best;
  });
}

/**
 * The others are removed once the target has reported hello, or when nothing is lost because Slack refused the token at
 * every entry. A refusal at the target alone must not cost a live socket.
 */
const mayFinish = (set: SocketSet, target: Holding, others: readonly Holding[], reports: Reports): boolean =>
  reports.live(target) || [target, ...others].every((holding) => reports.failed(holding, set));
