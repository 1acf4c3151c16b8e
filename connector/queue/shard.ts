import { fnv1a } from '../../core/protocol/fnv-1a.ts';

/**
 * Which queue takes an event. Every connector of every cluster must choose the same one for all copies of the event, because
 * its mark is kept beside its queue. So this must never change for a number of shards that is in use.
 * @param key `NormalizedEvent.shardKey`
 */
export const shardOf = (key: string, shards: number): number => (shards === 1 ? 0 : fnv1a(key) % shards);
