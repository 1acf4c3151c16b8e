import { conditionOf } from '../status/conditions.ts';
import type { Urgency } from '../status/urgency.ts';
import type { ConditionType } from './reasons.ts';
import type { SocketStatus } from './socket-status.ts';
import { saysWait } from './wait.ts';

/** Whether a change is worth a write, and how soon: bad news first. */
export function urgencyOf(before: SocketStatus | undefined, after: SocketStatus): Urgency {
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
export function sameStatus(a: SocketStatus, b: SocketStatus): boolean {
  return JSON.stringify(essence(a)) === JSON.stringify(essence(b));
}

/**
 * Its message says for the first time until when it waits. That is written once per outage: the times of later waits come
 * from retries.
 */
function beginsToWait(before: SocketStatus, after: SocketStatus): boolean {
  const waits = (status: SocketStatus): boolean => saysWait(conditionOf(status, 'Ready')?.message ?? '');
  return waits(after) && !waits(before);
}

function essence({ conditions = [], connections = [], ...rest }: SocketStatus): unknown {
  return [
    Object.entries(rest)
      .filter(([, value]) => value !== undefined && value !== '')
      .sort(([a], [b]) => (a < b ? -1 : 1)),
    connections.map(({ pod, zone, since }) => [pod, zone, since]),
    conditions
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
