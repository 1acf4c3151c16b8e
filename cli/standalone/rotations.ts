import type { StandaloneConfig } from '../../core/config/config.ts';
import type { Lifecycle } from '../../core/process/lifecycle.ts';
import type { Log } from '../../core/process/log.ts';
import type { FleetKey } from '../../core/protocol/seal.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { useEgressProxy } from '../../core/slack/egress-proxy.ts';
import { createWebApi } from '../../core/slack/web-api.ts';
import type { Planner } from '../../operator/fleet/planner.ts';
import { Rotations } from '../../operator/rotation/rotations.ts';
import type { StandaloneMetrics } from './metrics.ts';

/** Tokens are refreshed here as by an operator. Manifests are never written, so the newest pairs are in Redis only. */
export function startRotations(
  config: Pick<StandaloneConfig, 'cluster' | 'slackApiUrl'>,
  lifecycle: Lifecycle,
  parts: {
    redis: Redis;
    fleetKeys: () => readonly FleetKey[];
    planner: Pick<Planner, 'leads'>;
    metrics: Pick<StandaloneMetrics, 'rotation'>;
    look: (uids: ReadonlySet<string>) => void;
    log: Log;
  },
): Promise<Rotations> {
  const { redis, fleetKeys, planner, metrics, look, log } = parts;
  useEgressProxy(process.env);
  const rotations = new Rotations({
    redis,
    cluster: config.cluster,
    webApi: createWebApi({ apiUrl: config.slackApiUrl }),
    fleetKeys,
    mayRefresh: () => planner.leads(),
    onChange: (uids) => look(new Set(uids)),
    observer: metrics.rotation,
    log,
  });
  return lifecycle.part(
    'rotation of tokens',
    () => {
      rotations.start();
      return rotations;
    },
    () => rotations.stop(),
  );
}
