import type { StandaloneConfig } from '../../core/config/config.ts';
import { ConfigError } from '../../core/config/config-input.ts';
import { standaloneOwner } from '../../core/config/standalone-owner.ts';
import { systemClock } from '../../core/process/clock.ts';
import { type Lifecycle, live } from '../../core/process/lifecycle.ts';
import { createLog, type Log } from '../../core/process/log.ts';
import { createRegistry } from '../../core/process/metrics.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import { DEFAULT_CONTRACT } from '../../core/protocol/contract.ts';
import { FleetKeyring } from '../../core/protocol/fleet-keyring.ts';
import { clusterKeys, queueKeys } from '../../core/protocol/keys.ts';
import { waitForRedis } from '../../core/protocol/wait-for-redis.ts';
import { connectRedis } from '../../core/redis/ioredis-client.ts';
import type { Redis, RedisOfRole, RedisRole } from '../../core/redis/redis.ts';
import { BotSummaries } from '../../operator/fleet/bot-summaries.ts';
import { Planner } from '../../operator/fleet/planner.ts';
import { claimScope, ScopeOwnedError } from '../../operator/fleet/scope-owner.ts';
import type { Rotation } from '../../operator/rotation/rotations.ts';
import { ConnectorChildren } from './connectors/connector-children.ts';
import { type ConnectorCommand, connectorCommand } from './connectors/connector-command.ts';
import { connectorSetOf, connectorSpecs } from './connectors/connector-specs.ts';
import { EventTotals } from './connectors/event-totals.ts';
import { whereabouts } from './connectors/find-runtimes.ts';
import { type Console, PlainConsole, TerminalConsole } from './console/console.ts';
import { QueueProbe } from './console/queue-probe.ts';
import { ShutdownReport } from './console/shutdown-report.ts';
import { emptyDirectoryRemedy, startupLines } from './console/startup-lines.ts';
import { ControlPlane } from './control-plane.ts';
import { followDirectory } from './follow-directory.ts';
import { BotsDirectory } from './manifests/bots-directory.ts';
import { type StandaloneMetrics, standaloneMetrics, startMetricsServer } from './metrics.ts';
import { StateFolder } from './objects/state-folder.ts';
import { startRotations } from './rotations.ts';
import type { Run } from './run.ts';

/** Beyond the connectors' own grace, before they are killed; and what the rest takes after that. */
const KILL_AFTER_MS = 3_000;
const STOP_REST_MS = 5_000;
const KEY_FILE_MS = 60_000;
const SHOW_MS = 1_000;

/**
 * `relax standalone`: the operator's part in this process, with a directory in place of an API server, and connectors as
 * child processes, until `signal` aborts.
 * @throws what waiting does not fix: an unreadable directory, a Redis too old, another fleet contract, a taken cluster name
 */
export async function runStandalone(config: StandaloneConfig, plainLog: Log, signal: AbortSignal): Promise<void> {
  const { console, log } = consoleOf(config, plainLog);
  try {
    await live(log, signal, config.graceMs + KILL_AFTER_MS + STOP_REST_MS, (lifecycle) =>
      start({ config, console, log, lifecycle, signal: AbortSignal.any([signal, lifecycle.signal]) }),
    );
  } finally {
    console.end();
  }
}

function consoleOf(config: StandaloneConfig, plainLog: Log): { console: Console; log: Log } {
  if (!process.stdout.isTTY) {
    return { console: new PlainConsole((text) => process.stdout.write(text), plainLog), log: plainLog };
  }
  const terminal = new TerminalConsole(process.stdout);
  const to = { write: (line: string) => terminal.logLine(line) };
  return { console: terminal, log: createLog({ program: 'standalone', level: config.logLevel, to }) };
}

