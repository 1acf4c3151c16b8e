import { describe, expect, it } from 'vitest';
import { RTM_CONNECT } from '#connector/transport/rtm/rtm-connect.ts';
import { APPS_CONNECTIONS_OPEN } from '#connector/transport/socket-mode/apps-connections-open.ts';
import { classifyAnswer } from '#core/slack/classify-answer.ts';
import { webApiMethod } from '#core/slack/slack-error.ts';

/** Of a method in general, as its page in Slack's reference lists them. */
const DOCUMENTED = [
  'access_denied',
  'accesslimited',
  'account_inactive',
  'deprecated_endpoint',
  'ekm_access_denied',
  'enterprise_is_restricted',
  'fatal_error',
  'internal_error',
  'invalid_arg_name',
  'invalid_arguments',
  'invalid_array_arg',
  'invalid_auth',
  'invalid_charset',
  'invalid_form_data',
  'invalid_post_type',
  'method_deprecated',
  'missing_post_type',
  'missing_scope',
  'no_permission',
  'not_allowed_token_type',
  'not_authed',
  'org_login_required',
  'ratelimited',
  'request_timeout',
  'service_unavailable',
  'team_access_not_granted',
  'team_added_to_org',
  'token_expired',
  'token_revoked',
  'two_factor_setup_required',
];
const METHODS = [RTM_CONNECT, APPS_CONNECTIONS_OPEN, webApiMethod('auth.test', 'Put a new token into the Secret.')];
const answerTo = (method: (typeof METHODS)[number], error: string) =>
  classifyAnswer(method, { status: 200, retryAfter: null, body: JSON.stringify({ ok: false, error }) }, 0);

describe.each(METHODS)('an error of $name', (method) => {
  it.each(DOCUMENTED)('%s has a meaning of its own', (error) => {
    expect(method.errors.has(error)).toBe(true);
  });

  it.each(['accesslimited', 'ekm_access_denied', 'two_factor_setup_required'])('%s is of one team or app', (error) => {
    expect(answerTo(method, error)).toMatchObject({ kind: 'retry', reason: 'ConnectionRefused', isOfOne: true });
  });

  it('that is final names Slack’s code and what helps', () => {
    for (const [error, { kind }] of method.errors) {
      if (kind !== 'terminal') continue;
      const answer = answerTo(method, error);
      expect(answer).toMatchObject({ kind: 'terminal', error });
      const message = 'message' in answer ? answer.message : '';
      expect(message).toContain(`(${error})`);
      expect(message).toMatch(/Put |put |Install|Ask|Use |use |Delete|Switch|Check|generate|Generate/);
    }
  });
});

it.each([
  ['team_access_not_granted', 'TeamAccessRevoked'],
  ['missing_scope', 'MissingScope'],
  ['not_allowed_token_type', 'TokenWrongKind'],
  ['enterprise_is_restricted', 'AccessDenied'],
])('%s is final, whatever the method: %s', (error, reason) => {
  expect(answerTo(webApiMethod('some.method', 'Put a new token into the Secret.'), error)).toMatchObject({
    kind: 'terminal',
    reason,
  });
});
