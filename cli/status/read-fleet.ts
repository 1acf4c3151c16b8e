import type { StatusConfig } from '../../core/config/config.ts';
import { decodeSlot } from '../../core/protocol/assignment.ts';
import { botSummarySchema } from '../../core/protocol/bot-summary.ts';
import { CLUSTERS_KEY, type ClusterKeys, CONTRACT_KEY, clusterKeys } from '../../core/protocol/keys.ts';
import { decodeReport } from '../../core/protocol/report.ts';
import { decodeSession } from '../../core/protocol/session.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { redisTimeMs } from '../../core/redis/redis-clock.ts';
import { checkRedisVersion } from '../../core/redis/version.ts';
import { type ClusterStatus, clusterStatus, type FleetStatus, type PodFacts } from './fleet-status.ts';
import { problemsOf } from './health.ts';

/** Hashes of thousands of slots each, and a command has seconds to answer. */
const PODS_AT_ONCE = 4;

/** Reads the fleet from Redis, and nothing but Redis; writes nothing. @throws when Redis does not answer */
export async function readFleet(redis: Redis, config: StatusConfig): Promise<FleetStatus> {
  const { queue, cluster } = config;
  const version = await checkRedisVersion(redis);
  const seen = await redis.hgetall(CLUSTERS_KEY);
  const known = Object.keys(seen).sort();
  const clusters: ClusterStatus[] = [];
  for (const name of cluster === undefined ? known : [cluster]) {
    const found = await readCluster(redis, name, numberOf(seen[name]));
    if (found !== undefined) clusters.push(found);
  }
  const fleet = {
    atMs: await redisTimeMs(redis),
    redis: version,
    queue: {
      name: queue.name,
      length: await queueLength(redis, queue.name),
      max: queue.max,
      urgent:
        queue.urgent === undefined ? null : { name: queue.urgent, length: await queueLength(redis, queue.urgent) },
    },
    contract: contractOf(await redis.hgetall(CONTRACT_KEY)),
    clusters,
  };
  const problems = problemsOf(fleet, { cluster, known });
  return { healthy: problems.length === 0, problems, ...fleet };
}

/** Undefined: Redis has nothing of it. */
async function readCluster(
  redis: Redis,
  cluster: string,
  lastSeenMs: number | null,
): Promise<ClusterStatus | undefined> {
  const keys = clusterKeys(cluster);
  const [nowMs, owner, planner, renewed, bots] = await Promise.all([
    redisTimeMs(redis),
    redis.get(keys.owner),
    redis.exists(keys.planner),
    redis.zrange(keys.pods, '0', '-1', 'WITHSCORES'),
    redis.hgetall(keys.bots),
  ]);
  const lines = new Map(
    Object.entries(bots).flatMap(([uid, json]) => {
      const line = botSummarySchema.safeParse(parseJson(json));
      return line.success ? [[uid, line.data] as const] : [];
    }),
  );
  if (lastSeenMs === null && owner === null && planner === 0 && renewed.length === 0 && lines.size === 0) {
    return undefined;
  }
  const pods: PodFacts[] = [];
  for (let from = 0; from < renewed.length; from += 2 * PODS_AT_ONCE) {
    const reading: Promise<PodFacts>[] = [];
    for (let at = from; at < Math.min(renewed.length, from + 2 * PODS_AT_ONCE); at += 2) {
      reading.push(readPod(redis, keys, renewed[at] ?? '', Number(renewed[at + 1])));
    }
    pods.push(...(await Promise.all(reading)));
  }
  return clusterStatus({ cluster, owner, planner: planner === 1, lastSeenMs }, pods, lines, nowMs);
}

async function readPod(redis: Redis, keys: ClusterKeys, pod: string, renewedMs: number): Promise<PodFacts> {
  const [session, slots, reports] = await Promise.all([
    redis.get(keys.session(pod)),
    redis.hgetall(keys.assign(pod)),
    redis.hgetall(keys.report(pod)),
  ]);
  return {
    pod,
    renewedMs,
    slots: new Map(Object.entries(slots).map(([id, json]) => [id, decodeSlot(json)])),
    session: session === null ? undefined : decodeSession(session),
    reports: new Map(
      Object.entries(reports).flatMap(([id, json]) => {
        const report = decodeReport(json);
        return report === undefined ? [] : [[id, report] as const];
      }),
    ),
  };
}

/** A key of another type holds no queue; the connectors say so as a fault. */
async function queueLength(redis: Redis, queue: string): Promise<number> {
  try {
    return await redis.llen(queue);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return 0;
    throw error;
  }
}

function contractOf(stored: Record<string, string>): FleetStatus['contract'] {
  const { bucketMs, subBuckets, windowMs, shards } = stored;
  if (bucketMs === undefined) return null;
  return {
    bucketMs: Number(bucketMs),
    subBuckets: Number(subBuckets),
    windowMs: Number(windowMs),
    shards: Number(shards),
  };
}

const numberOf = (text: string | undefined): number | null => (text === undefined ? null : Number(text));

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