async function start(run: Run): Promise<void> {
  const { config, console, log, lifecycle, signal } = run;
  const command = commandOf(run);
  const directory = new BotsDirectory(config.botsDirectory, systemClock);
  await directory.open();
  const state = new StateFolder(config.cluster);
  await lifecycle.part(
    'state folder',
    () => state.lock(),
    () => state.unlock(),
  );
  const keyFile = config.fleetKeyFile ?? state.fleetKeyFile();
  const keyring = new FleetKeyring(keyFile, log);
  const keys = clusterKeys(config.cluster);

  let notReady = (): readonly string[] => ['Redis has not answered yet: check RELAX_REDIS_URL'];
  let rotations: Rotation | undefined;
  const controlPlane = new ControlPlane(state.readRegistry(), {
    clock: systemClock,
    get rotation() {
      return rotations;
    },
    planner: { view: () => planner.view(), nudge: () => planner.nudge() },
  });
  const eventTotals = new EventTotals();
  const metrics = await serveMetrics(run, { controlPlane, eventTotals }, keyFile, () => notReady());
  const redis = await openRedis(run, 'command');
  const subscriber = await openRedis(run, 'subscriber');
  const owner = standaloneOwner(config.botsDirectory);
  const onWait = (words: string): void => {
    notReady = () => [words];
  };
  if (!(await takeCluster(run, redis, owner, onWait))) return;

  const queueProbe = new QueueProbe(redis, config.queue, systemClock);
  const sockets = (): number => planner.view().pods.reduce((sum, pod) => sum + pod.live, 0);
  await lifecycle.part(
    'shutdown report',
    () => new ShutdownReport({ config, console, signal, eventTotals, queueProbe, sockets }),
    (report) => report.print(),
  );
  const summaries = await lifecycle.part(
    'summaries',
    () => new BotSummaries({ redis, key: keys.bots, leads: () => planner.leads(), log }),
    (started) => started.stop(),
  );
  const changed = new Map<string, BotSummary>();
  const look = (uids: ReadonlySet<string>): void => {
    for (const [uid, line] of controlPlane.look(uids)) {
      summaries.set(uid, line);
      if (line !== undefined) changed.set(uid, line);
    }
  };
  const connectorSet = connectorSetOf(config);
  const planner: Planner = new Planner({
    redis,
    subscriber,
    keys,
    queueKeys: queueKeys(config.queue.name),
    cluster: config.cluster,
    owner,
    clock: systemClock,
    log,
    windowMs: config.dedupe.windowMs,
    fleetKeys: () => keyring.keys,
    // A restart with fewer connectors leaves at once those that no longer exist.
    connectorSet: () => connectorSet,
    desired: () => controlPlane.desired(),
    onView: (uids) => look(uids),
    observer: metrics.planner,
  });
  await lifecycle.part(
    'planner',
    () => planner.start(),
    () => planner.stop(),
  );
  summaries.start();
  rotations = await startRotations(config, lifecycle, {
    redis,
    fleetKeys: () => keyring.keys,
    planner,
    metrics,
    look,
    log,
  });
  await startConnectors(run, { command, keyFile, owner, eventTotals, metrics });
  notReady = () => planner.faults();

  every(lifecycle, 'fleet key file', KEY_FILE_MS, () => keyring.reload());
  every(lifecycle, 'console', SHOW_MS, () => {
    void queueProbe
      .probe((lengths) => eventTotals.setQueueLengths(lengths))
      .then(() => {
        if (signal.aborted) return;
        look(new Set());
        show(run, { controlPlane, planner, changed, eventTotals, queueProbe });
        changed.clear();
      });
  });
  const taken = (): void => {
    look(new Set());
    planner.nudge();
  };
  followDirectory(run, { directory, state, controlPlane, redis, taken });
}

