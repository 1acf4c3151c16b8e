import type { AppDirectory } from './app.ts';
import type { Frame } from './frames.ts';
import type { BotPlace } from './post-desk.ts';
import type { Refreshed, RefreshRequest, RotationBook, RotationSpec, RotationView, TokenPair } from './rotation.ts';
import type { TeamDirectory } from './team.ts';

/** The events by which Slack says that a bot's tokens are worth nothing any more. */
export const withdrawals = ['tokens_revoked', 'app_uninstalled', 'team_access_revoked'] as const;
export type Withdrawal = (typeof withdrawals)[number];

export type WithdrawalOptions = {
  /** What its tokens answer from then on: `token_revoked` after `tokens_revoked`, or else `account_inactive`. */
  error?: string | undefined;
  /** RTM sockets that its tokens opened stay: by default Slack closes them after the event. */
  keepSockets?: boolean | undefined;
};

/** The tokens of bots, over RTM and of apps alike, as a test drives them. */
export type TokenControls = {
  /** Makes a bot's tokens rotate, and lets the first pair in. What it had before stays good unless it is in that pair. */
  rotate(bot: BotPlace, spec: RotationSpec): TokenPair;
  rotations(): RotationView[];
  /** The access token answers `token_expired` from now on. Its sockets stay. */
  expire(token: string): void;
  /** Sends the event, and then refuses all tokens of the bot, also the refresh tokens. An uninstalled app hears no more. */
  withdraw(bot: BotPlace, how: Withdrawal, options?: WithdrawalOptions): void;
};

type Parts = {
  teams: TeamDirectory;
  apps: AppDirectory;
  rotations: RotationBook;
  nextTimestamp(): string;
  emitToTeam(teamID: string, event: Frame): void;
  emitToApp(appID: string, teamID: string, event: Frame): void;
  /** Voids the socket URLs of a token, and closes its sockets. */
  closeSockets(token: string): void;
};

/** `refresh`: what oauth.v2.access does with a refresh token. */
export function createTokenControls(parts: Parts): {
  controls: TokenControls;
  refresh(request: RefreshRequest): Refreshed;
} {
  const { teams, apps, rotations } = parts;
  return {
    controls: {
      rotate(bot, spec) {
        const pair = rotations.start(bot, spec, Date.now());
        letIn(bot, pair);
        return pair;
      },
      rotations: () => rotations.list(),
      expire(token) {
        if (apps.installationOfToken(token) === undefined) teams.expireToken(token, Date.now());
        else apps.expireBotToken(token, Date.now());
      },
      withdraw(
        bot,
        how,
        { error = how === 'tokens_revoked' ? 'token_revoked' : 'account_inactive', keepSockets } = {},
      ) {
        announce(bot, how);
        rotations.end(bot);
        if (bot.appID === undefined) {
          for (const { token } of teams.tokensOf(bot.teamID)) refuse(token, error, keepSockets);
          return;
        }
        if (how === 'tokens_revoked')
          for (const { token } of apps.botCredentialsOf(apps.installation(bot.appID, bot.teamID)))
            apps.refuseBotToken(token, error);
        else if (apps.isInstalled(bot.appID, bot.teamID)) apps.uninstall(bot.appID, bot.teamID, error);
      },
    },
    refresh(request) {
      const refreshed = rotations.refresh(request, Date.now());
      if (!refreshed.ok) return refreshed;
      letIn(refreshed.place, refreshed.pair);
      for (const token of refreshed.revoked) {
        if (apps.installationOfToken(token) === undefined) refuse(token, 'token_revoked', false);
        else apps.refuseBotToken(token, 'token_revoked');
      }
      return refreshed;
    },
  };

  function letIn({ teamID, appID }: BotPlace, { accessToken, expiresAtMs }: TokenPair): void {
    if (appID !== undefined) {
      apps.addBotToken(appID, teamID, accessToken);
      apps.expireBotToken(accessToken, expiresAtMs);
      return;
    }
    if (teams.teamOf(accessToken) !== teamID) teams.addToken(teamID, accessToken);
    teams.expireToken(accessToken, expiresAtMs);
  }

  function refuse(token: string, error: string, keepSockets = false): void {
    teams.refuseToken(token, error);
    if (!keepSockets) parts.closeSockets(token);
  }

  function announce({ teamID, appID }: BotPlace, how: Withdrawal): void {
    const { botUserID } = appID === undefined ? teams.get(teamID) : apps.installation(appID, teamID);
    const event = { type: how, ...detailsOf(how, teamID, botUserID), event_ts: parts.nextTimestamp() };
    if (appID === undefined) parts.emitToTeam(teamID, event);
    else parts.emitToApp(appID, teamID, event);
  }
}

/** docs.slack.dev/reference/events */
function detailsOf(how: Withdrawal, teamID: string, botUserID: string): Frame {
  switch (how) {
    case 'tokens_revoked':
      return { tokens: { oauth: [], bot: [botUserID] } };
    case 'team_access_revoked':
      return { team_ids: [teamID] };
    case 'app_uninstalled':
      return {};
    default:
      return how satisfies never;
  }
}
