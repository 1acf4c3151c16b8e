/**
 * Which queue takes an event. Every connector of every cluster must choose the same one for all copies of the event, because
 * its mark is kept beside its queue. So this must never change for a number of shards that is in use. FNV-1a is used because
 * team ids differ in only a few characters.
 * @param key `NormalizedEvent.shardKey`
 */
export function shardOf(key: string, shards: number): number {
  if (shards === 1) return 0;
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % shards;
}
