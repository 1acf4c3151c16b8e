import { botName, type SlackBotStatus } from '../../../core/api/slackbot.ts';
import type { BotSummary } from '../../../core/protocol/bot-summary.ts';
import type { BotView } from '../../fleet/fleet-view.ts';
import { conditionOf } from '../../status/conditions.ts';
import { firstWait, withoutWait } from '../wait.ts';

/** The line of a bot in `relax status`, from its status and its slots. */
export function summaryOf(
  bot: { metadata: { namespace: string; name: string }; spec: { teamID: string } },
  status: SlackBotStatus,
  view: BotView | undefined,
): BotSummary {
  const ready = conditionOf(status, 'Ready');
  const missing = (status.liveConnections ?? 0) < (status.desiredConnections ?? 0);
  const wait = missing ? firstWait(view?.slots ?? []) : undefined;
  return {
    bot: botName(bot),
    teamID: bot.spec.teamID,
    teamName: status.teamName ?? '',
    desired: status.desiredConnections ?? 0,
    live: status.liveConnections ?? 0,
    zones: [...new Set((status.connections ?? []).map(({ zone }) => zone))].sort(),
    ready: ready?.status === 'True',
    reason: ready?.reason ?? '',
    message: withoutWait(ready?.message ?? ''),
    waitUntilMs: wait?.untilMs,
    waitsFor: wait?.for,
  };
}
