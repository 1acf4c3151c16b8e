import { describe, expect, it } from 'vitest';
import { APPS_CONNECTIONS_OPEN, openAnswer } from '#connector/transport/socket-mode/apps-connections-open.ts';
import { classifyAnswer } from '#core/slack/classify-answer.ts';

const URL = 'wss://wss-primary.slack.com/link/?ticket=f1&app_id=ab';
const classify = (body: unknown, allowPlainText = false) =>
  openAnswer(
    classifyAnswer(APPS_CONNECTIONS_OPEN, { status: 200, retryAfter: null, body: JSON.stringify(body) }, 0),
    allowPlainText,
  );

describe('ok', () => {
  it('gives the URL to dial', () => {
    expect(classify({ ok: true, url: URL, response_metadata: { scopes: ['connections:write'] } })).toEqual({
      kind: 'ok',
      url: URL,
    });
  });

  it.each([
    ['no url', undefined],
    ['a url that is none', 'ticket'],
    ['a url of another kind', 'https://slack.com/'],
    ['a plain url from an API over TLS', 'ws://slack.com/'],
  ])('with %s is not readable', (_what, url) => {
    expect(classify({ ok: true, url })).toMatchObject({ kind: 'retry', reason: 'SlackAnswerUnreadable' });
  });

  it('may have a plain url where the API itself is plain', () => {
    expect(classify({ ok: true, url: 'ws://127.0.0.1:1/x' }, true)).toMatchObject({ kind: 'ok' });
  });
});

/** What Slack documents for apps.connections.open; terminal where only another token or setting helps. */
const DOCUMENTED: Readonly<Record<string, string>> = {
  access_denied: 'AccessDenied',
  accesslimited: 'retry',
  account_inactive: 'AccountInactive',
  deprecated_endpoint: 'retry',
  ekm_access_denied: 'retry',
  enterprise_is_restricted: 'AccessDenied',
  fatal_error: 'retry',
  forbidden_team: 'AccessDenied',
  insecure_request: 'retry',
  internal_error: 'retry',
  invalid_arg_name: 'retry',
  invalid_arguments: 'retry',
  invalid_array_arg: 'retry',
  invalid_auth: 'TokenInvalid',
  invalid_charset: 'retry',
  invalid_form_data: 'retry',
  invalid_post_type: 'retry',
  method_deprecated: 'retry',
  missing_args: 'retry',
  missing_post_type: 'retry',
  missing_scope: 'MissingScope',
  no_permission: 'AccessDenied',
  not_allowed_token_type: 'TokenWrongKind',
  not_authed: 'TokenInvalid',
  org_login_required: 'retry',
  ratelimited: 'rateLimited',
  request_timeout: 'retry',
  service_unavailable: 'retry',
  team_access_not_granted: 'AccessDenied',
  team_added_to_org: 'retry',
  token_expired: 'TokenExpired',
  token_revoked: 'TokenRevoked',
  two_factor_setup_required: 'retry',
};

describe('an error of Slack', () => {
  it.each(Object.entries(DOCUMENTED))('%s: %s', (error, meaning) => {
    const answer = classify({ ok: false, error });
    expect(answer.kind === 'terminal' ? answer.reason : answer.kind).toBe(meaning);
  });

  it.each(['invalid_auth', 'token_revoked', 'token_expired', 'not_allowed_token_type', 'missing_scope', 'not_authed'])(
    '%s names the token that is needed, its scope and the place for it',
    (error) => {
      const answer = classify({ ok: false, error });
      expect(answer).toHaveProperty(
        'message',
        expect.stringMatching(/apps\.connections\.open.*xapp-.*connections:write.*Secret/s),
      );
    },
  );

  it('link_disabled is what a disconnect with this reason is', () => {
    expect(classify({ ok: false, error: 'link_disabled' })).toMatchObject({
      kind: 'terminal',
      reason: 'SocketModeDisabled',
    });
  });

  it.each([...APPS_CONNECTIONS_OPEN.errors])(
    '%s: every message fits into a status and says what to do',
    (_e, error) => {
      if (error.kind === 'rateLimited') return;
      expect(error.message.length).toBeLessThan(330);
      expect(error.message).toMatch(/\.$/);
    },
  );
});