/** The metrics of this process. Also says the first lines, which name their port. */
async function serveMetrics(
  { config, console, log, lifecycle }: Run,
  { controlPlane, eventTotals }: Pick<Shown, 'controlPlane' | 'eventTotals'>,
  keyFile: string,
  notReady: () => readonly string[],
): Promise<StandaloneMetrics> {
  const registry = createRegistry('standalone');
  const metrics = standaloneMetrics(registry, {
    totals: () => controlPlane.totals(),
    problems: () => controlPlane.problems.length,
    queue: () => eventTotals.lengths,
  });
  const checks = { registry, notReady, notAlive: () => lifecycle.notAlive() };
  const server = await lifecycle.part(
    'http server',
    () => startMetricsServer(config.http, checks, log),
    (started) => started?.stop(),
  );
  for (const line of startupLines(config, keyFile, server?.port)) console.say(line);
  log.info({ cluster: config.cluster, port: server?.port }, 'starting standalone');
  return metrics;
}

/** Waits for Redis, and claims the cluster's name there. @returns false when told to stop before */
function takeCluster(
  { config, log, signal }: Run,
  redis: Redis,
  owner: string,
  onWait: (words: string) => void,
): Promise<boolean> {
  const { cluster, takeOver, allowEviction } = config;
  const contract = { ...DEFAULT_CONTRACT, ...config.dedupe };
  const ask = () => claimScope(redis, clusterKeys(cluster), { cluster, owner, takeOver });
  const isFinal = (error: unknown): boolean => error instanceof ScopeOwnedError;
  return waitForRedis(redis, { contract, allowEviction, tellNotes: true, ask, isFinal, onWait }, log, signal);
}

/** @throws ConfigError when the runtime that was asked for is not here */
function commandOf({ config, log }: Run): ConnectorCommand {
  const command = connectorCommand(config.connectorRuntime, whereabouts(process.env));
  if ('mistake' in command) throw new ConfigError('standalone', [command.mistake]);
  const { runtime, warning } = command;
  if (warning !== undefined) log.warn({ warning }, 'connectors run on another runtime');
  log.info({ runtime }, 'runtime of the connectors');
  return command;
}

async function startConnectors(
  { config, console, log, lifecycle }: Run,
  parts: {
    command: ConnectorCommand;
    keyFile: string;
    owner: string;
    eventTotals: EventTotals;
    metrics: StandaloneMetrics;
  },
): Promise<void> {
  const { command, keyFile, owner, eventTotals, metrics } = parts;
  const children = new ConnectorChildren({
    command,
    specs: connectorSpecs(config, keyFile, owner, process.env),
    log,
    onLine: (_pod, line) => console.logLine(line),
    onMessage: (pod, message) => eventTotals.heard(pod, message, systemClock.monotonicMs()),
    onRestart: (pod) => {
      eventTotals.ended(pod);
      metrics.restarted();
    },
  });
  await lifecycle.part(
    'connectors',
    () => children.start(),
    () => children.stop(config.graceMs + KILL_AFTER_MS),
  );
}

interface Shown {
  controlPlane: ControlPlane;
  planner: Planner;
  /** Since the last call. */
  changed: ReadonlyMap<string, BotSummary>;
  eventTotals: EventTotals;
  queueProbe: QueueProbe;
}

function show({ config, console }: Run, { controlPlane, planner, changed, eventTotals, queueProbe }: Shown): void {
  console.show({
    lines: controlPlane.summaries,
    view: planner.view(),
    faults: [
      ...planner.faults(),
      ...controlPlane.problems,
      ...(controlPlane.empty ? [emptyDirectoryRemedy(config)] : []),
    ],
    changed: [...changed.values()],
    queue: config.queue.name,
    events: eventTotals.read(systemClock.monotonicMs()),
    nowMs: queueProbe.nowMs(),
  });
}

function openRedis<R extends RedisRole>({ config, log, lifecycle }: Run, role: R): Promise<RedisOfRole[R]> {
  return lifecycle.part(
    `redis ${role}`,
    () => {
      const connection = connectRedis(config.redis, role, 'standalone', log);
      // It tries again by itself, and says why.
      connection.connect().catch(() => undefined);
      return connection;
    },
    (connection) => connection.close(),
  );
}

function every(lifecycle: Lifecycle, name: string, ms: number, work: () => void): void {
  void lifecycle.part(name, () => setInterval(work, ms), clearInterval);
}
