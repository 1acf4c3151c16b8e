import { tokenKind } from '../protocol/token.ts';
import type { JsonObject } from './json-object.ts';
import { terminal, webApiMethod } from './slack-error.ts';
import type { WebApi } from './web-api.ts';

/** The refresh of a rotating token: `oauth.v2.access` with the grant type refresh_token. */

export interface RefreshRequest {
  clientID: string;
  clientSecret: string;
  refreshToken: string;
}

export type RefreshAnswer =
  | {
      kind: 'ok';
      token: string;
      /** Its successor: the one that was sent is valid for a short grace period only. */
      refreshToken: string;
      /** Undefined: Slack did not say. */
      lifetimeMs: number | undefined;
    }
  /** Nothing but another Secret helps. */
  | {
      kind: 'refused';
      /** Slack's code. */
      error: string;
      /** For people: names Slack's error and the remedy. */
      message: string;
      /** It is the refresh token that Slack does not take, not the app's id or secret. */
      isOfToken: boolean;
    }
  | { kind: 'retry'; message: string; retryAfterMs: number | undefined };

const PAIR =
  'Install the app again, and put its new token and refresh token into the Secret (both, as Slack shows them).';
const CLIENT =
  'Put the client id and the client secret of "Basic Information", "App Credentials", of the Slack app into the Secret.';

/** The errors that are about the refresh token. Slack tells an expired one from a revoked one only sometimes. */
const OF_TOKEN = ['invalid_refresh_token', 'token_expired', 'token_revoked', 'invalid_grant', 'invalid_code'];

const refused = (message: string) => terminal('TokenInvalid', message);

export const OAUTH_ACCESS = webApiMethod('oauth.v2.access', PAIR, {
  ...Object.fromEntries(
    OF_TOKEN.map((error) => [error, refused(`The refresh token was already used, or was revoked. ${PAIR}`)]),
  ),
  invalid_client_id: refused(`Slack does not know the client id. ${CLIENT}`),
  bad_client_secret: refused(`The client secret is not that of the app. ${CLIENT}`),
  invalid_client: refused(`Slack does not know the client id, or the secret is another. ${CLIENT}`),
  invalid_grant_type: refused('Slack does not take refresh tokens of this app. Switch on token rotation for the app.'),
  token_rotation_not_enabled: refused(
    'The app does not rotate its tokens. Switch on token rotation, or take refresh token, client id and client secret out of the Secret.',
  ),
});

/** Never rejects: a failure is an answer too. */
export async function refreshTokens(
  webApi: WebApi,
  { clientID, clientSecret, refreshToken }: RefreshRequest,
  signal: AbortSignal,
): Promise<RefreshAnswer> {
  const answer = await webApi.call({
    method: OAUTH_ACCESS,
    client: { id: clientID, secret: clientSecret },
    params: { grant_type: 'refresh_token', refresh_token: refreshToken },
    signal,
  });
  switch (answer.kind) {
    case 'ok':
      return pairIn(answer.body);
    case 'terminal': {
      const { error, message } = answer;
      return { kind: 'refused', error, message, isOfToken: OF_TOKEN.includes(error) };
    }
    case 'rateLimited':
      return { kind: 'retry', message: RATE_LIMITED, retryAfterMs: answer.retryAfterMs };
    case 'retry':
      return { kind: 'retry', message: answer.message, retryAfterMs: answer.retryAfterMs };
    default:
      return answer satisfies never;
  }
}

const RATE_LIMITED = `Slack asked to wait before the next ${OAUTH_ACCESS.name} (ratelimited).`;

function pairIn(body: JsonObject): RefreshAnswer {
  const { access_token: token, refresh_token: refreshToken, expires_in: seconds } = body;
  const isToken = typeof token === 'string' && ['bot', 'user'].includes(tokenKind(token));
  if (!isToken || typeof refreshToken !== 'string' || tokenKind(refreshToken) !== 'refresh') {
    const message =
      `${OAUTH_ACCESS.name} answered without a token and a refresh token. ` +
      'Check RELAX_SLACK_API_URL and any proxy between Relax and Slack.';
    return { kind: 'retry', message, retryAfterMs: undefined };
  }
  const isTime = typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0;
  return { kind: 'ok', token, refreshToken, lifetimeMs: isTime ? seconds * 1000 : undefined };
}
