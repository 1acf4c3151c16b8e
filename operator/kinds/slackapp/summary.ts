import { qualifiedName } from '../../../core/api/object-name.ts';
import type { SlackAppStatus } from '../../../core/api/slackapp.ts';
import type { BotSummary } from '../../../core/protocol/bot-summary.ts';
import type { BotView } from '../../fleet/fleet-view.ts';
import { socketSummary } from '../socket-summary.ts';

/** The line of an app in `relax status`. */
export function summaryOf(
  app: { metadata: { namespace: string; name: string }; spec: { appID: string } },
  status: SlackAppStatus,
  view: BotView | undefined,
): BotSummary {
  return {
    bot: qualifiedName(app),
    teamID: '',
    teamName: '',
    ...socketSummary(status, view),
    appID: app.spec.appID,
    teams: status.teams ?? 0,
  };
}
