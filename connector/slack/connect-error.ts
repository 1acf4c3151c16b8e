import type { RetryReason, TerminalReason } from '../../core/protocol/report.ts';

export type ConnectErrorClass =
  | { kind: 'terminal'; reason: TerminalReason; message: string }
  | { kind: 'retry'; reason: RetryReason; message: string }
  | { kind: 'rateLimited' };

const NEW_TOKEN = 'Put a valid bot token of a classic app into the Secret.';
const GRANULAR =
  'RTM serves classic Slack apps only: use the bot token of a classic app, or spec.transport SocketMode or App.';
const MANGLED = 'Check what stands between Relax and Slack (proxies), and RELAX_SLACK_API_URL.';
const BY_ITSELF = 'Relax tries again by itself.';

const terminal = (reason: TerminalReason, message: string): ConnectErrorClass => ({
  kind: 'terminal',
  reason,
  message,
});
const retry = (reason: RetryReason, message: string): ConnectErrorClass => ({ kind: 'retry', reason, message });

const mangled = retry('SlackUnavailable', `Slack did not understand the request. ${MANGLED}`);
const ill = retry('SlackUnavailable', `Slack has a fault of its own. ${BY_ITSELF}`);
const migrates = retry(
  'MigrationInProgress',
  `Slack is moving the workspace; it can't be reached until that is done. ${BY_ITSELF}`,
);

/**
 * Errors that Slack documents for rtm.connect (slack-api-ref methods/rtm/rtm.connect.json and later copies of the page;
 * those of the official SDKs' lists of unrecoverable errors are terminal here too). Terminal is only what a new token
 * or spec alone can mend: what an administrator at Slack can mend is tried again, so that no one has to touch the bot.
 */
const CLASSES: ReadonlyMap<string, ConnectErrorClass> = new Map(
  Object.entries({
    not_authed: terminal('TokenInvalid', `Slack saw no token. ${NEW_TOKEN}`),
    invalid_auth: terminal(
      'TokenInvalid',
      `Slack does not know the token, or does not allow it from this address. ${NEW_TOKEN}`,
    ),
    token_revoked: terminal('TokenRevoked', `The token was revoked. Install the app again. ${NEW_TOKEN}`),
    token_expired: terminal('TokenExpired', `The token has expired. ${NEW_TOKEN}`),
    account_inactive: terminal(
      'AccountInactive',
      `The bot's user or workspace is deactivated at Slack. Activate it or install the app again. ${NEW_TOKEN}`,
    ),
    user_removed_from_team: terminal(
      'AccountInactive',
      `The bot's user was removed from the workspace. Install the app again. ${NEW_TOKEN}`,
    ),
    team_disabled: terminal(
      'AccountInactive',
      'The workspace is disabled at Slack. Delete the SlackBot, or change the token once the workspace is back.',
    ),
    not_allowed_token_type: terminal('RTMNotAllowed', `This kind of token can't open an RTM connection. ${GRANULAR}`),
    is_bot: terminal('RTMNotAllowed', `Slack does not let this bot open an RTM connection. ${GRANULAR}`),
    enterprise_is_restricted: terminal(
      'RTMNotAllowed',
      'An Enterprise organization as a whole can use no RTM. Use the token of one of its workspaces.',
    ),
    method_deprecated: terminal('RTMNotAllowed', `Slack has closed RTM for this app. ${GRANULAR}`),
    deprecated_endpoint: terminal('RTMNotAllowed', `Slack has closed RTM for this app. ${GRANULAR}`),
    missing_scope: terminal(
      'MissingScope',
      'The token lacks the scope that RTM needs ("bot" or "rtm:stream"). Add it, install the app again, and put the new token into the Secret.',
    ),
    no_permission: terminal(
      'AccessDenied',
      'The token may not do this in its workspace. Install the app again with a user who may, and put the new token into the Secret.',
    ),
    access_denied: terminal(
      'AccessDenied',
      "Slack denies access. Ask the workspace's administrators to approve the app, then put its token into the Secret again.",
    ),
    accesslimited: retry(
      'ConnectionRefused',
      "Slack does not allow this from the connector's network. Add its addresses to the app's allowed IP ranges at Slack.",
    ),
    ekm_access_denied: retry(
      'ConnectionRefused',
      "The workspace's administrators have suspended access (Enterprise Key Management). Only they can end that.",
    ),
    two_factor_setup_required: retry(
      'ConnectionRefused',
      "The token's user must set up two-factor authentication at Slack first.",
    ),
    migration_in_progress: migrates,
    team_added_to_org: migrates,
    org_login_required: migrates,
    service_unavailable: ill,
    internal_error: ill,
    fatal_error: ill,
    request_timeout: retry('SlackUnavailable', `The request did not reach Slack whole. ${MANGLED}`),
    invalid_arg_name: mangled,
    invalid_arguments: mangled,
    invalid_array_arg: mangled,
    invalid_charset: mangled,
    invalid_form_data: mangled,
    invalid_post_type: mangled,
    missing_post_type: mangled,
    rtm_connect_required: mangled,
    unknown_method: retry('SlackUnavailable', `What answers there knows no rtm.connect. ${MANGLED}`),
    upgrade_required: retry('SlackUnavailable', `Slack asks for a newer client. Update Relax. ${BY_ITSELF}`),
    ratelimited: { kind: 'rateLimited' },
    rate_limited: { kind: 'rateLimited' },
  } satisfies Record<string, ConnectErrorClass>),
);

/** An error that Slack documents nowhere may be a passing one: it never closes the case. */
export function connectErrorClass(error: string): ConnectErrorClass {
  return CLASSES.get(error) ?? retry('SlackUnavailable', `Relax does not know this error. ${BY_ITSELF}`);
}

/** Every error of the table. */
export const KNOWN_CONNECT_ERRORS: readonly string[] = [...CLASSES.keys()];
