import { describe, expect, it } from 'vitest';
import { classifyAnswer, classifyFailure, type HttpAnswer } from '#core/slack/classify-answer.ts';
import { webApiMethod } from '#core/slack/slack-error.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const METHOD = webApiMethod('chat.postMessage', 'Put a bot token into the Secret.');
const answer = (body: unknown, rest: Partial<HttpAnswer> = {}): HttpAnswer => ({
  status: 200,
  retryAfter: null,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...rest,
});
const classify = (given: HttpAnswer) => classifyAnswer(METHOD, given, NOW);

it('an answer of a method is given as it is', () => {
  expect(classify(answer({ ok: true, ts: '1.2' }))).toEqual({ kind: 'ok', body: { ok: true, ts: '1.2' } });
});

it('an error names the method, and what helps with its token', () => {
  expect(classify(answer({ ok: false, error: 'token_revoked' }))).toMatchObject({
    kind: 'terminal',
    reason: 'TokenRevoked',
    message: expect.stringMatching(
      /^Slack refused chat\.postMessage \(token_revoked\).*Put a bot token into the Secret\.$/,
    ),
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

describe('a server that fails', () => {
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
    ['ConnectionRefused', 'Unable to connect', true],
    ['ERR_PROXY_TUNNEL', 'Failed to establish tunnel', true],
    ['SELF_SIGNED_CERT_IN_CHAIN', '', true],
    ['ECONNRESET', 'read ECONNRESET', false],
    ['EPIPE', '', false],
    ['network_error', '', false],
  ])('by %s (%s) has not got to Slack: %s', (code, text, isUnreached) => {
    const given = classifyFailure({ how: 'network', code, text });
    expect('isUnreached' in given).toBe(isUnreached);
  });

  it('by a reset or a timeout has not got to Slack if there never was a connection', () => {
    for (const isUnconnected of [true, false]) {
      const reset = classifyFailure({ how: 'network', code: 'ECONNRESET', text: 'read ECONNRESET', isUnconnected });
      const timeout = classifyFailure({ how: 'timeout', afterMs: 12_000, isUnconnected });
      expect(['isUnreached' in reset, 'isUnreached' in timeout]).toEqual([isUnconnected, isUnconnected]);
    }
  });

  it('because of our own timeout may have reached Slack', () => {
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

  it('has a bounded text without a token, whatever the error says', () => {
    const given = classifyFailure({ how: 'network', code: 'ECONNRESET', text: `xoxb-123456 ${'x'.repeat(5_000)}` });
    if (given.kind !== 'retry') throw new Error(given.kind);
    expect(given.message.length).toBeLessThanOrEqual(400);
    expect(given.message).not.toContain('xoxb-123456');
    expect(given.message).toContain('RELAX_SLACK_API_URL');
  });
});
