import { parseSlotID, type Slot, teamOf } from '../../core/protocol/assignment.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import { AWAY_REASON, type Presence, presenceOf, reportOf } from '../../core/protocol/presence.ts';
import type { SlotReport } from '../../core/protocol/report.ts';
import { DRAIN_RETURN_MS, type Session } from '../../core/protocol/session.ts';
import { type AppLine, appLineOf } from '../terminal/app-table.ts';
import { type BotSocket, botStatus } from './bot-status.ts';

/**
 * What `relax status -o json` prints: one object of this shape. It is stable: within a major version fields may be added,
 * but none changes its meaning or is removed. Times are Redis times, in ms since 1970.
 */
export interface FleetStatus {
  /** Nothing is wrong: exit code 0. */
  healthy: boolean;
  /** What is wrong, in words with a remedy; empty when healthy. */
  problems: string[];
  /** Redis time of the reading. */
  atMs: number;
  /** "redis 7.0.15" or "valkey 8.0.1". */
  redis: string;
  queue: {
    name: string;
    /** Items that wait for the application. */
    length: number;
    /** RELAX_QUEUE_MAX as this command sees it, for each list by itself; 0 means no limit. */
    max: number;
    /** The list of urgent events, as this command's RELAX_QUEUE_URGENT names it; null without it. */
    urgent: { name: string; length: number } | null;
  };
  /** What all programs on this Redis agreed on; null before the first start. */
  contract: { bucketMs: number; subBuckets: number; windowMs: number; shards: number } | null;
  /** By name. With RELAX_CLUSTER only that one; none if there is none of that name. */
  clusters: ClusterStatus[];
}

export interface ClusterStatus {
  cluster: string;
  /** Who it belongs to: "standalone:..." or the uid of a kube-system namespace; null if nobody has claimed it. */
  owner: string | null;
  /** Whether a planner holds the lock now. Without one, nothing new is assigned, but events flow. */
  planner: boolean;
  /** Redis time when a planner last looked; null if never. */
  lastSeenMs: number | null;
  /** By zone, then name. */
  pods: PodStatus[];
  sockets: SocketCounts;
  /** SlackApps. */
  apps: StatusList<AppLine>;
  /** SlackBots. One that an app carries (`app`) has the app's sockets. */
  bots: StatusList<BotSummary>;
}

interface StatusList<Line> {
  total: number;
  ready: number;
  /** Reason of the Ready condition -> how many. */
  byReason: Record<string, number>;
  /** Those that are not ready first, then by name. `live`, `zones` and `ready` as the sockets are at this reading. */
  list: Line[];
}

/** Slots by the state of their socket; `unreported`: assigned, but not reported by the pod yet. */
export type SocketCounts = Record<SlotReport['state'] | 'unreported', number>;

export interface PodStatus {
  pod: string;
  zone: string;
  /** `gone`: no session, though it had one and slots are assigned to it. `left`: it drained and may still come back. */
  state: Session['state'] | 'left' | 'gone';
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
  /** Redis time of the last renewal. */
  renewedMs: number | undefined;
  /** Undefined: an entry that this version can't read. */
  slots: ReadonlyMap<string, Slot | undefined>;
  /** Slot id -> report, of any incarnation. */
  reports: ReadonlyMap<string, SlotReport>;
}

/** Pure. Undefined for a pod that is gone: without session and slots. @param nowMs Redis time */
export function podStatus(facts: PodFacts, nowMs: number): PodStatus | undefined {
  const { pod, session, slots } = facts;
  if (session === undefined && slots.size === 0) return undefined;
  const presence = podPresence(facts, nowMs);
  const sockets = { ...NO_SOCKETS };
  for (const id of slots.keys()) sockets[reportIn(facts, presence, id)?.state ?? 'unreported'] += 1;
  return {
    pod,
    sockets,
    zone: session?.zone ?? '',
    state: stateOf(session, presence),
    pid: session === undefined || session.pid === 0 ? null : session.pid,
    capacity: session?.capacity ?? 0,
    slots: slots.size,
    faults: presence === 'present' ? (session?.faults ?? []) : [],
  };
}

function podPresence({ session, renewedMs }: PodFacts, nowMs: number): Presence {
  return presenceOf({
    session,
    held: session !== undefined,
    renewedAgoMs: renewedMs === undefined ? undefined : nowMs - renewedMs,
    mayReturnMs: (session?.drainingSinceMs ?? 0) + DRAIN_RETURN_MS - nowMs,
  });
}

