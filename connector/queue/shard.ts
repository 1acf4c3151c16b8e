/**
 * Which queue takes the events of a team. Every connector of every cluster must choose the same one, because the marks of an
 * event are beside its queue. So this must never change for a number of shards that is in use. FNV-1a is used because team
 * ids differ in only a few characters.
 */
export function shardOf(teamID: string, shards: number): number {
  if (shards === 1) return 0;
  let hash = 0x811c9dc5;
  for (let at = 0; at < teamID.length; at++) hash = Math.imul(hash ^ teamID.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % shards;
}
