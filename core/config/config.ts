import { createHash } from 'node:crypto';
import type { HttpSettings } from '../process/http-server.ts';
import type { LogLevel } from '../process/log.ts';
import { longestWaitMs } from '../protocol/dedupe-window.ts';
import { commandsListFault, urgentListFault } from '../protocol/keys.ts';
import type { RedisSettings } from '../redis/redis.ts';
import { ConfigError, type ConfigInput, readSettings, thisMachine, type Values } from './config-input.ts';
import type { Program } from './setting.ts';
import type { Machine } from './setting-kind.ts';
import { settings } from './settings.ts';

/** What each program is configured with: parsed once at start from environment and flags, then frozen. */

/** Common to the long-running programs, unlike `relax status` and `relax send`. */
interface FleetSettings {
  /** The one evicting maxmemory-policy of Redis that is accepted. */
  allowEviction: string | undefined;
}

interface CommonConfig {
  redis: RedisSettings;
  logLevel: LogLevel;
}

interface QueueSettings {
  name: string;
  /** List of urgent events; undefined when they go to the queue, too. */
  urgent: string | undefined;
  /** Items on each of the two; 0 means no limit. */
  max: number;
}

/** Part of the fleet contract: all programs of one Redis must agree. */
interface DedupeSettings {
  windowMs: number;
  subBuckets: number;
}

interface BufferSettings {
  bytes: number;
  /** Age of the oldest event at which reading pauses. */
  ageMs: number;
}

/** What a program needs to bring events to the queue. */
interface EventSettings extends FleetSettings {
  queue: QueueSettings;
  /** List of the messages that applications send; undefined: none are sent. */
  commands: string | undefined;
  dedupe: DedupeSettings;
  buffer: BufferSettings;
  /** Maximum number of sockets of one connector. */
  capacity: number;
  graceMs: number;
  /** Ends in a slash. */
  slackApiUrl: string;
}

export interface ConnectorConfig extends CommonConfig, EventSettings {
  program: 'connector';
  fleetKeyFile: string;
  cluster: string;
  /** Of the installation that it is part of (`core/protocol/scope.ts`). */
  owner: string | undefined;
  pod: string;
  zone: string;
  http: HttpSettings;
}

export interface OperatorConfig extends CommonConfig, FleetSettings {
  program: 'operator';
  queue: { name: string };
  dedupe: DedupeSettings;
  fleetKeyFile: string;
  /** Undefined: the uid of the kube-system namespace. */
  cluster: string | undefined;
  /** Identity of this operator in the Lease. */
  pod: string;
  leaderNamespace: string;
  /** Undefined: not known. */
  connectorSet: string | undefined;
  /** Empty: all namespaces. */
  watchNamespaces: readonly string[];
  statusWritesPerSecond: number;
  /** Ends in a slash. */
  slackApiUrl: string;
  /** Whether refreshed tokens are written into their Secrets. */
  credentialsWriteBack: boolean;
  /** One path or several, separated by colons; undefined: the pod's service account, else the user's own. */
  kubeconfig: string | undefined;
  /** Only removes the finalizers, then exits. */
  releaseFinalizers: boolean;
  /** With releaseFinalizers: only of what is in none of these; undefined: of everything. */
  keepNamespaces: readonly string[] | undefined;
  takeOver: boolean;
  http: HttpSettings;
}

export interface StandaloneConfig extends CommonConfig, EventSettings {
  program: 'standalone';
  /** Absolute path. */
  botsDirectory: string;
  connectors: number;
  /** Connector n runs in zone n modulo their number. */
  zones: readonly string[];
  cluster: string;
  /** Undefined: makes one of its own. */
  fleetKeyFile: string | undefined;
  takeOver: boolean;
  http: HttpSettings;
  /** Settings given here that also apply to a connector: the base of each child's environment. */
  connectorEnv: Readonly<Record<string, string>>;
}

export interface SendConfig extends CommonConfig {
  program: 'send';
  /** List that connectors take messages from; undefined: none are sent. */
  commands: string | undefined;
}

export interface StatusConfig extends CommonConfig {
  program: 'status';
  queue: QueueSettings;
  /** Undefined: every cluster that uses this Redis. */
  cluster: string | undefined;
  output: 'table' | 'json';
}

export interface Configured<C> {
  config: Readonly<C>;
  /** For the log, once, at start. */
  warnings: readonly string[];
}

