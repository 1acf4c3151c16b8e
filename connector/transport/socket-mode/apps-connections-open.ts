import { unreadable } from '../../../core/slack/classify-answer.ts';
import { disallowed, mangled, terminal, webApiMethod } from '../../../core/slack/slack-error.ts';
import type { WebApi } from '../../../core/slack/web-api.ts';
import type { WebApiAnswer, WebApiFailure } from '../../../core/slack/web-api-answer.ts';
import { text } from '../../event/frame-field.ts';
import { isSocketUrl } from '../socket-url.ts';
import { NEW_APP_TOKEN } from './app-token.ts';

/** What apps.connections.open said. `url` is single-use: dial it at once, never log it. */
export type AppsConnectionsOpenAnswer = { kind: 'ok'; url: string } | WebApiFailure;

/** Never rejects: a failure is an answer too. An aborted call answers `retry`. */
export type AppsConnectionsOpen = (appToken: string, signal: AbortSignal) => Promise<AppsConnectionsOpenAnswer>;

const NOT_FOR_ORGANIZATION =
  'The app may not connect for its organization. Ask the administrators of the organization to approve the app there. Relax ' +
  'asks again by itself.';

/** Errors that a token of the app's own has in other words than a bot's. */
export const APPS_CONNECTIONS_OPEN = webApiMethod('apps.connections.open', NEW_APP_TOKEN, {
  invalid_auth: terminal(
    'TokenInvalid',
    `Slack does not know the app-level token, or does not allow it from this address. ${NEW_APP_TOKEN}`,
  ),
  token_revoked: terminal('TokenRevoked', `The app-level token was revoked. ${NEW_APP_TOKEN}`),
  token_expired: terminal('TokenExpired', `The app-level token has expired. ${NEW_APP_TOKEN}`),
  account_inactive: terminal(
    'AccountInactive',
    `The app was deleted, or its workspace is deactivated at Slack. Activate it, or use another app. ${NEW_APP_TOKEN}`,
  ),
  not_allowed_token_type: terminal('TokenWrongKind', `Only an app-level token opens a socket. ${NEW_APP_TOKEN}`),
  missing_scope: terminal('MissingScope', `The app-level token lacks the scope connections:write. ${NEW_APP_TOKEN}`),
  no_permission: terminal('AccessDenied', `The app-level token may not open a socket. ${NEW_APP_TOKEN}`),
  forbidden_team: terminal(
    'AccessDenied',
    'The app may not connect for its workspace. Check at api.slack.com/apps that Socket Mode is switched on and that the ' +
      "workspace's administrators approve the app. Relax asks again by itself.",
  ),
  enterprise_is_restricted: terminal('AccessDenied', NOT_FOR_ORGANIZATION),
  team_access_not_granted: terminal('AccessDenied', NOT_FOR_ORGANIZATION),
  // The reason of a disconnect, should Slack give it here as well.
  link_disabled: terminal(
    'SocketModeDisabled',
    'Socket Mode is switched off for this app. Switch it on at api.slack.com/apps, "Socket Mode". Relax asks again by itself.',
  ),
  two_factor_setup_required: disallowed(
    'The person who generated the app-level token must set up two-factor authentication at Slack first.',
  ),
  insecure_request: mangled,
  missing_args: mangled,
});

export const appsConnectionsOpen =
  (webApi: WebApi): AppsConnectionsOpen =>
  async (appToken, signal) =>
    openAnswer(await webApi.call({ method: APPS_CONNECTIONS_OPEN, token: appToken, signal }), webApi.isPlainText);

/** @param allowPlainText whether `ws://` will do */
export function openAnswer(answer: WebApiAnswer, allowPlainText: boolean): AppsConnectionsOpenAnswer {
  if (answer.kind !== 'ok') return answer;
  const url = text(answer.body.url);
  return isSocketUrl(url, allowPlainText) ? { kind: 'ok', url } : unreadable(200, 'ok without a wss:// url');
}
