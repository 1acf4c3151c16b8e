import type { SlackBotStatus } from '../../../core/api/slackbot.ts';
import { conditionsOf } from '../../status/conditions.ts';
import { CONDITION_TYPES, explain, type Reason } from '../reasons.ts';

interface NotRun {
  metadata: { generation: number };
  status?: SlackBotStatus;
}

/**
 * Pure: the status of a bot that this operator no longer runs. What it knew no longer holds, so each condition is
 * Unknown, and it has no sockets to count.
 * @param message replaces that of the reason
 */
export function statusNotRun(bot: NotRun, reason: Reason, nowMs: number, message = explain(reason)): SlackBotStatus {
  const { generation } = bot.metadata;
  const history = { previous: bot.status?.conditions ?? [], generation, nowMs };
  return {
    observedGeneration: generation,
    conditions: conditionsOf(CONDITION_TYPES, () => ({ status: 'Unknown', reason, message }), history),
    desiredConnections: 0,
    liveConnections: 0,
    connectionSummary: '0/0',
    connections: [],
  };
}
