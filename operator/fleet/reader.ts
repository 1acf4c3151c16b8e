import type { ClusterKeys } from '../../core/protocol/keys.ts';
import type { Redis } from '../../core/redis/redis.ts';
import type { PodBody, PodHead } from './pod-memory.ts';

export interface Heads {
  redisNowMs: number;
  /** Who the cluster scope belongs to, undefined when Redis does not know. */
  owner: string | undefined;
  /** Of the pods that Redis lists and of those asked for. */
  pods: ReadonlyMap<string, PodHead>;
  /** The pods that Redis lists. */
  listed: ReadonlySet<string>;
}

/** Hashes read at a time: thousands of slots each, and a command has seconds to answer. */
const BODIES_AT_ONCE = 4;

/** What is small and read in every round. @throws when Redis does not answer all of it */
export async function readHeads(redis: Redis, keys: ClusterKeys, knownPods: Iterable<string>): Promise<Heads> {
  const [time, owner, listed] = await answers(
    redis.pipeline().time().get(keys.owner).zrange(keys.pods, '0', '-1', 'WITHSCORES'),
  );
  const renewedMs = scores(listed);
  const inRedis = new Set(renewedMs.keys());
  const pods = [...new Set([...knownPods, ...inRedis])];
  const reading = redis.pipeline();
  for (const pod of pods) reading.get(keys.session(pod)).get(keys.version(pod)).hlen(keys.assign(pod));
  const replies = pods.length === 0 ? [] : await answers(reading);
  const [seconds, micros] = texts(time);
  return {
    redisNowMs: Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000),
    owner: typeof owner === 'string' ? owner : undefined,
    listed: inRedis,
    pods: new Map(
      pods.map((pod, index) => [
        pod,
        {
          session: text(replies[index * 3]),
          renewedMs: renewedMs.get(pod),
          version: natural(replies[index * 3 + 1]),
          fields: natural(replies[index * 3 + 2]) ?? 0,
        },
      ]),
    ),
  };
}

/** @param wanted pod -> which of its hashes. @throws when Redis does not answer all of it */
export async function readBodies(
  redis: Redis,
  keys: ClusterKeys,
  wanted: ReadonlyMap<string, { assign: boolean; reports: boolean }>,
): Promise<ReadonlyMap<string, PodBody>> {
  const bodies = new Map<string, PodBody>();
  const pods = [...wanted].filter(([, { assign, reports }]) => assign || reports);
  for (let from = 0; from < pods.length; from += BODIES_AT_ONCE) {
    const some = pods.slice(from, from + BODIES_AT_ONCE);
    const read = some.map(async ([pod, { assign, reports }]): Promise<void> => {
      const [assigned, reported] = await Promise.all([
        assign ? redis.hgetall(keys.assign(pod)) : undefined,
        reports ? redis.hgetall(keys.report(pod)) : undefined,
      ]);
      bodies.set(pod, { assign: assigned, reports: reported });
    });
    await Promise.all(read);
  }
  return bodies;
}

async function answers(pipeline: { exec(): Promise<[Error | null, unknown][] | null> }): Promise<unknown[]> {
  const replies = await pipeline.exec();
  return (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}

const text = (reply: unknown): string | undefined => (typeof reply === 'string' ? reply : undefined);
const texts = (reply: unknown): string[] => (Array.isArray(reply) ? reply.map(String) : []);

/** Of a sorted set: member, score, member, score. */
function scores(reply: unknown): Map<string, number> {
  const flat = texts(reply);
  return new Map(flat.flatMap((member, at) => (at % 2 === 0 ? [[member, Number(flat[at + 1])] as const] : [])));
}

function natural(reply: unknown): number | undefined {
  const value = typeof reply === 'string' && reply !== '' ? Number(reply) : reply;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
