import type { BotSummary } from '../../core/bot-summary.ts';
import { botName, type SlackBotStatus } from '../../core/slackbot.ts';
import { conditionOf } from './status-change.ts';

/** The line of a bot in `relax status`, from its status. */
export function summaryOf(
  bot: { metadata: { namespace: string; name: string }; spec: { teamID: string } },
  status: SlackBotStatus,
): BotSummary {
  const ready = conditionOf(status, 'Ready');
  return {
    bot: botName(bot),
    teamID: bot.spec.teamID,
    teamName: status.teamName ?? '',
    desired: status.desiredConnections ?? 0,
    live: status.liveConnections ?? 0,
    zones: [...new Set((status.connections ?? []).map(({ zone }) => zone))].sort(),
    ready: ready?.status === 'True',
    reason: ready?.reason ?? '',
    message: ready?.message ?? '',
  };
}
