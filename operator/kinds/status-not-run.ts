import { conditionsOf } from '../status/conditions.ts';
import { CONDITION_TYPES, explain, type Reason } from './reasons.ts';
import type { SocketStatus } from './socket-status.ts';

interface NotRun {
  metadata: { generation: number };
  status?: SocketStatus;
}

/**
 * Pure: the status of an object that this operator no longer runs. What it knew no longer holds, so each condition is
 * Unknown, and it has no sockets to count.
 * @param message replaces that of the reason
 */
export function statusNotRun(object: NotRun, reason: Reason, nowMs: number, message = explain(reason)): SocketStatus {
  const { generation } = object.metadata;
  const history = { previous: object.status?.conditions ?? [], generation, nowMs };
  return {
    observedGeneration: generation,
    conditions: conditionsOf(CONDITION_TYPES, () => ({ status: 'Unknown', reason, message }), history),
    desiredConnections: 0,
    liveConnections: 0,
    connectionSummary: '0/0',
    connections: [],
  };
}
