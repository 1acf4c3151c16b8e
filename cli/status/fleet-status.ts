import type { BotSummary } from '../../core/bot-summary.ts';
import type { SlotReport } from '../../core/report.ts';
import type { Session } from '../../core/session.ts';

/**
 * What `relax status -o json` prints: one object of this shape. Stable: fields may be added, none changes its meaning or
 * goes away within a major version. Times are Redis' own, in ms since 1970.
 */
export interface FleetStatus {
  /** Redis time of the reading. */
  atMs: number;
  /** "redis 7.0.15" or "valkey 8.0.1". */
  redis: string;
  queue: {
    name: string;
    /** Items that wait for the application. */
    length: number;
    /** RELAX_QUEUE_MAX as this command sees it; 0 means no limit. */
    max: number;
  };
  /** What all programs of this Redis agreed on; null before the first start. */
  contract: { bucketMs: number; subBuckets: number; windowMs: number; shards: number } | null;
  /** By name. With RELAX_CLUSTER only that one. */
  clusters: ClusterStatus[];
}

export interface ClusterStatus {
  cluster: string;
  /** Who it belongs to: "standalone:..." or the uid of a kube-system namespace; null if nobody has claimed it. */
  owner: string | null;
  /** Whether a planner holds the lock now. Without one nothing is assigned anew; events flow all the same. */
  planner: boolean;
  /** Redis time when a planner last looked; null if never. */
  lastSeenMs: number | null;
  /** By zone, then name. */
  pods: PodStatus[];
  sockets: SocketCounts;
  bots: {
    total: number;
    ready: number;
    /** Reason of the Ready condition -> bots. */
    byReason: Record<string, number>;
    /** Those that are not ready first, then by name. */
    list: BotSummary[];
  };
}

/** Slots by the state of their socket; `unreported`: assigned, and the pod has not spoken of it yet. */
export type SocketCounts = Record<SlotReport['state'] | 'unreported', number>;

export interface PodStatus {
  pod: string;
  zone: string;
  /** `gone`: no session, though it had one and slots are assigned to it. */
  state: Session['state'] | 'gone';
  /** Process id on its machine; null if unknown. */
  pid: number | null;
  /** Sockets that it takes at most. */
  capacity: number;
  /** Slots that are assigned to it. */
  slots: number;
  sockets: SocketCounts;
  /** In words that a person can act on. */
  faults: string[];
}

export const NO_SOCKETS: SocketCounts = { waiting: 0, connecting: 0, live: 0, paused: 0, failed: 0, unreported: 0 };

/** What Redis holds of a pod. */
export interface PodFacts {
  pod: string;
  session: Session | undefined;
  slotIDs: readonly string[];
  /** Slot id -> report, of whatever incarnation. */
  reports: ReadonlyMap<string, SlotReport>;
}

/** Pure. Undefined for a pod that is no more: without session and slots. */
export function podStatus({ pod, session, slotIDs, reports }: PodFacts): PodStatus | undefined {
  if (session === undefined && slotIDs.length === 0) return undefined;
  const sockets = { ...NO_SOCKETS };
  for (const id of slotIDs) {
    const report = reports.get(id);
    // What an earlier life of the pod said says nothing of now.
    const current = session !== undefined && report?.incarnation === session.incarnation;
    sockets[current ? report.state : 'unreported'] += 1;
  }
  return {
    ...{ pod, sockets },
    zone: session?.zone ?? '',
    state: session?.state ?? 'gone',
    pid: session === undefined || session.pid === 0 ? null : session.pid,
    capacity: session?.capacity ?? 0,
    slots: slotIDs.length,
    faults: session?.faults ?? [],
  };
}

/** Pure. */
export function clusterStatus(
  facts: Pick<ClusterStatus, 'cluster' | 'owner' | 'planner' | 'lastSeenMs'>,
  pods: readonly PodFacts[],
  bots: readonly BotSummary[],
): ClusterStatus {
  const podList = pods.flatMap((pod) => podStatus(pod) ?? []);
  const sockets = { ...NO_SOCKETS };
  for (const pod of podList) {
    for (const state of Object.keys(sockets) as (keyof SocketCounts)[]) sockets[state] += pod.sockets[state];
  }
  const byReason: Record<string, number> = {};
  for (const { reason } of bots) byReason[reason] = (byReason[reason] ?? 0) + 1;
  return {
    ...facts,
    pods: podList.sort((a, b) => compare(a.zone, b.zone) || compare(a.pod, b.pod)),
    sockets,
    bots: {
      total: bots.length,
      ready: bots.filter(({ ready }) => ready).length,
      byReason,
      list: [...bots].sort((a, b) => Number(a.ready) - Number(b.ready) || compare(a.bot, b.bot)),
    },
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
