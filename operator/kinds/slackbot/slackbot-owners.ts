import type { SlackApp } from '../../../core/api/slackapp.ts';
import { appRefOf, type SlackBotStatus } from '../../../core/api/slackbot.ts';
import type { ReconcilerParts } from '../../reconcile/kind-controller.ts';
import type { OwnerKind } from '../owner-reconciler.ts';
import { statusNotRun } from '../status-not-run.ts';
import { type Apps, judgeAppRef } from './carrier.ts';
import { hasOwnSockets, judgeCredentials, withCarriedToken } from './credentials.ts';
import { rotationIn } from './rotating-token.ts';
import { type SlackBotObject, wantedSecretOf } from './slackbot-object.ts';
import { ownerOf } from './socket-set.ts';
import { statusOf } from './status.ts';

/** SlackBots as owners of sockets, their own or those of a SlackApp. */
export function slackBotOwners({
  others,
  desired,
  planner,
}: Pick<ReconcilerParts<SlackBotObject>, 'others' | 'desired' | 'planner'>): OwnerKind<SlackBotObject> {
  const apps = appsAmong(others);
  return {
    wantedSecretOf,
    carrierOf: (bot) => {
      const app = others('slackapp')?.get(appRefOf(bot) ?? '');
      return app && { singular: 'slackapp', metadata: app.metadata };
    },
    judgeCredentials: (bot, secret) =>
      hasOwnSockets(bot.spec)
        ? judgeCredentials(bot.spec, secret)
        : withCarriedToken(judgeAppRef(bot, apps), bot.spec, secret),
    rotationIn,
    tokenUseOf: ({ spec }) => TOKEN_USES[spec.transport],
    ownerOf: (bot) => {
      const verdict = hasOwnSockets(bot.spec) ? undefined : judgeAppRef(bot, apps);
      // A suspended bot keeps its place in the table while its app is not known.
      const known = verdict?.kind === 'unknown' ? desired.routed(bot.metadata.uid)?.appUid : undefined;
      return ownerOf(bot, verdict?.kind === 'valid' ? verdict.digest : known);
    },
    statusOf: (bot, { verdict, duplicateOf, fleet, previous, nowMs }): SlackBotStatus => {
      const { uid } = bot.metadata;
      const { bots, routed } = planner.view();
      const view = bots.get(uid);
      const app = apps.statusOf(appRefOf(bot) ?? '');
      const isRouted = routed?.has(uid);
      return statusOf({ bot, verdict, duplicateOf, view, fleet, app, isRouted, previous, nowMs });
    },
    statusNotRun,
  };
}

const TOKEN_USES = { RTM: 'sockets', SocketMode: 'messages', App: 'carried' } as const;

/** Without the kind there are no SlackApps. */
function appsAmong(others: ReconcilerParts<SlackBotObject>['others']): Apps {
  const get = (key: string): SlackApp | undefined => others('slackapp')?.get(key) as SlackApp | undefined;
  return {
    get,
    statusOf: (key) => {
      const app = others('slackapp')?.get(key);
      return app && others('slackapp')?.statusOf(app);
    },
    isListed: (namespace) => others('slackapp')?.isListed(namespace) ?? true,
  };
}
