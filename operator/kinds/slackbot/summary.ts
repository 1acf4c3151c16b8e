import { appRefOf, botName, type SlackBotSpec, type SlackBotStatus } from '../../../core/api/slackbot.ts';
import type { BotSummary } from '../../../core/protocol/bot-summary.ts';
import type { BotView } from '../../fleet/fleet-view.ts';
import { socketSummary } from '../socket-summary.ts';

/** The line of a bot in `relax status`, from its status and its slots. */
export function summaryOf(
  bot: { metadata: { namespace: string; name: string }; spec: SlackBotSpec },
  status: SlackBotStatus,
  view: BotView | undefined,
): BotSummary {
  const { teamID } = bot.spec;
  const app = appRefOf(bot);
  return {
    bot: botName(bot),
    teamID,
    teamName: status.teamName ?? '',
    ...socketSummary(status, view),
    ...(app !== undefined && { app }),
  };
}
