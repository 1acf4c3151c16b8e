import { appTable } from '../terminal/app-table.ts';
import { botTable } from '../terminal/bot-table.ts';
import { columns, hanging } from '../terminal/columns.ts';
import type { ClusterStatus, FleetStatus, SocketCounts } from './fleet-status.ts';
import { isFull } from './health.ts';

/** Number of bots listed individually; beyond that, bots that need no attention are only counted. */
const MOST_READY = 50;

/** For people. Pure. @param columnCount of the terminal; none for a pipe, where each bot is one line */
export function renderFleet(fleet: FleetStatus, columnCount = Number.POSITIVE_INFINITY): string {
  const { queue, contract, clusters } = fleet;
  const limit = queue.max === 0 ? 'no limit' : `limit ${queue.max}`;
  const lengthOf = (list: { name: string; length: number }): string =>
    `queue ${list.name}: ${list.length} (${limit})` +
    `${isFull(list, queue.max) ? '  FULL: nothing is queued until consumers catch up' : ''}`;
  return [
    `${fleet.redis}   ${lengthOf(queue)}`,
    ...(queue.urgent === null ? [] : [`urgent events: ${lengthOf(queue.urgent)}`]),
    contract === null
      ? 'no connector has started on this Redis yet'
      : `an event is remembered for ${contract.windowMs / 1000} s`,
    ...clusters.flatMap((cluster) => ['', ...renderCluster(cluster, fleet.atMs, columnCount)]),
    '',
    ...(fleet.healthy ? ['healthy'] : ['NOT HEALTHY', ...fleet.problems.map((problem) => `- ${problem}`)]),
    '',
  ]
    .flatMap((line) => (line.length <= columnCount ? [line] : hanging(line, columnCount)))
    .join('\n');
}

function renderCluster(cluster: ClusterStatus, atMs: number, columnCount: number): string[] {
  const { apps, bots, sockets, pods } = cluster;
  return [
    `CLUSTER ${cluster.cluster}   ${plannerWords(cluster, atMs)}`,
    `sockets: ${countWords(sockets)}`,
    ...(apps.total === 0 ? [] : [`apps: ${apps.ready} of ${apps.total} ready${reasonWords(apps.byReason)}`]),
    `bots: ${bots.ready} of ${bots.total} ready${reasonWords(bots.byReason)}`,
    '',
    ...(pods.length === 0
      ? ['no connectors']
      : columns(
          ['ZONE', 'CONNECTOR', 'STATE', 'PID', 'SLOTS', 'LIVE', 'CAPACITY', 'FAULTS'],
          pods.map((pod) => [
            pod.zone,
            pod.pod,
            pod.state,
            pod.pid ?? '',
            pod.slots,
            pod.sockets.live,
            pod.capacity,
            pod.faults.join('; '),
          ]),
          columnCount,
        )),
    ...appLines(cluster, atMs, columnCount),
    ...botLines(cluster, atMs, columnCount),
  ];
}

function appLines({ apps }: ClusterStatus, atMs: number, columnCount: number): string[] {
  if (apps.total === 0) return [];
  const table = appTable(apps.list, atMs, columnCount);
  return ['', table.head, ...table.rows.flat()];
}

function botLines({ bots }: ClusterStatus, atMs: number, columnCount: number): string[] {
  if (bots.total === 0) return [];
  const notReady = bots.total - bots.ready;
  const shown = bots.list.slice(0, Math.max(notReady, MOST_READY));
  const table = botTable(shown, atMs, columnCount);
  return [
    '',
    table.head,
    ...table.rows.flat(),
    ...(shown.length < bots.total ? [`... and ${bots.total - shown.length} more, all ready`] : []),
  ];
}

/** Without a planner, what a bot wants and the verdict on its token are shown as last judged. */
function plannerWords({ planner, lastSeenMs, sockets }: ClusterStatus, atMs: number): string {
  if (planner) return 'planner running';
  const since = lastSeenMs === null ? '' : `, last ${Math.round((atMs - lastSeenMs) / 1000)} s ago`;
  const live = sockets.live + sockets.paused;
  const events = live === 0 ? 'no socket is live, no events are read' : `events flow on ${live} sockets`;
  return `NO PLANNER${since}: ${events}; changes to SlackBots, SlackApps and Secrets have no effect, nothing is reassigned`;
}

const countWords = (sockets: SocketCounts): string =>
  Object.entries(sockets)
    .filter(([state, count]) => count > 0 || state === 'live')
    .map(([state, count]) => `${count} ${state}`)
    .join(', ');

function reasonWords(byReason: Record<string, number>): string {
  const words = Object.entries(byReason)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} ${reason}`);
  return words.length === 0 ? '' : ` (${words.join(', ')})`;
}