/** @throws ConfigError with all mistakes. */
export function connectorConfig(input: ConfigInput): Configured<ConnectorConfig> {
  return configure('connector', input, (values, warnings) => {
    const pod = values.find(settings.pod) ?? machineOf(input).hostname;
    const zone = values.find(settings.zone);
    if (zone === undefined) {
      warnings.push(
        'RELAX_ZONE is not set: this pod counts as a zone of its own, so redundancy over zones is not known',
      );
    }
    return {
      program: 'connector',
      ...common(values),
      ...events(values),
      fleetKeyFile: values.get(settings.fleetKeyFile),
      cluster: values.get(settings.cluster),
      owner: values.find(settings.owner),
      pod,
      zone: zone ?? `unknown-${pod}`,
      http: http(values),
    };
  });
}

/** @throws ConfigError with all mistakes. */
export function operatorConfig(input: ConfigInput): Configured<OperatorConfig> {
  return configure('operator', input, (values, warnings) => {
    if (values.find(settings.keepNamespaces) !== undefined && !values.get(settings.releaseFinalizers)) {
      warnings.push('--keep-namespaces means nothing without --release-finalizers');
    }
    return {
      program: 'operator',
      ...common(values),
      allowEviction: values.find(settings.allowEviction),
      queue: { name: values.get(settings.queue) },
      dedupe: dedupe(values),
      fleetKeyFile: values.get(settings.fleetKeyFile),
      cluster: values.find(settings.cluster),
      pod: values.find(settings.pod) ?? machineOf(input).hostname,
      leaderNamespace: values.find(settings.leaderNamespace) ?? podNamespace(input),
      connectorSet: values.find(settings.connectorSet),
      watchNamespaces: values.find(settings.watchNamespaces) ?? [],
      statusWritesPerSecond: values.get(settings.statusWrites),
      slackApiUrl: values.get(settings.slackApiUrl),
      credentialsWriteBack: values.get(settings.credentialsWriteBack),
      kubeconfig: values.find(settings.kubeconfig),
      releaseFinalizers: values.get(settings.releaseFinalizers),
      keepNamespaces: values.find(settings.keepNamespaces),
      takeOver: values.get(settings.takeOver),
      http: http(values),
    };
  });
}

/** @throws ConfigError with all mistakes. */
export function standaloneConfig(input: ConfigInput): Configured<StandaloneConfig> {
  return configure('standalone', input, (values) => {
    const botsDirectory = values.get(settings.bots);
    return {
      program: 'standalone',
      ...common(values),
      ...events(values),
      botsDirectory,
      connectors: values.get(settings.connectors),
      zones: values.get(settings.zones),
      cluster: values.find(settings.cluster) ?? standaloneCluster(machineOf(input).hostname, botsDirectory),
      fleetKeyFile: values.find(settings.fleetKeyFile),
      takeOver: values.get(settings.takeOver),
      http: http(values),
      connectorEnv: Object.fromEntries(values.given),
    };
  });
}

/** @throws ConfigError with all mistakes. */
export function statusConfig(input: ConfigInput): Configured<StatusConfig> {
  return configure('status', input, (values) => ({
    program: 'status',
    ...common(values),
    queue: queue(values),
    cluster: values.find(settings.cluster),
    output: values.get(settings.output),
  }));
}

/** @throws ConfigError with all mistakes. */
export function sendConfig(input: ConfigInput): Configured<SendConfig> {
  return configure('send', input, (values) => ({
    program: 'send',
    ...common(values),
    commands: values.get(settings.commands) || undefined,
  }));
}

function configure<C extends object>(
  program: Program,
  input: ConfigInput,
  build: (values: Values, warnings: string[]) => C,
): Configured<C> {
  const { values, mistakes, warnings } = readSettings(program, input);
  mistakes.push(...contradictions(values));
  if (mistakes.length > 0) throw new ConfigError(program, mistakes);
  return deepFreeze({ config: build(values, warnings), warnings });
}

