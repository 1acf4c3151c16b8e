import type { ClusterKeys } from '../../core/protocol/keys.ts';
import { REFUSED_VERSION_FIELD } from '../../core/protocol/refused-token.ts';
import type { Redis, RedisCommand } from '../../core/redis/redis.ts';
import { redisMsOf } from '../../core/redis/redis-clock.ts';
import type { PodBody, PodHead } from './pod-memory.ts';

export interface Heads {
  redisNowMs: number;
  /** The owner of the cluster scope; undefined if Redis does not know it. */
  owner: string | undefined;
  /** Of the pods that Redis lists and of those asked for. */
  pods: ReadonlyMap<string, PodHead>;
  /** The pods that Redis lists. */
  listed: ReadonlySet<string>;
  /** App uid -> version and name of its route table. */
  routes: ReadonlyMap<string, string>;
  /** Differs when the records of refused tokens do; undefined: there are none. */
  refused?: string | undefined;
}

/** Hashes read at a time: thousands of slots each, and a command has seconds to answer. */
const BODIES_AT_ONCE = 4;

/** The small data that is read in every round. @throws if Redis does not answer all of it */
export async function readHeads(redis: Redis, keys: ClusterKeys, knownPods: Iterable<string>): Promise<Heads> {
  const [time, owner, listed, routes, refusedVersion, refusedFields] = await redis.batch([
    ['time'],
    ['get', keys.owner],
    ['zrange', keys.pods, '0', '-1', 'WITHSCORES'],
    ['hgetall', keys.routes],
    ['hget', keys.refused, REFUSED_VERSION_FIELD],
    ['hlen', keys.refused],
  ]);
  const renewedMs = scores(listed);
  const inRedis = new Set(renewedMs.keys());
  const pods = [...new Set([...knownPods, ...inRedis])];
  const questions = pods.flatMap((pod): RedisCommand[] => [
    ['get', keys.session(pod)],
    ['get', keys.version(pod)],
    ['hlen', keys.assign(pod)],
  ]);
  const replies = pods.length === 0 ? [] : await redis.batch(questions);
  return {
    redisNowMs: redisMsOf(time),
    owner: owner ?? undefined,
    listed: inRedis,
    routes: new Map(Object.entries(routes)),
    refused: refusedFields === 0 ? undefined : `${refusedVersion ?? ''} ${refusedFields}`,
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

const text = (reply: unknown): string | undefined => (typeof reply === 'string' ? reply : undefined);

/** Of a sorted set: member, score, member, score. */
function scores(flat: readonly string[]): Map<string, number> {
  return new Map(flat.flatMap((member, at) => (at % 2 === 0 ? [[member, Number(flat[at + 1])] as const] : [])));
}

function natural(reply: unknown): number | undefined {
  const value = typeof reply === 'string' && reply !== '' ? Number(reply) : reply;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
