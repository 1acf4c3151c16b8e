import type { App, AppCredential, AppDirectory, Installation } from './app.ts';
import type { Credential, Team, TeamDirectory } from './team.ts';

/**
 * Who calls a method. `classic`: a bot that may use RTM. `bot`: an app's bot in a workspace. `app`: an app itself, by an
 * app-level token.
 */
export type Caller =
  | { kind: 'classic'; team: Team; credential: Credential }
  | { kind: 'bot'; app: App; installation: Installation }
  | { kind: 'app'; app: App; credential: AppCredential };

export type Identified = { ok: true; caller: Caller } | { ok: false; error: string };

/** Methods that an app-level token may call; every other refuses it. */
const appMethods = ['apps.connections.open', 'auth.test'];
/** Methods that take nothing else. */
const appOnlyMethods = ['apps.connections.open'];

/** What Slack says to a token that calls a method. */
export function identify(
  directories: { teams: TeamDirectory; apps: AppDirectory },
  token: string | undefined,
  method: string,
  nowMs: number,
): Identified {
  const { teams, apps } = directories;
  const credential = apps.credential(token);
  const isAppLevel = credential !== undefined || token?.startsWith('xapp-') === true;
  if (isAppLevel && appMethods.includes(method)) return ofApp(apps, credential);
  if (isAppLevel) return { ok: false, error: 'not_allowed_token_type' };
  const installation = apps.installationOfToken(token);
  if (token !== undefined && installation !== undefined) {
    const refusal = apps.refusalOfBotToken(token, nowMs);
    if (refusal !== undefined) return { ok: false, error: refusal };
    if (appOnlyMethods.includes(method) || method.startsWith('rtm.'))
      return { ok: false, error: 'not_allowed_token_type' };
    return { ok: true, caller: { kind: 'bot', app: apps.get(installation.appID), installation } };
  }
  const found = teams.authenticate(token, method, nowMs);
  if (!found.ok) return found;
  if (appOnlyMethods.includes(method)) return { ok: false, error: 'not_allowed_token_type' };
  return { ok: true, caller: { kind: 'classic', team: found.team, credential: found.credential } };
}

function ofApp(apps: AppDirectory, credential: AppCredential | undefined): Identified {
  if (credential === undefined || !apps.has(credential.appID)) return { ok: false, error: 'invalid_auth' };
  if (credential.revoked) return { ok: false, error: 'token_revoked' };
  return { ok: true, caller: { kind: 'app', app: apps.get(credential.appID), credential } };
}
