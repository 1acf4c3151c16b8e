import { type AppCredentials, isAppToken } from '../../../core/protocol/app-credentials.ts';
import { tokenKind } from '../../../core/protocol/token.ts';
import type { Refusal } from '../../../core/slack/web-api-answer.ts';

/** How to get the token that Socket Mode needs. */
export const NEW_APP_TOKEN =
  'Generate an app-level token (xapp-...) with the scope connections:write at api.slack.com/apps, "Basic Information", ' +
  'and put it into the Secret.';

/**
 * A value that does not look like the token which its place is for is not sent at all.
 * @returns undefined when they may be sent
 */
export function refuseCredentials({ appToken, botToken }: AppCredentials): Refusal | undefined {
  if (!isAppToken(appToken)) {
    return wrongKind(`The app-level token in the Secret ${looksLike(appToken)} and was not sent. ${NEW_APP_TOKEN}`);
  }
  if (botToken === undefined || tokenKind(botToken) === 'bot') return undefined;
  const remedy =
    'Put the bot token (xoxb-...) of the same app there, or none: Socket Mode itself needs only the other.';
  return wrongKind(`The bot token in the Secret ${looksLike(botToken)} and was not sent. ${remedy}`);
}

function looksLike(token: string): string {
  const kind = tokenKind(token);
  if (kind === 'unknown') return 'does not look like a Slack token';
  return kind === 'app' ? 'is an app-level token' : `is a ${kind} token`;
}

const wrongKind = (message: string): Refusal => ({ reason: 'TokenWrongKind', error: 'token_wrong_kind', message });
