import { fnv1a } from '../../core/protocol/fnv-1a.ts';
import { MAX_BATCH_EVENTS, type OpenLane } from './batcher.ts';
import { EventBuffer } from './buffer.ts';
import type { BufferBound } from './buffer-bound.ts';

/**
 * Enough for eight batches under way that have no lane in common, while each takes from a few; with more of them a batch
 * would be filled from more lanes and leave fewer free.
 */
export const LANES = 32;

/**
 * The lane of an event. Events of one channel share one; those that belong to no channel share that of their team. Nobody
 * else needs to choose the same.
 */
export function laneOf(teamID: string, channelID: string): number {
  const hash = fnv1a(teamID + channelID);
  // A last character hardly reaches the bits in the middle.
  return ((hash ^ (hash >>> 16)) >>> 0) % LANES;
}

/** Events that must keep their order, so that no more than one batch with events of it is under way. */
export class Lane implements OpenLane {
  readonly buffer: EventBuffer;
  /** A batch with its oldest events is under way. */
  isBusy = false;
  limit = MAX_BATCH_EVENTS;

  constructor(bound: BufferBound) {
    this.buffer = new EventBuffer(bound);
  }

  get headAtMs(): number {
    return this.buffer.headAtMs;
  }
}
