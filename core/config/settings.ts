import { LOG_LEVELS } from '../process/log.ts';
import { parseFleetKeys } from '../protocol/seal.ts';
import { redisSettings } from './redis-settings.ts';
import { ALL, EVENTS, FLEET, later, type Program, type Setting, setting } from './setting.ts';
import { choice, commaList, file, folder, integer, slackApiUrl, text, yesOrNo } from './setting-kind.ts';

/**
 * Every setting of every program, as data. Parsing (`core/config/config.ts`), `--help` and docs/configuration.md are all derived
 * from this table, so a setting is added here (or in `redis-settings.ts`, which is part of it) and nowhere else.
 */

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

function fleetKeys(content: string): string | undefined {
  try {
    parseFleetKeys(content);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'unreadable';
  }
}

export const settings = {
  ...redisSettings,
  capacity: setting({
    env: 'RELAX_CAPACITY',
    flag: 'capacity',
    argument: 'sockets',
    kind: integer(1, 100_000),
    fallback: '5000',
    example: '5000',
    doc: 'Maximum number of sockets of one connector.',
    programs: EVENTS,
  }),
  grace: setting({
    env: 'RELAX_GRACE_SECONDS',
    flag: 'grace-seconds',
    argument: 'seconds',
    kind: integer(10, 3600),
    fallback: '120',
    fallbackOf: { standalone: '20' },
    example: '120',
    doc: "Time from SIGTERM until the process must have ended; remaining sockets are closed 5 seconds earlier. Must not exceed the pod's terminationGracePeriodSeconds.",
    programs: EVENTS,
  }),
  statusWrites: setting({
    env: 'RELAX_STATUS_WRITES_PER_SECOND',
    flag: 'status-writes-per-second',
    argument: 'count',
    kind: integer(1, 1000),
    fallback: '50',
    example: '50',
    doc: 'Rate limit for status writes to the Kubernetes API; bad news goes first.',
    programs: ['operator'],
  }),
  watchNamespaces: setting({
    env: 'RELAX_WATCH_NAMESPACES',
    flag: 'watch-namespaces',
    argument: 'list',
    kind: commaList(LABEL, 'Kubernetes namespaces'),
    unset: 'all namespaces',
    example: 'bots,bots-eu',
    doc: 'Namespaces whose SlackBots, SlackApps and Secrets the operator reads.',
    programs: ['operator'],
  }),
  slackApiUrl: setting({
    env: 'RELAX_SLACK_API_URL',
    flag: 'slack-api-url',
    argument: 'url',
    kind: slackApiUrl,
    fallback: 'https://slack.com/api/',
    example: 'https://slack.com/api/',
    doc: "Address of Slack's Web API, or of a proxy or a stand-in for tests in its place. Use plain http:// only on this machine.",
    programs: EVENTS,
  }),
  fleetKeyFile: setting({
    env: 'RELAX_FLEET_KEY_FILE',
    flag: 'fleet-key-file',
    argument: 'path',
    kind: file('a readable file with one key per line, each base64 of 32 bytes (openssl rand -base64 32)', fleetKeys),
    unset: 'standalone creates a key of its own',
    example: '/etc/relax/fleet/keys',
    doc: 'Keys that seal tokens on their way through Redis: the first one seals, all of them open. Operator and connectors must have the same file.',
    programs: FLEET,
    requiredBy: ['operator', 'connector'],
  }),
  cluster: setting({
    env: 'RELAX_CLUSTER',
    flag: 'cluster',
    argument: 'name',
    kind: text(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/, 'a name of letters, digits, dot, colon, dash and underscore'),
    unset:
      'operator: uid of the kube-system namespace; standalone: host name and a digest of the directory; status: all clusters',
    example: 'production-eu',
    doc: 'Scope of sessions and assignments in Redis. It is the same for the operator and the connectors of one installation, and different for each installation.',
    programs: ALL,
    requiredBy: ['connector'],
  }),
  owner: setting({
    env: 'RELAX_OWNER',
    flag: 'owner',
    argument: 'name',
    kind: text(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,399}$/, 'what the operator of this installation calls itself in Redis'),
    unset: 'not known: the owner of the scope is not checked',
    example: '0a1b2c3d-0000-4000-8000-000000000000/relax',
    doc: "Installation that this connector belongs to: uid of the kube-system namespace, a slash, the operator's RELAX_LEADER_NAMESPACE. In a scope of another owner the connector takes nothing. The chart and standalone set it.",
    programs: ['connector'],
  }),
  zone: setting({
    env: 'RELAX_ZONE',
    flag: 'zone',
    argument: 'name',
    kind: text(NAME, 'a name of letters, digits, dot, dash and underscore'),
    unset: 'a zone of its own, unknown-<pod>, with a warning',
    example: 'eu-west-1a',
    doc: "Zone that this connector runs in; the chart sets it from the pod's topology label. A team's sockets are spread over zones.",
    programs: ['connector'],
  }),
  pod: setting({
    env: 'RELAX_POD',
    flag: 'pod',
    argument: 'name',
    kind: text(NAME, 'a name of letters, digits, dot, dash and underscore'),
    unset: 'the host name',
    example: 'relax-connector-0',
    doc: 'Stable name of this instance: a connector that restarts under its name resumes its sockets.',
    programs: ['operator', 'connector'],
  }),
  leaderNamespace: setting({
    env: 'RELAX_LEADER_NAMESPACE',
    flag: 'leader-namespace',
    argument: 'namespace',
    kind: text(LABEL, 'the name of a Kubernetes namespace'),
    unset: "POD_NAMESPACE, else the service account's namespace, else default",
    example: 'relax-system',
    doc: 'Namespace of the Lease that elects the leading operator; also part of the identity that owns the scope. It is the same for all operators of an installation.',
    programs: ['operator'],
  }),
  connectorSet: setting({
    env: 'RELAX_CONNECTOR_SET',
    flag: 'connector-set',
    argument: 'name',
    kind: text(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'the name of a StatefulSet'),
    unset: 'not known: Relax waits for every connector pod that ends',
    example: 'relax-connector',
    doc: "StatefulSet of the connectors in the operator's own namespace (RELAX_LEADER_NAMESPACE); the chart sets it. From its size the operator can tell a pod that restarts from one that will not return, whose sockets are moved at once.",
    programs: ['operator'],
  }),
  kubeconfig: setting({
    env: 'KUBECONFIG',
    flag: 'kubeconfig',
    argument: 'path',
    kind: text(/^\S.*$/, 'the path of a kubeconfig file, or several separated by colons'),
    unset: "the pod's service account, else ~/.kube/config",
    example: './kubeconfig',
    doc: 'Address of the API server and the credentials for it. Not needed in a pod.',
    programs: ['operator'],
  }),
  releaseFinalizers: setting({
    env: undefined,
    flag: 'release-finalizers',
    argument: undefined,
    kind: yesOrNo,
    fallback: 'false',
    example: 'true',
    doc: 'Stops the leading operator, takes finalizer and claim off every SlackBot and SlackApp that it has claimed, and ends: run by the chart when uninstalling, and when a namespace is no longer watched, so that namespaces can be deleted.',
    programs: ['operator'],
  }),
  keepNamespaces: setting({
    env: undefined,
    flag: 'keep-namespaces',
    argument: 'list',
    kind: commaList(LABEL, 'Kubernetes namespaces'),
    unset: 'everything is released',
    example: 'bots,bots-eu',
    doc: 'With --release-finalizers: the namespaces that will still be watched. Only objects in other namespaces are released.',
    programs: ['operator'],
  }),
  takeOver: setting({
    env: 'RELAX_TAKE_OVER',
    flag: 'take-over',
    argument: undefined,
    kind: yesOrNo,
    fallback: 'false',
    example: 'true',
    doc: 'Takes the cluster name over from another owner in Redis, once its operator is gone for good.',
    programs: ['operator', 'standalone'],
  }),
  metricsPort: setting({
    env: 'RELAX_METRICS_PORT',
    flag: 'metrics-port',
    argument: 'port',
    kind: integer(0, 65_535),
    fallback: '9464',
    example: '9464',
    doc: 'Port for /metrics, /healthz and /readyz; 0 takes any free port and logs it.',
    programs: FLEET,
  }),
  metricsHost: setting({
    env: 'RELAX_METRICS_HOST',
    flag: 'metrics-host',
    argument: 'address',
    kind: text(/^[A-Za-z0-9.:-]+$/, 'an address of this machine'),
    fallback: '::',
    fallbackOf: { standalone: '127.0.0.1' },
    example: '127.0.0.1',
    doc: 'Address to listen on for that port; :: means every address, including IPv4.',
    programs: FLEET,
  }),
  logLevel: setting({
    env: 'RELAX_LOG_LEVEL',
    flag: 'log-level',
    argument: 'level',
    kind: choice(LOG_LEVELS),
    fallback: 'info',
    example: 'info',
    doc: 'Lowest level that is logged. Logs are JSON lines; tokens are redacted at every level.',
    programs: ALL,
  }),
  bots: setting({
    env: undefined,
    flag: 'bots',
    argument: 'directory',
    kind: folder,
    example: './bots',
    doc: 'Directory of YAML files with SlackBot, SlackApp and Secret documents; changes are picked up while running.',
    programs: ['standalone'],
    requiredBy: ['standalone'],
  }),
  connectors: setting({
    env: undefined,
    flag: 'connectors',
    argument: 'count',
    kind: integer(1, 64),
    fallback: '2',
    example: '2',
    doc: 'Number of connector processes to run.',
    programs: ['standalone'],
  }),
  zones: setting({
    env: undefined,
    flag: 'zones',
    argument: 'list',
    kind: commaList(NAME, 'zone names'),
    fallback: 'a,b',
    example: 'a,b',
    doc: 'Zones that the connectors are assigned to in turn.',
    programs: ['standalone'],
  }),
  output: setting({
    env: undefined,
    flag: 'output',
    short: 'o',
    argument: 'format',
    kind: choice(['table', 'json']),
    fallback: 'table',
    example: 'json',
    doc: 'Output format: a table for people, JSON for programs.',
    programs: ['status'],
  }),
  redisMode: later('RELAX_REDIS_MODE', 'single', 'Redis Sentinel or Cluster: sentinel, cluster.'),
  queueKind: later('RELAX_QUEUE_KIND', 'list', 'A Redis stream as the queue: stream.'),
  queueShards: later('RELAX_QUEUE_SHARDS', '1', 'Several queues, each for some of the teams and in its own hash slot.'),
  waitReplicas: later('RELAX_WAIT_REPLICAS', '0', 'Replicas that must have an event before it is acknowledged.'),
};

export const allSettings: readonly Setting<unknown>[] = Object.values(settings);

export const settingsOf = (program: Program): readonly Setting<unknown>[] =>
  allSettings.filter((row) => row.programs.includes(program));
