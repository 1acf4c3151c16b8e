/** Where an event's mark is kept: its bucket, sub-bucket and lifetime (design rules 3 and 4). */

import type { FleetContract } from '../../core/protocol/contract.ts';
import { type DedupeSteps, subBucketsOf } from '../../core/protocol/dedupe-steps.ts';
import { delayedWindowMs } from '../../core/protocol/dedupe-window.ts';
import type { QueueKeys } from '../../core/protocol/keys.ts';
import type { Mark } from '../event/mark.ts';
import { markDigest } from './mark-digest.ts';

/** All marks of one minute that live equally long; they are spread over several hashes. */
interface Bucket {
  bucket: number;
  /** For 26 h. */
  delayed: boolean;
}

/** Where the script looks for an event's mark and where it sets it; in which hash of a bucket, `markKeys` says. */
export interface MarkPlace {
  /**
   * One; or three neighboring ones, of which the middle one gets the mark; or two of different lifetimes, of which the
   * first does; or none: the mark has a key of its own.
   */
  buckets: readonly Bucket[];
  /** 22 characters: a hash keeps Redis's compact encoding only while every field is at most 64 bytes. */
  field: string;
  /** 32 bits that choose the hash in each bucket. */
  spread: number;
  ttlSeconds: number;
}

const OWN_KEY: readonly Bucket[] = [];

/**
 * @param arrivedAtMs Redis time when the event was read. It is taken once: a retry minutes later must look at the same
 *   keys. Copies of an untimed event find each other when their arrivals are less than one bucket apart.
 */
export function markPlace(id: string, mark: Mark, contract: FleetContract, arrivedAtMs: number): MarkPlace {
  const { field, spread } = markDigest(id);
  const bucketOf = (atMs: number): number => Math.floor(atMs / contract.bucketMs);
  switch (mark.kind) {
    case 'own':
      return { buckets: OWN_KEY, field, spread, ttlSeconds: Math.ceil(mark.ttlMs / 1000) };
    case 'numbered':
      return { buckets: OWN_KEY, field, spread, ttlSeconds: ttlSeconds(contract, mark.delayed) };
    case 'timed': {
      const bucket = bucketOf(mark.atMs);
      const ordinary = { bucket, delayed: false };
      const ttl = ttlSeconds(contract, mark.delayed === true);
      if (mark.delayed === undefined) return { buckets: [ordinary], field, spread, ttlSeconds: ttl };
      // Delayed Events may have been switched on or off after a copy was marked, or be so in one cluster only.
      const delayed = { bucket, delayed: true };
      return { buckets: mark.delayed ? [delayed, ordinary] : [ordinary, delayed], field, spread, ttlSeconds: ttl };
    }
    case 'untimed': {
      const bucket = bucketOf(arrivedAtMs);
      const neighbors = [bucket - 1, bucket, bucket + 1].map((each) => ({ bucket: each, delayed: false }));
      return { buckets: neighbors, field, spread, ttlSeconds: ttlSeconds(contract, false) };
    }
    default:
      return mark satisfies never;
  }
}

/** The bucket that gets the mark; undefined when that has a key of its own. */
export const markedBucket = ({ buckets }: MarkPlace): Bucket | undefined =>
  buckets[Math.floor((buckets.length - 1) / 2)];

/** Whether the one event looks for its mark where the other's will be set, if they are the same event. */
export function findsMarkOf(place: MarkPlace, other: MarkPlace): boolean {
  const marked = markedBucket(other);
  if (marked === undefined) return place.buckets.length === 0;
  return place.buckets.some(({ bucket, delayed }) => bucket === marked.bucket && delayed === marked.delayed);
}

/** The hashes, in the order of the buckets. */
export function markKeys({ buckets, field, spread }: MarkPlace, steps: DedupeSteps, keys: QueueKeys): string[] {
  if (buckets.length === 0) return [keys.dedupeOwn(field)];
  return buckets.map(({ bucket, delayed }) => {
    const subBucket = spread % subBucketsOf(steps, bucket);
    return delayed ? keys.dedupeDelayed(bucket, subBucket) : keys.dedupe(bucket, subBucket);
  });
}

/** From the last mark of a bucket on: each of its marks lives for the window at least. */
const ttlSeconds = ({ windowMs, bucketMs }: FleetContract, delayed: boolean): number =>
  Math.ceil(((delayed ? delayedWindowMs(windowMs) : windowMs) + bucketMs) / 1000);
