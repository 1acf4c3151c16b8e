import { appIDOf, appNameOf, splitCredentials } from '../../../core/protocol/app-credentials.ts';
import { appBudgetKey, appSocketsKey } from '../../../core/protocol/keys.ts';
import type { Refusal } from '../../../core/slack/web-api-answer.ts';
import type { Envelope } from '../../event/envelope.ts';
import type { EventSource } from '../../event/event-source.ts';
import { disableBot } from '../../event/normalize.ts';
import { revocationOf } from '../../event/revocation.ts';
import { revokedRoutes } from '../../route/revoked-routes.ts';
import type { RouteTable } from '../../route/route-table.ts';
import { type AppSource, routedSource } from '../../route/routed-source.ts';
import type { KeepAlive, ResolveSource, SlackSelf, Transport, Trouble } from '../transport.ts';
import { acknowledge, answer } from './acknowledge.ts';
import { refuseCredentials } from './app-token.ts';
import type { AppsConnectionsOpen, AppsConnectionsOpenAnswer } from './apps-connections-open.ts';
import { type BotIdentities, type BotIdentity, botMismatch, botOfOtherApp } from './bot-identity.ts';
import { ackIn, decodeSocketModeFrame } from './socket-mode-frame.ts';
import type { AppSpec, EnvelopeSpec, SocketModeSpec } from './socket-mode-spec.ts';

export interface SocketModeOptions {
  open: AppsConnectionsOpen;
  identities: Pick<BotIdentities, 'ask' | 'get' | 'refusal'>;
  cluster: string;
}

export interface AppOptions {
  open: AppsConnectionsOpen;
  routes: RouteTable;
  cluster: string;
}

const KEEP_ALIVE: KeepAlive = { by: 'websocketPing' };
/** Longer than reading a table of ten thousand teams takes. Without it, all events are the app's own. */
const ROUTES_WITHIN_MS = 5_000;
const NOBODY: SlackSelf = { teamID: '', teamName: '', botUserID: '' };

const appTokenOf = ({ token }: EnvelopeSpec): string => splitCredentials(token).appToken;

/** What the sockets of Socket Mode have in common, whomever their events are for. Slack gives each event to one socket of the app. */
const SHARED = {
  tokenRefusal: ({ token }: EnvelopeSpec) => refuseCredentials(splitCredentials(token)),
  bucket(spec: EnvelopeSpec) {
    const app = appNameOf(appTokenOf(spec));
    return { key: appBudgetKey(app), sockets: appSocketsKey(app) };
  },
  decode: decodeSocketModeFrame,
  ackIn,
  keepAlive: KEEP_ALIVE,
  acknowledge,
  answer,
  backpressure: 'redelivery',
  /** Another token of the same app is for the same stream. If the token does not name its app, it is taken for the same one. */
  streamID: (spec: EnvelopeSpec) => `${spec.ownerUid}/${appIDOf(appTokenOf(spec)) ?? ''}`,
  openMethod: 'apps.connections.open',
} as const;

/** Over Socket Mode, a bot of one team with an app of its own. */
export function socketModeTransport({ open, identities, cluster }: SocketModeOptions): Transport<SocketModeSpec> {
  const botOf = (spec: SocketModeSpec): Omit<EventSource, 'slackTeamID' | 'botUserID'> => ({
    ...ownerOf(spec, cluster),
    teamID: spec.teamID,
    replies: spec.replies,
    delayedEvents: spec.delayedEvents,
  });

  return {
    ...SHARED,
    async open(spec, signal) {
      const credentials = splitCredentials(spec.token);
      const identity = await identities.ask(credentials, spec.tokenDigest, signal);
      const refusal = identity === undefined ? undefined : botMismatch(identity, spec.teamID);
      if (refusal !== undefined) return { kind: 'mismatch', isUnasked: true, ...refusal };
      const trouble = refusedBotToken(identities.refusal(spec.tokenDigest));
      return granted(await open(credentials.appToken, signal), { ...selfOf(identity), trouble });
    },
    helloRefusal(spec, { appID = '' }) {
      const identity = identities.get(spec.tokenDigest);
      // What the token or Slack's API said of the app has been checked before.
      if (identity === undefined || identity.connectsAs !== '') return undefined;
      return botOfOtherApp(identity, appID);
    },
    speaker: ({ teamID, token }) => ({ teamID, token: splitCredentials(token).botToken }),
    sourceResolver: (spec, self) => ownSource(botOf(spec), self),
    revokedBy(spec, self, frame) {
      const appID = appIDOf(appTokenOf(spec)) ?? '';
      const refusal = revocationOf(frame, { teamID: spec.teamID, userID: self.botUserID, tokenKind: 'bot', appID });
      return refusal === undefined ? [] : [{ bot: { ...botOf(spec), tokenDigest: spec.tokenDigest }, refusal }];
    },
    disableBot: (spec, slackError, nowMs) =>
      disableBot({ ...botOf(spec), tokenDigest: spec.tokenDigest }, slackError, nowMs),
    logNames: (spec) => ({ app: appNameOf(appTokenOf(spec)), team: spec.teamID }),
  };
}