function stateOf(session: Session | undefined, presence: Presence): PodStatus['state'] {
  switch (presence) {
    case 'present':
      return session?.state ?? 'gone';
    case 'returning':
      return 'left';
    case 'lost':
      return 'gone';
  }
  return presence satisfies never;
}

function reportIn({ session, slots, reports }: PodFacts, presence: Presence, id: string): SlotReport | undefined {
  const slot = slots.get(id);
  return slot === undefined ? undefined : reportOf(presence, session, slot, reports.get(id));
}

/** Owner uid -> what is known of its sockets. */
function socketsByOwner(pods: readonly PodFacts[], nowMs: number): Map<string, BotSocket[]> {
  const byOwner = new Map<string, BotSocket[]>();
  for (const facts of pods) {
    const presence = podPresence(facts, nowMs);
    for (const [id, slot] of facts.slots) {
      const { ownerUid, index } = parseSlotID(id);
      const report = reportIn(facts, presence, id);
      const socket: BotSocket = {
        index,
        zone: facts.session?.zone ?? '',
        bot: slot?.bot ?? '',
        teamID: slot === undefined ? '' : teamOf(slot),
        appID: slot?.kind === 'app' ? slot.appID : undefined,
        state: report?.state,
        reason: report?.reason ?? (presence === 'present' ? '' : AWAY_REASON[presence]),
        message: report?.message ?? '',
        waitUntilMs: report?.waitUntilMs,
      };
      const sockets = byOwner.get(ownerUid);
      if (sockets === undefined) byOwner.set(ownerUid, [socket]);
      else sockets.push(socket);
    }
  }
  return byOwner;
}

/** Pure. @param lines owner uid -> the bot as a planner last saw it. @param nowMs Redis time */
export function clusterStatus(
  facts: Pick<ClusterStatus, 'cluster' | 'owner' | 'planner' | 'lastSeenMs'>,
  pods: readonly PodFacts[],
  lines: ReadonlyMap<string, BotSummary>,
  nowMs: number,
): ClusterStatus {
  const podList = pods.flatMap((pod) => podStatus(pod, nowMs) ?? []);
  const sockets = { ...NO_SOCKETS };
  for (const pod of podList) {
    for (const state of Object.keys(sockets) as (keyof SocketCounts)[]) sockets[state] += pod.sockets[state];
  }
  const connectors = podList.some(({ state }) => state === 'up' || state === 'draining');
  const byOwner = socketsByOwner(pods, nowMs);
  const socketsOf = socketsIn(byOwner, lines);
  const uids = new Set([...lines.keys(), ...byOwner.keys()]);
  const all = [...uids].map((uid) => botStatus(lines.get(uid), socketsOf(uid), { planner: facts.planner, connectors }));
  return {
    ...facts,
    pods: podList.sort((a, b) => compare(a.zone, b.zone) || compare(a.pod, b.pod)),
    sockets,
    apps: listOf(
      all.flatMap((line) => appLineOf(line) ?? []),
      ({ app }) => app,
    ),
    bots: listOf(
      all.filter(({ appID }) => appID === undefined),
      ({ bot }) => bot,
    ),
  };
}

/** The sockets that an owner has, or that carry it. */
function socketsIn(
  byOwner: ReadonlyMap<string, BotSocket[]>,
  lines: ReadonlyMap<string, BotSummary>,
): (uid: string) => readonly BotSocket[] {
  const appUids = new Map(
    [...lines].flatMap(([uid, { bot, appID }]) => (appID === undefined ? [] : [[bot, uid] as const])),
  );
  return (uid) => {
    const { app, desired = 0 } = lines.get(uid) ?? {};
    // One that is suspended has nothing of its app.
    const carrier = app === undefined || desired === 0 ? undefined : appUids.get(app);
    return byOwner.get(carrier ?? uid) ?? [];
  };
}

function listOf<Line extends { ready: boolean; reason: string }>(
  lines: Line[],
  nameOf: (line: Line) => string,
): StatusList<Line> {
  const byReason: Record<string, number> = {};
  for (const { reason } of lines) byReason[reason] = (byReason[reason] ?? 0) + 1;
  return {
    total: lines.length,
    ready: lines.filter(({ ready }) => ready).length,
    byReason,
    list: lines.sort((a, b) => Number(a.ready) - Number(b.ready) || compare(nameOf(a), nameOf(b))),
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
