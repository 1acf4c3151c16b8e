import type { OperatorConfig } from '../core/config/config.ts';
import { startHttpServer } from '../core/process/http-server.ts';
import { type Lifecycle, live } from '../core/process/lifecycle.ts';
import type { Log } from '../core/process/log.ts';
import { createRegistry } from '../core/process/metrics.ts';
import { FleetKeyring } from '../core/protocol/fleet-keyring.ts';
import { connectRedis } from '../core/redis/ioredis-client.ts';
import type { RedisOfRole, RedisRole } from '../core/redis/redis.ts';
import { useEgressProxy } from '../core/slack/egress-proxy.ts';
import { createWebApi } from '../core/slack/web-api.ts';
import { KINDS } from './kinds/registered-kinds.ts';
import { KubeClient, type KubeClientObserver } from './kube/client.ts';
import { loadKubeConfig } from './kube/kube-config.ts';
import { type MetricSources, operatorMetrics } from './metrics.ts';
import { LEASE_NAME, Operator } from './operator.ts';
import { countStates } from './reconcile/object-state.ts';
import { releaseAllFinalizers } from './reconcile/release-finalizers.ts';

/** Within the 30 s that a pod has to end (helm/relax/templates/operator.yaml). */
const STOP_DEADLINE_MS = 20_000;
/** Above the status writes, which have a limit of their own; the API server has priority and fairness for the rest. */
const CALLS_PER_SECOND = 200;
const RELEASE_CALLS_PER_SECOND = 2_000;

/**
 * `relax operator`: reconciles its kinds while it leads, and stands by with all it needs to know while another does.
 * @throws what waiting does not help against: no Kubernetes configuration, a Redis too old, another fleet contract or owner of the
 * cluster scope, a taken port
 */
export async function runOperator(config: OperatorConfig, log: Log, signal: AbortSignal): Promise<void> {
  if (config.releaseFinalizers) {
    await releaseFinalizers(config, log, signal);
    return;
  }
  await live(log, signal, STOP_DEADLINE_MS, (lifecycle) => run(config, log, signal, lifecycle));
}

/** `relax operator --release-finalizers`, run before uninstalling. */
async function releaseFinalizers(config: OperatorConfig, log: Log, signal: AbortSignal): Promise<void> {
  // Nothing else is to be done meanwhile, and somebody waits for it.
  const client = kubeClient(config, {}, RELEASE_CALLS_PER_SECOND);
  const lease = { namespace: config.leaderNamespace, name: LEASE_NAME };
  const kinds = KINDS.map(({ kind }) => kind);
  try {
    const { watchNamespaces: namespaces, keepNamespaces: keep } = config;
    await releaseAllFinalizers({ client, kinds, lease, namespaces, keep, log }, signal);
  } finally {
    await client.close();
  }
}

async function run(config: OperatorConfig, log: Log, outside: AbortSignal, lifecycle: Lifecycle): Promise<void> {
  let operator: Operator | undefined;
  const registry = createRegistry('operator');
  const metrics = operatorMetrics(
    registry,
    sourcesOf(() => operator),
    KINDS.map(({ kind }) => kind),
  );

  // Probes are answered from the first moment: a pod that waits for Redis or the API server must not be killed for it.
  const server = await lifecycle.part(
    'http server',
    () =>
      startHttpServer(config.http, {
        registry,
        notReady: () => operator?.notReady() ?? ['starting'],
        notAlive: () => [...lifecycle.notAlive(), ...(operator?.notAlive() ?? [])],
      }),
    (started) => started.stop(),
  );
  log.info({ pod: config.pod, port: server.port }, 'starting operator');
  // For Slack. The API server is called through connections of our own.
  useEgressProxy(process.env);

  const keyring = new FleetKeyring(config.fleetKeyFile, log);
  const fleetKeys = () => {
    keyring.reload();
    return keyring.keys;
  };
  const client = await lifecycle.part(
    'kubernetes client',
    () => kubeClient(config, metrics.client),
    (started) => started.close(),
  );
  const redis = <R extends RedisRole>(role: R): Promise<RedisOfRole[R]> =>
    lifecycle.part(
      `redis ${role}`,
      () => connect(config, role, log),
      (connection) => connection.close(),
    );
  const parts = { config, client, kinds: KINDS, redis: await redis('command'), subscriber: await redis('subscriber') };
  const webApi = createWebApi({ apiUrl: config.slackApiUrl });
  const made = new Operator({ ...parts, webApi, fleetKeys, metrics, log, fail: (error) => lifecycle.fail(error) });
  operator = await lifecycle.part(
    'operator',
    () => made,
    (started) => started.stop(),
  );
  await operator.start(AbortSignal.any([outside, lifecycle.signal]));
}

function kubeClient(
  config: OperatorConfig,
  observer: KubeClientObserver,
  callsPerSecond = CALLS_PER_SECOND,
): KubeClient {
  return new KubeClient({
    loadConfig: () => loadKubeConfig(config.kubeconfig),
    callsPerSecond,
    callsBurst: 2 * callsPerSecond,
    observer,
  });
}

function connect<R extends RedisRole>(config: OperatorConfig, role: R, log: Log): RedisOfRole[R] {
  const connection = connectRedis(config.redis, role, `operator-${config.pod}`, log);
  // It tries again by itself, and says why.
  connection.connect().catch(() => undefined);
  return connection;
}

/** Metrics may be read before there is an operator. Only the leader reports what concerns the whole fleet. */
function sourcesOf(operator: () => Operator | undefined): MetricSources {
  const control = () => operator()?.control;
  const controllerOf = (name: string) => control()?.controllers.find(({ name: other }) => other === name);
  const led = () => (operator()?.isLeader() === true ? control() : undefined);
  return {
    isLeader: () => operator()?.isLeader() ?? false,
    states: (controller) =>
      (led() === undefined ? undefined : controllerOf(controller)?.countStates()) ?? countStates(),
    isComplete: () => led()?.desired.synced ?? false,
    pods: () => {
      const counts = { up: 0, draining: 0, left: 0, dead: 0 };
      for (const { state } of led()?.planner.view().pods ?? []) counts[state] += 1;
      return counts;
    },
    statusWrites: () => operator()?.statusWrites() ?? { written: 0, failed: 0, waiting: 0 },
    queue: (controller) => ({
      unfinishedSeconds: controllerOf(controller)?.queue.unfinishedWorkSeconds() ?? 0,
      longestSeconds: controllerOf(controller)?.queue.longestRunningSeconds() ?? 0,
    }),
    watches: () => operator()?.watches() ?? [],
  };
}
