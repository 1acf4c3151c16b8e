import { FINALIZER } from '../../../core/api/api-group.ts';
import type { Kind } from '../../reconcile/kind.ts';
import { registerKind } from '../../reconcile/registered-kind.ts';
import { conditionOf } from '../../status/conditions.ts';
import { fleetFacts } from '../socket-conditions.ts';
import { SLACKBOT_GAUGE } from './slackbot-metrics.ts';
import { SLACKBOTS, type SlackBotObject, secretKeyOf } from './slackbot-object.ts';
import { SlackBotReconciler } from './slackbot-reconciler.ts';
import { urgencyOf } from './status-change.ts';
import { statusNotRun } from './status-not-run.ts';
import { summaryOf } from './summary.ts';
import { transitionEvents } from './transition-events.ts';

export const slackBotKind: Kind<SlackBotObject> = {
  resource: SLACKBOTS,
  singular: 'slackbot',
  many: 'SlackBots',
  finalizer: FINALIZER,
  gauge: SLACKBOT_GAUGE,
  parse: (object) => object as SlackBotObject,
  secretKeyOf,
  urgencyOf,
  eventsOf: transitionEvents,
  statusNotRun,
  summaryOf: (bot, status, view) => summaryOf(bot, status, view.bots.get(bot.metadata.uid)),
  factsOf: (view) => {
    const { settled, pods, zones, rooms } = fleetFacts(view);
    return [
      // Only what changes a condition: one more pod in the second zone is no news for 100,000 bots.
      { text: JSON.stringify([settled, pods > 0, zones > 1]), concerns: () => true },
      { text: JSON.stringify(rooms), concerns: isInOneZone },
    ];
  },
};

/** Its message says what the other zones could take. */
const isInOneZone = ({ status }: SlackBotObject): boolean => conditionOf(status, 'Redundant')?.reason === 'SameZone';

export const slackBots = registerKind(
  slackBotKind,
  ({ objects, onStatus, ...parts }) =>
    new SlackBotReconciler({
      ...parts,
      bots: objects,
      onStatus: (uid, judged) => onStatus(uid, judged && { object: judged.bot, status: judged.status }),
    }),
);
