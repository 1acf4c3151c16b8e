import { FINALIZER } from '../../../core/api/api-group.ts';
import type { Kind } from '../../reconcile/kind.ts';
import type { ReconcilerParts } from '../../reconcile/kind-controller.ts';
import { registerKind } from '../../reconcile/registered-kind.ts';
import { type OwnerKind, OwnerReconciler } from '../owner-reconciler.ts';
import { socketFacts } from '../socket-facts.ts';
import { urgencyOf } from '../status-change.ts';
import { statusNotRun } from '../status-not-run.ts';
import { transitionEvents } from '../transition-events.ts';
import { judgeCredentials } from './credentials.ts';
import { SLACKAPP_GAUGE } from './slackapp-metrics.ts';
import { SLACKAPPS, type SlackAppObject, secretKeyOf, wantedSecretOf } from './slackapp-object.ts';
import { ownerOf } from './socket-set.ts';
import { statusOf } from './status.ts';
import { summaryOf } from './summary.ts';

export const slackAppKind: Kind<SlackAppObject> = {
  resource: SLACKAPPS,
  singular: 'slackapp',
  many: 'SlackApps',
  finalizer: FINALIZER,
  gauge: SLACKAPP_GAUGE,
  parse: (object) => object as SlackAppObject,
  secretKeyOf,
  urgencyOf,
  eventsOf: transitionEvents,
  statusNotRun,
  summaryOf: (app, status, view) => summaryOf(app, status, view.bots.get(app.metadata.uid)),
  factsOf: socketFacts,
};

export const slackApps = registerKind(
  slackAppKind,
  (parts) => new OwnerReconciler<SlackAppObject>(slackAppOwners(parts), parts),
);

/** SlackApps as owners of sockets. */
export function slackAppOwners({
  desired,
  planner,
}: Pick<ReconcilerParts<SlackAppObject>, 'desired' | 'planner'>): OwnerKind<SlackAppObject> {
  return {
    wantedSecretOf,
    judgeCredentials: ({ spec }, secret) => judgeCredentials(spec, secret),
    tokenUseOf: () => 'sockets',
    ownerOf,
    statusOf: (app, judged) => {
      const { uid } = app.metadata;
      return statusOf({ ...judged, app, view: planner.view().bots.get(uid), teams: desired.teamsOf(uid) });
    },
    statusNotRun,
  };
}
