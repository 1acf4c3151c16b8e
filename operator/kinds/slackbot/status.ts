import { replicasOf, type SlackBotSpec, type SlackBotStatus } from '../../../core/api/slackbot.ts';
import type { BotView, SlotView } from '../../fleet/fleet-view.ts';
import { rfc3339 } from '../../kube/timestamp.ts';
import { conditionsOf } from '../../status/conditions.ts';
import type { CredentialsVerdict } from '../credentials-verdict.ts';
import { CONDITION_TYPES, explain } from '../reasons.ts';
import { allReported, type FleetFacts, isLive, judgeConditions, type Stop } from '../socket-conditions.ts';

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

/** As many as the schema allows. */
const MAX_CONNECTIONS = 64;

/** Pure and idempotent: with its own result as `previous`, it returns the same status. */
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
  // In a handover the old and the new socket of a slot may both be live for a moment: they count as one connection.
  const connections = live.filter((slot) => slot.role === 'active' || live.length <= desired);
  // While the fleet is still being observed, there may be more live sockets than have been seen.
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

/** Why the bot is to have no sockets at all; suspension first, since it is what its owner asked for. */
function stopOf({ bot, verdict, duplicateOf }: StatusInput): Stop {
  if (bot.spec.suspend === true) return { reason: 'Suspended', message: explain('Suspended') };
  if (verdict.kind === 'invalid') return { reason: verdict.reason, message: verdict.message };
  if (duplicateOf === undefined) return undefined;
  // A tenant must not learn the names of another tenant's objects.
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
