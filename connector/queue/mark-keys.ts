/** Where an event's mark is kept: its bucket, sub-bucket and lifetime (design rules 3 and 4). */

import { createHash } from 'node:crypto';
import type { FleetContract } from '../../core/protocol/contract.ts';
import { delayedWindowMs } from '../../core/protocol/dedupe-window.ts';
import type { QueueKeys } from '../../core/protocol/keys.ts';
import type { Mark } from '../event/mark.ts';

/** Where the script looks for an event's mark and where it sets it. */
export interface MarkPlace {
  /**
   * One key; or three neighboring ones, of which the middle one gets the mark; or two of different lifetimes, of which the
   * first does.
   */
  keys: readonly string[];
  /** 22 characters: a hash keeps Redis's compact encoding only while every field is at most 64 bytes. */
  field: string;
  ttlSeconds: number;
}

/**
 * @param arrivedAtMs Redis time when the event was read. It is taken once: a retry minutes later must look at the same
 *   keys. Copies of an untimed event find each other when their arrivals are less than one bucket apart.
 */
export function markPlace(
  id: string,
  mark: Mark,
  contract: FleetContract,
  keys: QueueKeys,
  arrivedAtMs: number,
): MarkPlace {
  const digest = createHash('sha256').update(id).digest();
  const field = digest.subarray(0, 16).toString('base64url');
  if (mark.kind === 'own') {
    return { keys: [keys.dedupeOwn(field)], field, ttlSeconds: Math.ceil(mark.ttlMs / 1000) };
  }
  const subBucket = digest.readUInt32BE(16) % contract.subBuckets;
  const delayed = mark.kind === 'timed' && mark.delayed === true;
  const bucket = Math.floor((mark.kind === 'timed' ? mark.atMs : arrivedAtMs) / contract.bucketMs);
  const buckets = mark.kind === 'timed' ? [bucket] : [bucket - 1, bucket, bucket + 1];
  if (delayed) {
    // Delayed Events may have been switched on after a copy was marked in the other family.
    return {
      keys: [keys.dedupeDelayed(bucket, subBucket), keys.dedupe(bucket, subBucket)],
      field,
      ttlSeconds: Math.ceil((delayedWindowMs(contract.windowMs) + contract.bucketMs) / 1000),
    };
  }
  return {
    keys: buckets.map((each) => keys.dedupe(each, subBucket)),
    field,
    ttlSeconds: Math.ceil((contract.windowMs + contract.bucketMs) / 1000),
  };
}
