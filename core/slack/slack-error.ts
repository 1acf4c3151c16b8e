import type { RetryReason, TerminalReason } from '../protocol/report.ts';

/** What one of Slack's error codes means: whether a retry is worthwhile, and what people can do about it. */
export type SlackError =
  | { kind: 'terminal'; reason: TerminalReason; message: string }
  | {
      kind: 'retry';
      reason: RetryReason;
      message: string;
      /** Slack said no, in a word that is new. */
      isUnknown?: true;
      /** Slack says it of one team or app, however well it is. */
      isOfOne?: true;
    }
  | { kind: 'rateLimited' };

/** A method of the Web API, and what each of its errors means. */
export interface WebApiMethod {
  /** As in the URL: `rtm.connect`. */
  name: string;
  errors: ReadonlyMap<string, SlackError>;
}

const MANGLED = 'Check any proxy between Relax and Slack, and RELAX_SLACK_API_URL.';
const BY_ITSELF = 'Relax retries automatically.';

export const terminal = (reason: TerminalReason, message: string): SlackError => ({
  kind: 'terminal',
  reason,
  message,
});
export const retry = (reason: RetryReason, message: string): SlackError => ({ kind: 'retry', reason, message });
/** What somebody who administers the team, the app or the token must allow first. */
export const disallowed = (message: string): SlackError => ({
  kind: 'retry',
  reason: 'ConnectionRefused',
  message,
  isOfOne: true,
});

/** Slack did not understand the request although it is correct: something has changed it on its way. */
export const mangled = retry('SlackUnavailable', `Slack did not understand the request. ${MANGLED}`);
const ill = retry('SlackUnavailable', `Slack reported an internal error. ${BY_ITSELF}`);
const migrates = retry(
  'MigrationInProgress',
  `Slack is moving the workspace; it can't be reached until that is done. ${BY_ITSELF}`,
);

/**
 * Errors that Slack documents for its methods in general (slack-api-ref and later copies of its pages; those of the
 * official SDKs' lists of unrecoverable errors are terminal here too). An error is terminal only if nothing but a new
 * token or spec helps. What an administrator at Slack can fix is retried, so that nobody has to edit the SlackBot.
 */
const sharedErrors = (method: string, newToken: string): Readonly<Record<string, SlackError>> => ({
  not_authed: terminal('TokenInvalid', `Slack received no token. ${newToken}`),
  invalid_auth: terminal(
    'TokenInvalid',
    `Slack does not know the token, or does not allow it from this address. ${newToken}`,
  ),
  token_revoked: terminal('TokenRevoked', `The token was revoked. Install the app again. ${newToken}`),
  token_expired: terminal('TokenExpired', `The token has expired. ${newToken}`),
  account_inactive: terminal(
    'AccountInactive',
    `The bot's user or workspace is deactivated at Slack. Activate it or install the app again. ${newToken}`,
  ),
  user_removed_from_team: terminal(
    'AccountInactive',
    `The bot's user was removed from the workspace. Install the app again. ${newToken}`,
  ),
  team_disabled: terminal(
    'AccountInactive',
    'The workspace is disabled at Slack. Delete the SlackBot, or change the token once the workspace is back.',
  ),
  no_permission: terminal(
    'AccessDenied',
    'The token may not do this in its workspace. Install the app again with a user who may, and put the new token into the Secret.',
  ),
  access_denied: terminal(
    'AccessDenied',
    "Slack denies access. Ask the workspace's administrators to approve the app, then put its token into the Secret again.",
  ),
  team_access_not_granted: terminal(
    'TeamAccessRevoked',
    'The organization has not granted the app access to this workspace. Ask its administrators to, then set spec.suspend to true and back.',
  ),
  missing_scope: terminal(
    'MissingScope',
    `The token lacks a scope that ${method} needs. Add it to the app and install the app again. ${newToken}`,
  ),
  not_allowed_token_type: terminal('TokenWrongKind', `${method} does not take this kind of token. ${newToken}`),
  enterprise_is_restricted: terminal(
    'AccessDenied',
    `${method} does not take the token of an organization as a whole. Use the token of one of its workspaces. ${newToken}`,
  ),
  accesslimited: disallowed(
    "Slack does not allow this from the connector's network. Add its addresses to the app's allowed IP ranges at Slack.",
  ),
  ekm_access_denied: disallowed(
    "The workspace's administrators have suspended access (Enterprise Key Management). Only they can end that.",
  ),
  two_factor_setup_required: disallowed("The token's user must set up two-factor authentication at Slack first."),
  migration_in_progress: migrates,
  team_added_to_org: migrates,
  org_login_required: migrates,
  service_unavailable: ill,
  internal_error: ill,
  fatal_error: ill,
  request_timeout: retry('SlackUnavailable', `Slack received an incomplete request. ${MANGLED}`),
  invalid_arg_name: mangled,
  invalid_arguments: mangled,
  invalid_array_arg: mangled,
  invalid_charset: mangled,
  invalid_form_data: mangled,
  invalid_post_type: mangled,
  missing_post_type: mangled,
  unknown_method: retry('SlackUnavailable', `The server that answered does not know ${method}. ${MANGLED}`),
  insecure_request: mangled,
  missing_args: mangled,
  method_deprecated: retry('SlackUnavailable', `Slack has retired ${method}. Update Relax.`),
  deprecated_endpoint: retry('SlackUnavailable', `Slack has retired ${method}. Update Relax.`),
  upgrade_required: retry('SlackUnavailable', `Slack asks for a newer client. Update Relax. ${BY_ITSELF}`),
  ratelimited: { kind: 'rateLimited' },
  rate_limited: { kind: 'rateLimited' },
});

/**
 * @param newToken the remedy where only another token helps: names the kind of token that the method needs
 * @param errors codes that have a meaning only for this method
 */
export const webApiMethod = (
  name: string,
  newToken: string,
  errors: Readonly<Record<string, SlackError>> = {},
): WebApiMethod => ({ name, errors: new Map(Object.entries({ ...sharedErrors(name, newToken), ...errors })) });

/** An undocumented error may be temporary, so it is never terminal. */
export const UNKNOWN_ERROR: SlackError = {
  kind: 'retry',
  reason: 'SlackUnavailable',
  message: `Relax does not know this error. ${BY_ITSELF}`,
  isUnknown: true,
};
