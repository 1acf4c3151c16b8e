import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactTokens } from '#core/process/redact.ts';
import { tokenDigest, tokenKind } from '#core/protocol/token.ts';

describe('a value', () => {
  it.each([
    ['xoxb-1-abc', 'bot'],
    ['xoxb-team_0017', 'bot'],
    ['xoxe.xoxb-1-abc', 'bot'],
    ['xoxp-1-abc', 'user'],
    ['xapp-1-A1-2-3', 'app'],
    ['xoxe-1-abc', 'refresh'],
    ['xoxb-', 'unknown'],
    ['xoxb-1-abc and more', 'unknown'],
    ['https://hooks.slack.com/services/T1/B1/x', 'unknown'],
    ['', 'unknown'],
  ])('%j is a token of kind %s', (value, kind) => {
    expect(tokenKind(value)).toBe(kind);
  });
});

it('whatever counts as a token is hidden in any text', () => {
  const tokens = fc
    .stringMatching(/^(xoxe\.)?(xox[bpse]|xapp)-[A-Za-z0-9_-]{4,40}$/)
    .filter((t) => tokenKind(t) !== 'unknown');
  fc.assert(
    fc.property(
      tokens,
      fc.constantFrom(
        '',
        ' ',
        '"',
        '=',
        ':',
        '/',
        '_',
        'a',
        'Z',
        '7',
        '-',
        '.',
        'ü',
        'token_',
        'x',
        'xo',
        'xoxb',
        'xapp',
      ),
      fc.constantFrom('', ' ', '"', '\n', '&'),
      (token, before, after) => {
        expect(redactTokens(`${before}${token}${after}`)).toBe(`${before}[redacted]${after}`);
      },
    ),
  );
});

it('a digest names a token for all programs alike, without telling it', () => {
  expect(tokenDigest('xoxb-1-abc')).toMatch(/^[0-9a-f]{32}$/);
  expect(tokenDigest('xoxb-1-abc')).toBe(tokenDigest('xoxb-1-abc'));
  expect(tokenDigest('xoxb-1-abc')).not.toBe(tokenDigest('xoxb-1-abd'));
});
