import type { SlackBotStatus } from '../../../core/api/slackbot.ts';
import { conditionOf } from '../../status/conditions.ts';
import type { Urgency } from '../../status/urgency.ts';
import type { ConditionType } from '../reasons.ts';
import { saysWait } from '../wait.ts';

/** Whether a change is worth a write, and how soon: bad news first. */
export function urgencyOf(before: SlackBotStatus | undefined, after: SlackBotStatus): Urgency {
  if (before?.conditions === undefined) return 'bad';
  if (sameStatus(before, after)) return beginsToWait(before, after) ? 'flap' : 'none';
  if (before.observedGeneration !== after.observedGeneration) return 'bad';
  const worse = (type: ConditionType): boolean => {
    const [was, is] = [conditionOf(before, type), conditionOf(after, type)];
    return is?.status !== 'True' && (was?.status !== is?.status || was?.reason !== is?.reason);
  };
  if (worse('Ready') || worse('CredentialsValid')) return 'bad';
  const live = after.liveConnections ?? 0;
  // Sockets that are closed on purpose are not missing.
  const missing = live < (after.desiredConnections ?? 0);
  // A new reason for the same gap is not worth a write of its own: usually the socket is back before the write is due.
  return missing && live <= (before.liveConnections ?? 0) ? 'flap' : 'good';
}

/**
 * Whether a write would say nothing new. Of Ready, Connected and Redundant only status and reason count, since each retry
 * changes their messages.
 */
export function sameStatus(a: SlackBotStatus, b: SlackBotStatus): boolean {
  return JSON.stringify(essence(a)) === JSON.stringify(essence(b));
}

/**
 * Its message says for the first time until when it waits. That is written once per outage: the times of later waits come
 * from retries.
 */
function beginsToWait(before: SlackBotStatus, after: SlackBotStatus): boolean {
  const waits = (status: SlackBotStatus): boolean => saysWait(conditionOf(status, 'Ready')?.message ?? '');
  return waits(after) && !waits(before);
}

function essence(status: SlackBotStatus): unknown {
  return [
    status.observedGeneration,
    status.desiredConnections,
    status.liveConnections,
    status.connectionSummary,
    (status.connections ?? []).map(({ pod, zone, since }) => [pod, zone, since]),
    status.teamName ?? '',
    status.botUserID ?? '',
    (status.conditions ?? [])
      .map(({ type, status: value, reason, message, observedGeneration }) => [
        type,
        value,
        reason,
        type === 'CredentialsValid' || type === 'Assigned' ? message : '',
        observedGeneration,
      ])
      .sort(),
  ];
}
