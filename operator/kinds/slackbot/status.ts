import { replicasOf, type SlackBotSpec, type SlackBotStatus } from '../../../core/api/slackbot.ts';
import type { BotView, FleetView, SlotView } from '../../fleet/fleet-view.ts';
import { rfc3339 } from '../../kube/timestamp.ts';
import { conditionsOf } from '../../status/conditions.ts';
import { allReported, type FleetFacts, isLive, judgeConditions, type Stop } from './conditions.ts';
import type { CredentialsVerdict } from './credentials.ts';
import { CONDITION_TYPES, explain } from './reasons.ts';
import { zoneCapacityOf } from './zone-capacity.ts';

export interface StatusInput {
  bot: { metadata: { namespace: string; generation: number }; spec: SlackBotSpec };
  verdict: CredentialsVerdict;
  /** The older SlackBot that runs the same bot, if there is one. */
  duplicateOf: { namespace: string; name: string } | undefined;
  /** Undefined: the fleet has no slot and no report of it. */
  view: BotView | undefined;
  fleet: FleetFacts;
  previous: SlackBotStatus | undefined;
  /** Wall time. */
  nowMs: number;
}

/** As many as the schema takes. */
const MAX_CONNECTIONS = 64;

/** Pure: the status of a bot. The same input gives the same status, and a status once reached gives itself. */
export function statusOf(input: StatusInput): SlackBotStatus {
  const { bot, verdict, view, fleet, previous } = input;
  const { generation } = bot.metadata;
  const stop = stopOf(input);
  const replicas = replicasOf(bot.spec);
  const desired = bot.spec.suspend === true || input.duplicateOf !== undefined ? 0 : replicas;
  const live = (view?.slots ?? []).filter((slot) => isLive(slot));
  const history = { previous: previous?.conditions ?? [], generation, nowMs: input.nowMs };
  const judged = judgeConditions({
    desired,
    stop,
    verdict,
    view,
    fleet,
    previous: history.previous,
    nowMs: input.nowMs,
  });
  // Handover: the old and the new socket of a slot may both be live for a moment; that is one connection.
  const connections = live.filter((slot) => slot.role === 'active' || live.length <= desired);
  // While the fleet is still being observed, what has been seen live is a lower bound.
  const known = Math.min(live.length, desired);
  const told = fleet.settled || stop !== undefined || allReported(view?.slots ?? [], desired);
  const unknown = !told && known < Math.min(previous?.liveConnections ?? 0, desired);
  const since = (slot: SlotView): string => sinceOf(slot, previous, input.nowMs);
  const counts =
    unknown && previous !== undefined
      ? countsBefore(previous, desired)
      : countsNow(connections, live.length, desired, stop, since);
  const teamName = live.find((slot) => slot.teamName !== '')?.teamName ?? previous?.teamName;
  const botUserID = live.find((slot) => slot.botUserID !== '')?.botUserID ?? previous?.botUserID;
  return {
    observedGeneration: generation,
    conditions: conditionsOf(CONDITION_TYPES, (type) => judged[type], history),
    ...counts,
    ...(teamName === undefined ? {} : { teamName: teamName.slice(0, 1024) }),
    ...(botUserID === undefined ? {} : { botUserID: botUserID.slice(0, 64) }),
  };
}

/** What the fleet offers, counted once for all bots. */
export function fleetFacts(view: Pick<FleetView, 'settled' | 'pods'>): FleetFacts {
  const pods = view.pods.filter(({ state }) => state !== 'dead');
  const rooms = zoneCapacityOf(pods);
  return { settled: view.settled, pods: pods.length, zones: Object.keys(rooms).length, rooms };
}

/** Why the bot is to have no sockets at all; suspension first, since it is what its owner asked for. */
function stopOf({ bot, verdict, duplicateOf }: StatusInput): Stop {
  if (bot.spec.suspend === true) return { reason: 'Suspended', message: explain('Suspended') };
  if (verdict.kind === 'invalid') return { reason: verdict.reason, message: verdict.message };
  if (duplicateOf === undefined) return undefined;
  // Another tenant must not see these names.
  const other =
    duplicateOf.namespace === bot.metadata.namespace
      ? `SlackBot ${duplicateOf.name}`
      : 'an older SlackBot in another namespace';
  const message = `${other} has the same team and token and runs this bot: delete one of the two, or change the token`;
  return { reason: 'DuplicateBot', message };
}

type Counts = Pick<SlackBotStatus, 'desiredConnections' | 'liveConnections' | 'connectionSummary' | 'connections'>;

function countsNow(
  connections: readonly SlotView[],
  liveSlots: number,
  desired: number,
  stop: Stop,
  since: (slot: SlotView) => string,
): Counts {
  // What is being closed is shown as long as it lives, so that "0/0" means closed.
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

/** Redis may have lost the time: then what was said before stays, until the assignment is written again. */
function sinceOf({ pod, assignedAtMs }: SlotView, previous: SlackBotStatus | undefined, nowMs: number): string {
  if (assignedAtMs > 0) return rfc3339(assignedAtMs);
  return previous?.connections?.find((connection) => connection.pod === pod)?.since ?? rfc3339(nowMs);
}

function countsBefore(previous: SlackBotStatus, desired: number): Counts {
  const live = previous.liveConnections ?? 0;
  return {
    desiredConnections: desired,
    liveConnections: live,
    connectionSummary: `${live}/${desired}`,
    connections: previous.connections ?? [],
  };
}
