import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAbout, RTM_CONNECT, rtmConnectAnswer } from '#connector/transport/rtm/rtm-connect.ts';
import { refuseToken } from '#connector/transport/rtm/rtm-token.ts';
import { RETRY_REASONS, TERMINAL_REASONS } from '#core/protocol/report.ts';
import { classifyAnswer, type HttpAnswer } from '#core/slack/classify-answer.ts';
import { connectErrors } from '#test/support/connect-errors.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const answer = (body: unknown, rest: Partial<HttpAnswer> = {}): HttpAnswer => ({
  status: 200,
  retryAfter: null,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...rest,
});
const classify = (given: HttpAnswer, allowPlainText = false) =>
  rtmConnectAnswer(classifyAnswer(RTM_CONNECT, given, NOW), allowPlainText);
const knownErrors = [...RTM_CONNECT.errors];
const good = {
  ok: true,
  url: 'wss://cerberus-xxxx.lb.slack-msgs.com/websocket/ticket',
  self: { id: 'U0BOT', name: 'bot' },
  team: { id: 'T024BE7LH', name: 'Acme', domain: 'acme' },
};

describe('ok', () => {
  it('gives what a connection needs', () => {
    expect(classify(answer(good))).toEqual({
      kind: 'ok',
      url: good.url,
      teamID: 'T024BE7LH',
      teamName: 'Acme',
      botUserID: 'U0BOT',
    });
  });

  it('is about the workspace and about its organization, and about no other', () => {
    const given = classify(answer({ ...good, team: { ...good.team, enterprise_id: 'E0ORG' } }));
    if (given.kind !== 'ok') throw new Error(given.kind);
    expect(given.enterpriseID).toBe('E0ORG');
    expect(['T024BE7LH', 'E0ORG', 'T0OTHER', ''].map((id) => isAbout(given, id))).toEqual([true, true, false, false]);
    const plain = classify(answer(good));
    if (plain.kind === 'ok') expect(isAbout(plain, 'E0ORG')).toBe(false);
  });

  it.each([
    ['no url', { ...good, url: undefined }],
    ['a url that is none', { ...good, url: 'ticket' }],
    ['a url of another kind', { ...good, url: 'https://slack.com/' }],
    ['a plain url from an API over TLS', { ...good, url: 'ws://slack.com/' }],
    ['no self', { ...good, self: undefined }],
    ['no team', { ...good, team: {} }],
    ['a team that is no object', { ...good, team: 'T024BE7LH' }],
  ])('with %s is not readable', (_what, body) => {
    expect(classify(answer(body))).toMatchObject({ kind: 'retry', reason: 'SlackAnswerUnreadable' });
  });

  it('may have a plain url where the API itself is plain', () => {
    expect(classify(answer({ ...good, url: 'ws://127.0.0.1:1/x' }), true)).toMatchObject({ kind: 'ok' });
  });
});

describe('an error of Slack', () => {
  const TERMINAL: Readonly<Record<string, string>> = {
    not_authed: 'TokenInvalid',
    invalid_auth: 'TokenInvalid',
    token_revoked: 'TokenRevoked',
    token_expired: 'TokenExpired',
    account_inactive: 'AccountInactive',
    user_removed_from_team: 'AccountInactive',
    team_disabled: 'AccountInactive',
    not_allowed_token_type: 'RTMNotAllowed',
    is_bot: 'RTMNotAllowed',
    enterprise_is_restricted: 'RTMNotAllowed',
    method_deprecated: 'RTMNotAllowed',
    deprecated_endpoint: 'RTMNotAllowed',
    missing_scope: 'MissingScope',
    no_permission: 'AccessDenied',
    access_denied: 'AccessDenied',
  };

  it.each(connectErrors)('%s is known, and closes the case only if a new token or spec alone helps', (error) => {
    expect(RTM_CONNECT.errors.has(error)).toBe(true);
    const given = classify(answer({ ok: false, error }));
    if (error === 'ratelimited') expect(given.kind).toBe('rateLimited');
    else if (error in TERMINAL) expect(given).toMatchObject({ kind: 'terminal', reason: TERMINAL[error], error });
    else expect(given).toMatchObject({ kind: 'retry', error });
    if (given.kind === 'terminal') expect(TERMINAL_REASONS).toContain(given.reason);
    if (given.kind === 'retry') expect(RETRY_REASONS).toContain(given.reason);
  });

  it.each(knownErrors)('%s has a message with a remedy in whole sentences', (_error, meaning) => {
    if (meaning.kind !== 'rateLimited') expect(meaning.message).toMatch(/^[A-Z].*\.$/s);
  });

  it.each(['migration_in_progress', 'team_added_to_org', 'org_login_required'])('%s waits for Slack', (error) => {
    expect(classify(answer({ ok: false, error }))).toMatchObject({ kind: 'retry', reason: 'MigrationInProgress' });
  });

  it('that is undocumented is never a refusal of the token', () => {
    expect(classify(answer({ ok: false, error: 'brand_new' }))).toMatchObject({ kind: 'retry', error: 'brand_new' });
    expect(classify(answer({ ok: false, error: 'constructor' })).kind).toBe('retry');
  });

  it('counts with status 401 or 403, and not with one that says the answer is not from Slack', () => {
    const body = { ok: false, error: 'invalid_auth' };
    expect(classify(answer(body, { status: 401 })).kind).toBe('terminal');
    expect(classify(answer(body, { status: 503 })).kind).toBe('retry');
    expect(classify(answer(body, { status: 302 })).kind).toBe('retry');
  });

  it.each(['<b>boo</b>', 'x'.repeat(10_000), 'a b'])('that is no word is not repeated to people', (error) => {
    expect(classify(answer({ ok: false, error }))).toMatchObject({ kind: 'retry', error: 'unreadable_error' });
  });
});

describe('something between Slack and us', () => {
  it.each([
    [{ status: 200, body: '<html>Sign in to the network</html>' }, 'SlackAnswerUnreadable'],
    [{ status: 200, body: '' }, 'SlackAnswerUnreadable'],
    [{ status: 200, body: '[]' }, 'SlackAnswerUnreadable'],
    [{ status: 200, body: '{"ok":"true"}' }, 'SlackAnswerUnreadable'],
    [{ status: 200, body: '{"ok":false}' }, 'SlackAnswerUnreadable'],
    [{ status: 404, body: 'not found' }, 'SlackAnswerUnreadable'],
    [{ status: 407, body: '' }, 'SlackAnswerUnreadable'],
    [{ status: 302, body: '' }, 'SlackAnswerUnreadable'],
    [{ status: 500, body: JSON.stringify(good) }, 'SlackUnavailable'],
    [{ status: 503, body: '<html>' }, 'SlackUnavailable'],
  ])('%o', (given, reason) => {
    expect(classify(answer(given.body, { status: given.status }))).toMatchObject({ kind: 'retry', reason });
  });

  it('never leads to a verdict on the token, and never throws', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, body) => {
        expect(['retry', 'rateLimited']).toContain(classify(answer(body, { status })).kind);
      }),
    );
  });
});

it('a value that is no bot or user token is not sent', () => {
  expect(['xoxb-123456', 'xoxe.xoxb-1-2345', 'xoxp-123456'].map(refuseToken)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  for (const token of ['xapp-1-A2-345', 'xoxe-1-2345', 'swordfish', '', 'xoxb-1234\r\nx: y']) {
    const refused = refuseToken(token);
    expect(refused).toMatchObject({ reason: 'TokenWrongKind' });
    if (token !== '') expect(JSON.stringify(refused)).not.toContain(token);
  }
});
