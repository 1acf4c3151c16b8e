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
  const subBucket = digest.readUInt32BE(16) % contract.subBuckets;
  const bucketOf = (atMs: number): number => Math.floor(atMs / contract.bucketMs);
  switch (mark.kind) {
    case 'own':
      return { keys: [keys.dedupeOwn(field)], field, ttlSeconds: Math.ceil(mark.ttlMs / 1000) };
    case 'numbered':
      return { keys: [keys.dedupeOwn(field)], field, ttlSeconds: ttlSeconds(contract, mark.delayed) };
    case 'timed': {
      const bucket = bucketOf(mark.atMs);
      const ordinary = keys.dedupe(bucket, subBucket);
      const ttl = ttlSeconds(contract, mark.delayed === true);
      if (mark.delayed === undefined) return { keys: [ordinary], field, ttlSeconds: ttl };
      // Delayed Events may have been switched on or off after a copy was marked, or be so in one cluster only.
      const delayed = keys.dedupeDelayed(bucket, subBucket);
      return { keys: mark.delayed ? [delayed, ordinary] : [ordinary, delayed], field, ttlSeconds: ttl };
    }
    case 'untimed': {
      const bucket = bucketOf(arrivedAtMs);
      const neighbors = [bucket - 1, bucket, bucket + 1].map((each) => keys.dedupe(each, subBucket));
      return { keys: neighbors, field, ttlSeconds: ttlSeconds(contract, false) };
    }
    default:
      return mark satisfies never;
  }
}

/** From the last mark of a bucket on: each of its marks lives for the window at least. */
const ttlSeconds = ({ windowMs, bucketMs }: FleetContract, delayed: boolean): number =>
  Math.ceil(((delayed ? delayedWindowMs(windowMs) : windowMs) + bucketMs) / 1000);
