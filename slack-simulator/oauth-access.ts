import type { AppDirectory } from './app.ts';
import type { Frame } from './frames.ts';
import type { BotPlace } from './post-desk.ts';
import type { Refreshed, RefreshRequest } from './rotation.ts';
import type { TeamDirectory } from './team.ts';

type Surroundings = {
  directory: TeamDirectory;
  apps: AppDirectory;
  refresh(request: RefreshRequest): Refreshed;
};

/**
 * oauth.v2.access with a refresh token, the client's id and secret by HTTP Basic or as arguments. Nobody installs an app in
 * this Slack, so it takes no authorization code.
 * @returns Slack's error, or the answer's fields
 */
export function exchangeToken(
  { client, args }: { client: { id: string; secret: string } | undefined; args: Frame },
  { directory, apps, refresh }: Surroundings,
): string | Frame {
  if (args.grant_type !== 'refresh_token') return args.grant_type === undefined ? 'invalid_code' : 'invalid_grant_type';
  const refreshed = refresh({
    clientID: client?.id ?? textOf(args.client_id),
    clientSecret: client?.secret ?? textOf(args.client_secret),
    refreshToken: textOf(args.refresh_token),
  });
  if (!refreshed.ok) return refreshed.error;
  const { place, pair, expiresInSeconds } = refreshed;
  return {
    access_token: pair.accessToken,
    expires_in: expiresInSeconds,
    refresh_token: pair.refreshToken,
    token_type: 'bot',
    scope: 'chat:write',
    ...ownerOf(place),
  };

  function ownerOf({ teamID, appID }: BotPlace): Frame {
    if (appID === undefined) {
      const { botUserID, name } = directory.get(teamID);
      return { bot_user_id: botUserID, team: { id: teamID, name }, enterprise: null, is_enterprise_install: false };
    }
    const { botUserID, teamName, enterpriseID, isEnterpriseInstall } = apps.installation(appID, teamID);
    return {
      app_id: appID,
      bot_user_id: botUserID,
      team: { id: teamID, name: teamName },
      enterprise: enterpriseID === undefined ? null : { id: enterpriseID },
      is_enterprise_install: isEnterpriseInstall,
    };
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
