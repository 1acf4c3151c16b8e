import { randomUUID } from 'node:crypto';
import type { ConnectorConfig } from '../core/config/config.ts';
import { systemClock } from '../core/process/clock.ts';
import { startHttpServer } from '../core/process/http-server.ts';
import { type Lifecycle, live } from '../core/process/lifecycle.ts';
import type { Log } from '../core/process/log.ts';
import { createRegistry } from '../core/process/metrics.ts';
import { fileShortage, readOpenFilesLimit } from '../core/process/open-files.ts';
import { DEFAULT_CONTRACT, type FleetContract } from '../core/protocol/contract.ts';
import { FleetKeyring } from '../core/protocol/fleet-keyring.ts';
import { waitForRedis } from '../core/protocol/wait-for-redis.ts';
import { connectRedis } from '../core/redis/ioredis-client.ts';
import type { RedisOfRole, RedisRole } from '../core/redis/redis.ts';
import { RedisClock } from '../core/redis/redis-clock.ts';
import { useEgressProxy } from '../core/slack/egress-proxy.ts';
import { Connector } from './connector.ts';
import { type ParentReport, parentReport, type TellParent } from './parent-report.ts';

/** For what is still open when the program ends, by a fault or after draining: sockets 2 s, the buffer 2 s, the session. */
const STOP_DEADLINE_MS = 5_000;

/**
 * `relax connector`: runs the slots that are assigned to this pod until `signal` aborts, then drains.
 * @param tell reports to the parent process, if that asked for it when it forked this one
 * @throws for what waiting cannot fix: an unreadable key file, a Redis too old or one that evicts, another fleet contract, a
 * taken port
 */
export async function runConnector(
  config: ConnectorConfig,
  log: Log,
  signal: AbortSignal,
  tell?: TellParent,
): Promise<void> {
  await live(log, signal, STOP_DEADLINE_MS, (lifecycle) => run(config, log, signal, lifecycle, tell), config.graceMs);
}

async function run(
  config: ConnectorConfig,
  log: Log,
  signal: AbortSignal,
  lifecycle: Lifecycle,
  tell: TellParent | undefined,
): Promise<void> {
  const { cluster, zone, http } = config;
  const incarnation = randomUUID();
  const keyring = new FleetKeyring(config.fleetKeyFile, log);
  const metrics = createRegistry('connector');
  const contract: FleetContract = { ...DEFAULT_CONTRACT, ...config.dedupe };
  const redisClock = new RedisClock(systemClock);

  // Probes are answered from the first moment: a pod that waits for Redis must not be killed for it.
  let notReady = (): readonly string[] => ['Redis has not answered yet: check RELAX_REDIS_URL'];
  const server = await lifecycle.part(
    'http server',
    () =>
      startHttpServer(http, {
        registry: metrics,
        notReady: () => notReady(),
        notAlive: () => lifecycle.notAlive(),
      }),
    (started) => started.stop(),
  );
  log.info({ cluster, zone, incarnation, port: server.port }, 'starting connector');
  const shortage = fileShortage(readOpenFilesLimit(), config.capacity);
  if (shortage !== undefined) log.warn({ shortage }, 'too few open files for all sockets');

  const redis = <R extends RedisRole>(role: R, name: string): Promise<RedisOfRole[R]> =>
    lifecycle.part(
      `redis ${name}`,
      () => open(config, role, name, log),
      (connection) => connection.close(),
    );
  const control = await redis('command', 'control');
  const queue = await redis('command', 'queue');
  const subscriber = await redis('subscriber', 'control');
  const answers = await redis('blocking', 'answers');
  const commands = config.commands === undefined ? undefined : await redis('blocking', 'commands');
  const ask = () => redisClock.sync(control);
  const onWait = (words: string): void => {
    notReady = () => [words];
  };
  const redisNeeds = { contract, allowEviction: config.allowEviction, tellNotes: false, ask, onWait };
  if (!(await waitForRedis(control, redisNeeds, log, AbortSignal.any([signal, lifecycle.signal])))) return;

  const proxy = useEgressProxy(process.env);
  const connections = { control, queue, subscriber, answers, commands };
  const parts = { config, incarnation, contract, keyring, metrics, redisClock, ...connections, proxy, log };
  let counts = (): ParentReport | undefined => undefined;
  // Ends after the connector, because it reports the connector's last events.
  await lifecycle.part(
    'report to the parent',
    () => tell?.(() => counts()),
    (end) => end?.(),
  );
  const connector = await lifecycle.part(
    'connector',
    () => new Connector(parts),
    (started) => started.stop(),
  );
  notReady = () => connector.notReady();
  counts = () => parentReport(connector.counts());
  connector.start();
  await lifecycle.untilStopped(signal);
  if (!lifecycle.signal.aborted) await connector.drain();
}

function open<R extends RedisRole>(config: ConnectorConfig, role: R, name: string, log: Log): RedisOfRole[R] {
  const connection = connectRedis(config.redis, role, `connector-${config.pod}-${name}`, log);
  // The client retries by itself, and logs why.
  connection.connect().catch(() => undefined);
  return connection;
}
