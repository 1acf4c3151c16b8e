import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyConnect, classifyFailure, type HttpAnswer, refuseToken } from '#connector/slack/classify-connect.ts';
import { isAbout } from '#connector/slack/connect-answer.ts';
import { connectErrorClass, KNOWN_CONNECT_ERRORS } from '#connector/slack/connect-error.ts';
import { RETRY_REASONS, TERMINAL_REASONS } from '#core/protocol/report.ts';
import { connectErrors } from '#slack-simulator/fault.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const answer = (body: unknown, rest: Partial<HttpAnswer> = {}): HttpAnswer => ({
  status: 200,
  retryAfter: null,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...rest,
});
const classify = (given: HttpAnswer, allowPlainText = false) => classifyConnect(given, allowPlainText, NOW);
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
    expect(KNOWN_CONNECT_ERRORS).toContain(error);
    const given = classify(answer({ ok: false, error }));
    if (error === 'ratelimited') expect(given.kind).toBe('rateLimited');
    else if (error in TERMINAL) expect(given).toMatchObject({ kind: 'terminal', reason: TERMINAL[error], error });
    else expect(given).toMatchObject({ kind: 'retry', error });
    if (given.kind === 'terminal') expect(TERMINAL_REASONS).toContain(given.reason);
    if (given.kind === 'retry') expect(RETRY_REASONS).toContain(given.reason);
  });

  it.each(KNOWN_CONNECT_ERRORS)('%s has a message with a remedy in whole sentences', (error) => {
    const errorClass = connectErrorClass(error);
    if (errorClass.kind !== 'rateLimited') expect(errorClass.message).toMatch(/^[A-Z].*\.$/s);
  });

  it.each(['migration_in_progress', 'team_added_to_org', 'org_login_required'])('%s waits for Slack', (error) => {
    expect(classify(answer({ ok: false, error }))).toMatchObject({ kind: 'retry', reason: 'MigrationInProgress' });
  });

  it('that nobody has documented never closes the case', () => {
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

describe('a rate limit', () => {
  const limited = (retryAfter: string | null, status = 429) =>
    classify(answer({ ok: false, error: 'ratelimited' }, { status, retryAfter }));

  it.each([
    ['seconds', '58', 58_000],
    ['a date', 'Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
    ['a date that has passed', 'Tue, 24 Nov 2026 11:00:00 GMT', 0],
    ['nothing', null, 30_000],
    ['nonsense', 'soon', 30_000],
    ['a negative number', '-5', 30_000],
    ['a day', '86400', 300_000],
    ['a thousand million', '1000000000', 300_000],
    ['nought', '0', 0],
  ])('with %s', (_what, header, ms) => {
    expect(limited(header)).toEqual({ kind: 'rateLimited', retryAfterMs: ms });
  });

  it('may come in the body alone, or as an HTML page', () => {
    expect(limited('7', 200)).toEqual({ kind: 'rateLimited', retryAfterMs: 7_000 });
    expect(classify(answer('<html>', { status: 429 }))).toEqual({ kind: 'rateLimited', retryAfterMs: 30_000 });
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

  it('never leads to a verdict on the token, and never breaks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, body) => {
        expect(['retry', 'rateLimited']).toContain(classify(answer(body, { status })).kind);
      }),
    );
  });
});

describe('a server that is ill', () => {
  it.each([
    ['how long, in seconds', '20', 20_000],
    ['how long, up to a date', 'Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
    ['an absurd time', '1000000000', 300_000],
    ['nothing', null, undefined],
    ['a negative time', '-7', undefined],
  ])('with a 503 that says %s', (_what, retryAfter, ms) => {
    const given = classify(answer('<html>', { status: 503, retryAfter }));
    expect(given).toMatchObject({ kind: 'retry', reason: 'SlackUnavailable' });
    expect('retryAfterMs' in given ? given.retryAfterMs : undefined).toBe(ms);
  });
});

describe('no answer at all', () => {
  it.each([
    ['ECONNREFUSED', '', true],
    ['ENOTFOUND', '', true],
    ['EAI_AGAIN', '', true],
    ['ENETUNREACH', '', true],
    ['EHOSTUNREACH', '', true],
    ['ETIMEDOUT', '', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'Connect Timeout Error', true],
    ['ConnectionRefused', 'Unable to connect', true],
    ['SELF_SIGNED_CERT_IN_CHAIN', '', true],
    ['ECONNRESET', 'Client network socket disconnected before secure TLS connection was established', true],
    ['UND_ERR_ABORTED', 'Proxy response (502) !== 200 when HTTP Tunneling', true],
    ['ECONNRESET', 'read ECONNRESET', false],
    ['EPIPE', '', false],
    ['UND_ERR_SOCKET', 'other side closed', false],
    ['UND_ERR_HEADERS_TIMEOUT', '', false],
    ['network_error', '', false],
  ])('by %s (%s) has not got to Slack: %s', (code, text, isUnreached) => {
    const given = classifyFailure({ how: 'network', code, text });
    expect('isUnreached' in given).toBe(isUnreached);
  });

  it('within our own time may have got to Slack', () => {
    expect(classifyFailure({ how: 'timeout', afterMs: 12_000 })).not.toHaveProperty('isUnreached');
  });

  it.each(['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])(
    '%s names the remedy',
    (code) => {
      expect(classifyFailure({ how: 'network', code, text: '' })).toMatchObject({
        kind: 'retry',
        reason: 'SlackUnavailable',
        message: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      });
    },
  );

  it('is bounded and holds no token, whatever the error says', () => {
    const given = classifyFailure({ how: 'network', code: 'ECONNRESET', text: `xoxb-123456 ${'x'.repeat(5_000)}` });
    if (given.kind !== 'retry') throw new Error(given.kind);
    expect(given.message.length).toBeLessThanOrEqual(400);
    expect(given.message).not.toContain('xoxb-123456');
    expect(given.message).toContain('RELAX_SLACK_API_URL');
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
    expect(refused).toMatchObject({ kind: 'terminal', reason: 'TokenWrongKind' });
    if (token !== '') expect(JSON.stringify(refused)).not.toContain(token);
  }
});
