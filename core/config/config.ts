import type { HttpSettings } from '../process/http-server.ts';
import type { RuntimeName } from '../process/runtime.ts';
import { proxyMistake } from '../slack/egress-proxy.ts';
import { ConfigError, type ConfigInput, readSettings, thisMachine, type Values } from './config-input.ts';
import { contradictions } from './contradictions.ts';
import type { Program } from './setting.ts';
import { settings } from './settings.ts';
import {
  type CommonConfig,
  common,
  type DedupeSettings,
  dedupe,
  type EventSettings,
  events,
  type FleetSettings,
  http,
  type QueueSettings,
  queue,
} from './shared-config.ts';
import { standaloneCluster } from './standalone-owner.ts';

/** What each program is configured with: parsed once at start from environment and flags, then frozen. */

export interface ConnectorConfig extends CommonConfig, EventSettings {
  program: 'connector';
  fleetKeyFile: string;
  cluster: string;
  /** Of the installation that it is part of (`core/protocol/scope.ts`). */
  owner: string | undefined;
  pod: string;
  zone: string;
  /** What it was meant to be started on; undefined: nothing was said. */
  runtime: RuntimeName | undefined;
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
  /** Undefined: Bun where there is one, else Node. */
  connectorRuntime: RuntimeName | undefined;
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
      runtime: values.find(settings.connectorRuntime),
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
      connectorRuntime: values.find(settings.connectorRuntime),
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

/** And so goes through the proxy of the environment. */
const CALLS_SLACK: readonly Program[] = ['operator', 'connector', 'standalone'];

function configure<C extends object>(
  program: Program,
  input: ConfigInput,
  build: (values: Values, warnings: string[]) => C,
): Configured<C> {
  const { values, mistakes, warnings } = readSettings(program, input);
  mistakes.push(...contradictions(values));
  const mistake = CALLS_SLACK.includes(program) ? proxyMistake(input.env) : undefined;
  if (mistake !== undefined) mistakes.push(mistake);
  if (mistakes.length > 0) throw new ConfigError(program, mistakes);
  return deepFreeze({ config: build(values, warnings), warnings });
}

const machineOf = (input: ConfigInput) => input.machine ?? thisMachine();

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