/** Values that are valid individually but not together. Values that were refused, or that the program lacks, are skipped. */
function contradictions(values: Values): string[] {
  const mistakes: string[] = [];
  const url = values.find(settings.redisUrl);
  const redis = url === undefined ? undefined : new URL(url);
  if (redis?.protocol === 'redis:' && values.find(settings.redisCaFile) !== undefined) {
    mistakes.push('RELAX_REDIS_CA_FILE has no effect without TLS: write rediss:// in RELAX_REDIS_URL, or remove it');
  }
  // The client prefers what the URL says, so a rotated password file would be silently ignored.
  if (redis !== undefined && redis.password !== '' && values.find(settings.redisPasswordFile) !== undefined) {
    mistakes.push('RELAX_REDIS_URL and RELAX_REDIS_PASSWORD_FILE both give a password: take it out of the URL');
  }
  if (redis !== undefined && redis.username !== '' && values.find(settings.redisUsername) !== undefined) {
    mistakes.push('RELAX_REDIS_URL and RELAX_REDIS_USERNAME both give a user name: take it out of the URL');
  }
  const queue = values.find(settings.queue);
  const urgent = values.find(settings.queueUrgent);
  const urgentFault = queue === undefined || urgent === undefined ? undefined : urgentListFault(queue, urgent);
  if (urgentFault !== undefined) mistakes.push(urgentFault);
  const commands = values.find(settings.commands);
  const commandsFault = queue === undefined || !commands ? undefined : commandsListFault(commands, queue);
  if (commandsFault !== undefined) mistakes.push(commandsFault);
  const windowSeconds = values.find(settings.dedupeWindow);
  const bufferSeconds = values.find(settings.bufferSeconds);
  const longestSeconds = windowSeconds === undefined ? undefined : longestWaitMs(windowSeconds * 1000) / 1000;
  if (longestSeconds !== undefined && bufferSeconds !== undefined && bufferSeconds > longestSeconds) {
    mistakes.push(
      `RELAX_BUFFER_SECONDS ${bufferSeconds} is more than half of RELAX_DEDUPE_WINDOW_SECONDS ${windowSeconds}: ` +
        `an event could leave the buffer after its mark is gone. Set at most ${Math.floor(longestSeconds)}`,
    );
  }
  return mistakes;
}

const machineOf = (input: ConfigInput) => input.machine ?? thisMachine();

const common = (values: Values): CommonConfig => ({
  redis: {
    url: values.get(settings.redisUrl),
    username: values.find(settings.redisUsername),
    passwordFile: values.find(settings.redisPasswordFile),
    caFile: values.find(settings.redisCaFile),
  },
  logLevel: values.get(settings.logLevel),
});

const queue = (values: Values): QueueSettings => ({
  name: values.get(settings.queue),
  urgent: values.find(settings.queueUrgent),
  max: values.get(settings.queueMax),
});

const dedupe = (values: Values): DedupeSettings => ({
  windowMs: values.get(settings.dedupeWindow) * 1000,
  subBuckets: values.get(settings.dedupeSubBuckets),
});

const events = (values: Values): EventSettings => ({
  allowEviction: values.find(settings.allowEviction),
  queue: queue(values),
  commands: values.get(settings.commands) || undefined,
  dedupe: dedupe(values),
  buffer: { bytes: values.get(settings.bufferBytes), ageMs: values.get(settings.bufferSeconds) * 1000 },
  capacity: values.get(settings.capacity),
  graceMs: values.get(settings.grace) * 1000,
  slackApiUrl: values.get(settings.slackApiUrl),
});

const http = (values: Values): HttpSettings => ({
  port: values.get(settings.metricsPort),
  host: values.get(settings.metricsHost),
});

/** Two directories, or the same path on two machines, never share assignments. */
function standaloneCluster(host: string, directory: string): string {
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 8);
  return `${host.replaceAll(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'host'}-${digest}`;
}

const MACHINE_ID = '/etc/machine-id';

/**
 * Who owns the scope of a standalone installation. Host names repeat ("ubuntu", "localhost"), so the machine's own id is
 * part of it where there is one.
 */
export function standaloneOwner(directory: string, machine: Machine = thisMachine()): string {
  const owner = `standalone:${standaloneCluster(machine.hostname, directory)}`;
  try {
    const id = machine.readFile(MACHINE_ID).trim();
    return id === '' ? owner : `${owner}/${createHash('sha256').update(id).digest('hex').slice(0, 8)}`;
  } catch {
    return owner;
  }
}

const SERVICE_ACCOUNT_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

function podNamespace(input: ConfigInput): string {
  const given = input.env.POD_NAMESPACE?.trim();
  if (given !== undefined && given !== '') return given;
  try {
    return machineOf(input).readFile(SERVICE_ACCOUNT_NAMESPACE).trim() || 'default';
  } catch {
    return 'default';
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
