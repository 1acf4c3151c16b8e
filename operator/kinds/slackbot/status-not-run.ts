import type { Condition, SlackBotStatus } from '../../../core/api/slackbot.ts';
import { CONDITION_TYPES, explain, type Reason } from './reasons.ts';
import { rfc3339 } from './status.ts';

export interface NotRun {
  metadata: { generation: number };
  status?: SlackBotStatus;
}

/**
 * Pure: the status of a bot that this operator has let go. What it knew of it does not hold any more, so each condition
 * is Unknown, and there is no socket of ours to count.
 * @param message in place of the reason's own words
 */
export function statusNotRun(bot: NotRun, reason: Reason, nowMs: number, message = explain(reason)): SlackBotStatus {
  const now = rfc3339(nowMs);
  const { generation } = bot.metadata;
  const conditions = CONDITION_TYPES.map((type): Condition => {
    const before = bot.status?.conditions?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === 'Unknown' ? before.lastTransitionTime : now;
    return { type, status: 'Unknown', reason, message, observedGeneration: generation, lastTransitionTime };
  });
  return {
    observedGeneration: generation,
    conditions,
    desiredConnections: 0,
    liveConnections: 0,
    connectionSummary: '0/0',
    connections: [],
  };
}
