import type { BotView, SlotView } from '../fleet/fleet-view.ts';
import { rfc3339 } from '../kube/timestamp.ts';
import { type ConditionedStatus, conditionsOf } from '../status/conditions.ts';
import type { CredentialsVerdict } from './credentials-verdict.ts';
import { CONDITION_TYPES, explain } from './reasons.ts';
import { allReported, type FleetFacts, isLive, judgeConditions, type Stop } from './socket-conditions.ts';

/** The part of a status that every kind with sockets has. */
export interface SocketStatus extends ConditionedStatus {
  desiredConnections?: number;
  liveConnections?: number;
  /** Live and wanted sockets: "2/2". */
  connectionSummary?: string;
  connections?: { pod: string; zone: string; since: string }[];
}

interface SocketStatusInput {
  /** metadata.generation */
  generation: number;
  replicas: number;
  isSuspended: boolean;
  verdict: CredentialsVerdict;
  /** Why another object runs what this one would run; undefined if none does. */
  duplicate: Stop;
  /** Undefined: the fleet has no slot and no report of it. */
  view: BotView | undefined;
  fleet: FleetFacts;
  previous: SocketStatus | undefined;
  /** Wall time. */
  nowMs: number;
}

/** As many as the schema allows. */
const MAX_CONNECTIONS = 64;

/** Pure and idempotent: with its own result as `previous`, it returns the same status. */
export function socketStatusOf(input: SocketStatusInput): SocketStatus {
  const { generation, verdict, view, fleet, previous, nowMs } = input;
  const stop = stopOf(input);
  const isRefused = verdict.kind === 'invalid' && verdict.isRefused === true;
  const desired = input.isSuspended || input.duplicate !== undefined || isRefused ? 0 : input.replicas;
  const live = (view?.slots ?? []).filter((slot) => isLive(slot));
  const history = { previous: previous?.conditions ?? [], generation, nowMs };
  const judged = judgeConditions({ desired, stop, verdict, view, fleet, previous: history.previous, nowMs });
  // In a handover the old and the new socket of a slot may both be live for a moment: they count as one connection.
  const connections = live.filter((slot) => slot.role === 'active' || live.length <= desired);
  // While the fleet is still being observed, there may be more live sockets than have been seen.
  const known = Math.min(live.length, desired);
  const told = fleet.settled || stop !== undefined || allReported(view?.slots ?? [], desired);
  const unknown = !told && known < Math.min(previous?.liveConnections ?? 0, desired);
  const since = (slot: SlotView): string => sinceOf(slot, previous, nowMs);
  const counts =
    unknown && previous !== undefined
      ? countsBefore(previous, desired)
      : countsNow(connections, live.length, desired, stop, since);
  return {
    observedGeneration: generation,
    conditions: conditionsOf(CONDITION_TYPES, (type) => judged[type], history),
    ...counts,
  };
}

/** Why it is to have no sockets at all; suspension first, since it is what its owner asked for. */
function stopOf({ isSuspended, verdict, duplicate }: SocketStatusInput): Stop {
  if (isSuspended) return { reason: 'Suspended', message: explain('Suspended') };
  if (verdict.kind === 'invalid') return { reason: verdict.reason, message: verdict.message };
  return duplicate;
}

type Counts = Pick<SocketStatus, 'desiredConnections' | 'liveConnections' | 'connectionSummary' | 'connections'>;

function countsNow(
  connections: readonly SlotView[],
  liveSlots: number,
  desired: number,
  stop: Stop,
  since: (slot: SlotView) => string,
): Counts {
  // A socket that is being closed counts as long as it is live, so that "0/0" means closed.
  const live = stop === undefined ? Math.min(liveSlots, desired) : liveSlots;
  return {
    desiredConnections: desired,
    liveConnections: live,
    connectionSummary: `${live}/${desired}`,
    connections: connections
      .map((slot) => ({ pod: slot.pod, zone: slot.zone, since: since(slot) }))
      .sort((a, b) => (a.pod < b.pod ? -1 : a.pod > b.pod ? 1 : 0))
      .slice(0, MAX_CONNECTIONS),
  };
}

/** If Redis has lost the time, the previous one stays until the assignment is written again. */
function sinceOf({ pod, assignedAtMs }: SlotView, previous: SocketStatus | undefined, nowMs: number): string {
  if (assignedAtMs > 0) return rfc3339(assignedAtMs);
  return previous?.connections?.find((connection) => connection.pod === pod)?.since ?? rfc3339(nowMs);
}

function countsBefore(previous: SocketStatus, desired: number): Counts {
  const live = previous.liveConnections ?? 0;
  return {
    desiredConnections: desired,
    liveConnections: live,
    connectionSummary: `${live}/${desired}`,
    connections: previous.connections ?? [],
  };
}