/** One of the sockets of an app that serves many teams. */
export function appTransport({ open, routes, cluster }: AppOptions): Transport<AppSpec> {
  return {
    ...SHARED,
    async open(spec, signal) {
      const token = appTokenOf(spec);
      const refusal = appMismatch(spec, appIDOf(token));
      if (refusal !== undefined) return { kind: 'mismatch', isUnasked: true, ...refusal };
      await routes.whenRead(spec.ownerUid, ROUTES_WITHIN_MS);
      return granted(await open(token, signal), NOBODY);
    },
    // What a token says of its app has been checked before.
    helloRefusal: (spec, { appID }) => (appIDOf(appTokenOf(spec)) === undefined ? appMismatch(spec, appID) : undefined),
    sourceResolver(spec) {
      const { replies, delayedEvents, unknownTeams } = spec;
      const app: AppSource = { ...ownerOf(spec, cluster), replies, delayedEvents, unknownTeams };
      return ({ envelope }) => routedSource(envelope ?? NO_TEAM, routes.routesOf(spec.ownerUid), app);
    },
    revokedBy(spec, _self, frame) {
      const appID = spec.appID || (appIDOf(appTokenOf(spec)) ?? '');
      return revokedRoutes(frame, routes.routesOf(spec.ownerUid), appID).map(({ teamID, route, refusal }) => {
        const { ownerUid, bot, generation, queueNamespace, events, tokenDigest = '' } = route;
        return { bot: { cluster, ownerUid, bot, generation, teamID, queueNamespace, events, tokenDigest }, refusal };
      });
    },
    // Each of its teams would have to be told, and no answer of Slack says which they are.
    disableBot: () => undefined,
    logNames: (spec) => ({ app: appNameOf(appTokenOf(spec)) }),
  };
}

const NO_TEAM: Pick<Envelope, 'teamID' | 'enterpriseID' | 'botUserID'> = {
  teamID: '',
  enterpriseID: '',
  botUserID: '',
};

const ownerOf = (spec: EnvelopeSpec, cluster: string) => ({
  cluster,
  ownerUid: spec.ownerUid,
  bot: spec.bot,
  generation: spec.generation,
  queueNamespace: spec.queueNamespace,
  events: spec.events,
});

/** Nearly all events of an app of one's own name the same team and bot, so the last answer is kept. */
function ownSource(bot: Omit<EventSource, 'slackTeamID' | 'botUserID'>, self: SlackSelf): ResolveSource {
  const sourceOf = (teamID: string, botUserID: string): EventSource => ({
    ...bot,
    teamID,
    slackTeamID: teamID,
    botUserID,
  });
  let last = sourceOf(bot.teamID, self.botUserID);
  return ({ envelope }) => {
    const teamID = envelope?.teamID || bot.teamID;
    const botUserID = envelope?.botUserID || self.botUserID;
    if (teamID !== last.teamID || botUserID !== last.botUserID) last = sourceOf(teamID, botUserID);
    return last;
  };
}

const selfOf = (identity: BotIdentity | undefined): SlackSelf =>
  identity === undefined
    ? NOBODY
    : { teamID: identity.teamID, teamName: identity.teamName, botUserID: identity.botUserID };

/** Events need no bot token, so the socket is opened all the same. */
function refusedBotToken(refusal: Refusal | undefined): Trouble | undefined {
  if (refusal === undefined) return undefined;
  return { reason: 'BotTokenRefused', message: `Events flow, but the bot token is of no use. ${refusal.message}` };
}

const granted = (answer: AppsConnectionsOpenAnswer, self: SlackSelf) =>
  answer.kind === 'ok' ? { ...answer, self } : answer;

/** @param appID whose the token is; undefined: unknown, which is no mismatch */
function appMismatch(spec: AppSpec, appID: string | undefined): Refusal | undefined {
  if (appID === undefined || spec.appID === '' || appID === spec.appID) return undefined;
  const message =
    `The app-level token belongs to app ${appID}, but spec.appID is ${spec.appID}. Its events are not read. Put an app-level ` +
    'token of that app into the Secret, or create a SlackApp with the appID of the token.';
  return { reason: 'AppMismatch', error: 'app_mismatch', message };
}
