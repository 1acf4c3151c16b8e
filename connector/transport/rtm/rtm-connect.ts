import { unreadable } from '../../../core/slack/classify-answer.ts';
import { mangled, terminal, webApiMethod } from '../../../core/slack/slack-error.ts';
import type { WebApi } from '../../../core/slack/web-api.ts';
import type { WebApiAnswer, WebApiFailure } from '../../../core/slack/web-api-answer.ts';
import { objectAt, text } from '../../event/frame-field.ts';
import { isSocketUrl } from '../socket-url.ts';
import { refuseToken } from './rtm-token.ts';

/** What rtm.connect said. */
export type RtmConnectAnswer =
  /**
   * `url` is single-use and valid for 30 s: dial it at once, never log it. `enterpriseID` only if the workspace is part
   * of an Enterprise organization.
   */
  | { kind: 'ok'; url: string; teamID: string; enterpriseID?: string; teamName: string; botUserID: string }
  | WebApiFailure;

/** Never rejects: a failure is an answer too. An aborted call answers `retry`. */
export type RtmConnect = (token: string, signal: AbortSignal) => Promise<RtmConnectAnswer>;

const NEW_TOKEN = 'Put a valid bot token of a classic app into the Secret.';
const GRANULAR =
  'RTM serves classic Slack apps only: use the bot token of a classic app, or spec.transport SocketMode or App.';

export const RTM_CONNECT = webApiMethod('rtm.connect', NEW_TOKEN, {
  not_allowed_token_type: terminal('RTMNotAllowed', `This kind of token can't open an RTM connection. ${GRANULAR}`),
  is_bot: terminal('RTMNotAllowed', `Slack does not let this bot open an RTM connection. ${GRANULAR}`),
  enterprise_is_restricted: terminal(
    'RTMNotAllowed',
    'An Enterprise organization as a whole cannot use RTM. Use the token of one of its workspaces.',
  ),
  method_deprecated: terminal('RTMNotAllowed', `Slack has closed RTM for this app. ${GRANULAR}`),
  deprecated_endpoint: terminal('RTMNotAllowed', `Slack has closed RTM for this app. ${GRANULAR}`),
  missing_scope: terminal(
    'MissingScope',
    'The token lacks the scope that RTM needs ("bot" or "rtm:stream"). Add it, install the app again, and put the new token into the Secret.',
  ),
  rtm_connect_required: mangled,
});

const MAX_NAME = 200;

export function rtmConnect(webApi: WebApi): RtmConnect {
  return async (token, signal) => {
    const refusal = refuseToken(token);
    if (refusal !== undefined) return { kind: 'terminal', ...refusal };
    return rtmConnectAnswer(await webApi.call({ method: RTM_CONNECT, token, signal }), webApi.isPlainText);
  };
}

/** @param allowPlainText whether `ws://` will do */
export function rtmConnectAnswer(answer: WebApiAnswer, allowPlainText: boolean): RtmConnectAnswer {
  if (answer.kind !== 'ok') return answer;
  const { body } = answer;
  const team = objectAt(body, 'team');
  const url = text(body.url);
  const teamID = text(team.id);
  const botUserID = text(objectAt(body, 'self').id);
  if (!isSocketUrl(url, allowPlainText)) return unreadable(200, 'ok without a wss:// url');
  if (teamID === '' || botUserID === '') return unreadable(200, 'ok without team.id or self.id');
  const enterpriseID = text(team.enterprise_id);
  return {
    kind: 'ok',
    url,
    teamID,
    botUserID,
    teamName: text(team.name).slice(0, MAX_NAME),
    ...(enterpriseID === '' ? {} : { enterpriseID }),
  };
}

/** Whether Slack's answer is about the team that `spec.teamID` names: a workspace (T...) or an organization (E...). */
export function isAbout(answer: Extract<RtmConnectAnswer, { kind: 'ok' }>, teamID: string): boolean {
  return answer.teamID === teamID || answer.enterpriseID === teamID;
}
