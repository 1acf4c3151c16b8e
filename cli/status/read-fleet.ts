import { botSummarySchema } from '../../core/bot-summary.ts';
import type { StatusConfig } from '../../core/config.ts';
import { CLUSTERS_KEY, CONTRACT_KEY, clusterKeys } from '../../core/keys.ts';
import { checkRedisVersion, type Redis, redisTimeMs } from '../../core/redis.ts';
import { decodeReport } from '../../core/report.ts';
import { decodeSession } from '../../core/session.ts';
import { type ClusterStatus, clusterStatus, type FleetStatus, type PodFacts } from './fleet-status.ts';

/** Reads the fleet from Redis, and nothing but Redis; writes nothing. @throws when Redis does not answer */
export async function readFleet(redis: Redis, config: StatusConfig): Promise<FleetStatus> {
  const { queue, cluster } = config;
  const version = await checkRedisVersion(redis);
  const seen = await redis.hgetall(CLUSTERS_KEY);
  const names = cluster === undefined ? Object.keys(seen).sort() : [cluster];
  const clusters: ClusterStatus[] = [];
  for (const name of names) clusters.push(await readCluster(redis, name, numberOf(seen[name])));
  return {
    atMs: await redisTimeMs(redis),
    redis: version,
    queue: { name: queue.name, length: await queueLength(redis, queue.name), max: queue.max },
    contract: contractOf(await redis.hgetall(CONTRACT_KEY)),
    clusters,
  };
}

async function readCluster(redis: Redis, cluster: string, lastSeenMs: number | null): Promise<ClusterStatus> {
  const keys = clusterKeys(cluster);
  const [owner, planner, names, bots] = await Promise.all([
    redis.get(keys.owner),
    redis.exists(keys.planner),
    redis.zrange(keys.pods, '0', '-1'),
    redis.hvals(keys.bots),
  ]);
  const pods = await Promise.all(names.map((pod) => readPod(redis, keys, pod)));
  const lines = bots.flatMap((json) => {
    const line = botSummarySchema.safeParse(parseJson(json));
    return line.success ? [line.data] : [];
  });
  return clusterStatus({ cluster, owner, planner: planner === 1, lastSeenMs }, pods, lines);
}

async function readPod(redis: Redis, keys: ReturnType<typeof clusterKeys>, pod: string): Promise<PodFacts> {
  const [session, slotIDs, reports] = await Promise.all([
    redis.get(keys.session(pod)),
    redis.hkeys(keys.assign(pod)),
    redis.hgetall(keys.report(pod)),
  ]);
  return {
    ...{ pod, slotIDs },
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
