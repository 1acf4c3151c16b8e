import { FINALIZER } from '../../../core/api/api-group.ts';
import { appRefOf } from '../../../core/api/slackbot.ts';
import type { Kind } from '../../reconcile/kind.ts';
import { registerKind } from '../../reconcile/registered-kind.ts';
import { OwnerReconciler } from '../owner-reconciler.ts';
import { socketFacts } from '../socket-facts.ts';
import { urgencyOf } from '../status-change.ts';
import { statusNotRun } from '../status-not-run.ts';
import { transitionEvents } from '../transition-events.ts';
import { SLACKBOT_GAUGE } from './slackbot-metrics.ts';
import { SLACKBOTS, type SlackBotObject, secretKeyOf } from './slackbot-object.ts';
import { slackBotOwners } from './slackbot-owners.ts';
import { summaryOf } from './summary.ts';

export const slackBotKind: Kind<SlackBotObject> = {
  resource: SLACKBOTS,
  singular: 'slackbot',
  many: 'SlackBots',
  finalizer: FINALIZER,
  gauge: SLACKBOT_GAUGE,
  parse: (object) => object as SlackBotObject,
  secretKeyOf,
  dependency: {
    kind: 'slackapp',
    keysOf: (bot) => {
      const key = appRefOf(bot);
      return key === undefined ? [] : [key];
    },
  },
  urgencyOf,
  eventsOf: transitionEvents,
  statusNotRun,
  summaryOf: (bot, status, view) => summaryOf(bot, status, view.bots.get(bot.metadata.uid)),
  factsOf: socketFacts,
};

export const slackBots = registerKind(
  slackBotKind,
  (parts) => new OwnerReconciler<SlackBotObject>(slackBotOwners(parts), parts),
);
