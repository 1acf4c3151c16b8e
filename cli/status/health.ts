import type { ClusterStatus, FleetStatus, PodStatus } from './fleet-status.ts';

/** Exit codes of `relax status`, beside 1 (Redis can't be asked) and 2 (a mistake in the configuration). */
const EXIT_HEALTHY = 0;
const EXIT_NOT_HEALTHY = 3;

export const exitCodeOf = ({ healthy }: Pick<FleetStatus, 'healthy'>): number =>
  healthy ? EXIT_HEALTHY : EXIT_NOT_HEALTHY;

/** Maximum number of names in one sentence; the table has all of them. */
const MOST_NAMES = 5;

interface Asked {
  /** RELAX_CLUSTER, if it is set. */
  cluster: string | undefined;
  /** All clusters that this Redis knows. */
  known: readonly string[];
}

/** Pure: what is wrong, in words with a remedy, the most general first. */
export function problemsOf({ queue, clusters }: Pick<FleetStatus, 'queue' | 'clusters'>, asked: Asked): string[] {
  return [
    ...(clusters.length === 0 ? [noCluster(asked)] : []),
    ...[queue, ...(queue.urgent === null ? [] : [queue.urgent])]
      .filter((list) => isFull(list, queue.max))
      .map(({ name }) => `the queue ${name} is full: check that its consumers are running, or raise RELAX_QUEUE_MAX`),
    ...clusters.flatMap((cluster) => clusterProblems(cluster).map((problem) => `${cluster.cluster}: ${problem}`)),
  ];
}

/** @param max 0 means no limit */
export const isFull = ({ length }: { length: number }, max: number): boolean => max > 0 && length >= max;

function noCluster({ cluster, known }: Asked): string {
  if (cluster === undefined) {
    return 'no cluster on this Redis: start "relax standalone" or "relax operator" with this RELAX_REDIS_URL';
  }
  const there = known.length === 0 ? 'it has none' : `it has ${some(known)}`;
  return `no such cluster on this Redis: ${cluster}; ${there}. Correct RELAX_CLUSTER or RELAX_REDIS_URL, or start it`;
}

/** A bot or an app. */
interface Owner {
  name: string;
  ready: boolean;
  reason: string;
  message: string;
  live: number;
  desired: number;
  missing?: { reason: string; message: string } | undefined;
}

function clusterProblems({ planner, pods, apps, bots }: ClusterStatus): string[] {
  const present = pods.filter(({ state }) => state === 'up' || state === 'draining');
  const appList = apps.list.map((line): Owner => ({ ...line, name: line.app }));
  const botList = bots.list.map((line): Owner => ({ ...line, name: line.bot }));
  // The sockets of a bot that an app carries are the app's, and missed there.
  const ownSockets = bots.list
    .filter(({ app }) => app === undefined)
    .map((line): Owner => ({ ...line, name: line.bot }));
  return [
    ...(planner
      ? []
      : [
          'no planner is running: start an operator or standalone; until then no socket is moved and no change to a SlackBot takes effect',
        ]),
    ...(present.length === 0 ? ['no connector is running, so no events are read: start connectors'] : []),
    ...pods.flatMap(podProblems),
    ...notReadyProblems('app', appList, present.length),
    ...notReadyProblems('bot', botList, present.length),
    ...missingProblems('app', appList),
    ...missingProblems('bot', ownSockets),
  ];
}

/** Skips those that are as intended or belong to another operator, and problems already reported once for the cluster. */
function notReadyProblems(noun: string, owners: readonly Owner[], connectors: number): string[] {
  const wanted = ['Suspended', 'OtherOperator'];
  const known = connectors === 0 ? [...wanted, 'NoConnectors'] : wanted;
  const notReady = owners.filter(({ ready, reason }) => !ready && !known.includes(reason));
  return [...byReason(notReady)].map(
    ([reason, list]) => `${many(noun, list)} not ready, ${reason}: ${list[0]?.message ?? ''}`,
  );
}

function missingProblems(noun: 'app' | 'bot', owners: readonly Owner[]): string[] {
  const short = owners.filter(({ ready, live, desired }) => ready && live < desired);
  if (short.length === 0) return [];
  const kind = noun === 'app' ? 'SlackApp' : 'SlackBot';
  const silent = short.filter(({ missing }) => missing === undefined);
  const said = short.flatMap((owner) =>
    owner.missing === undefined ? [] : [{ ...owner, reason: owner.missing.reason, message: owner.missing.message }],
  );
  const fewer = (list: readonly Owner[]): string => `${many(noun, list, 'has', 'have')} fewer live sockets than wanted`;
  return [
    ...[...byReason(said)].map(([reason, list]) => `${fewer(list)}, ${reason}: ${list[0]?.message ?? ''}`),
    ...(silent.length === 0
      ? []
      : [
          `${fewer(silent)}: if it stays so, see the connectors above and conditions Assigned and Redundant of the ${kind}`,
        ]),
  ];
}

function podProblems({ pod, state, slots, faults }: PodStatus): string[] {
  if (state === 'gone') {
    return [`connector ${pod} is gone and has ${slots} slots: start it again, or wait until they are placed elsewhere`];
  }
  if (state === 'left' && slots > 0) {
    return [`connector ${pod} has left and has ${slots} slots: they wait for it to come back, 90 s at most`];
  }
  return faults.map((fault) => `connector ${pod}: ${fault}`);
}

function byReason(owners: readonly Owner[]): Map<string, Owner[]> {
  const groups = new Map<string, Owner[]>();
  for (const owner of owners) groups.set(owner.reason, [...(groups.get(owner.reason) ?? []), owner]);
  return groups;
}

const many = (noun: string, owners: readonly Owner[], one = 'is', several = 'are'): string =>
  `${owners.length === 1 ? noun : `${owners.length} ${noun}s`} ${some(owners.map(({ name }) => name))} ${owners.length === 1 ? one : several}`;

const some = (names: readonly string[]): string =>
  names.length <= MOST_NAMES
    ? names.join(', ')
    : `${names.slice(0, MOST_NAMES).join(', ')} and ${names.length - MOST_NAMES} more`;
