import { describe, expect, it } from 'vitest';
import type { SlackBotSpec } from '#core/api/slackbot.ts';
import { joinCredentials } from '#core/protocol/app-credentials.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import type { CredentialsVerdict } from '#operator/kinds/credentials-verdict.ts';
import { judgeCredentials, secretValuesOf, withCarriedToken } from '#operator/kinds/slackbot/credentials.ts';
import type { SecretRead } from '#operator/reconcile/secret-read.ts';

const SPEC: SlackBotSpec = { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 'acme-slack' } } };
const TOKEN = 'xoxb-123456-secretpart';
const found = (data: Record<string, string>, watched = true): SecretRead => ({ kind: 'found', data, watched });

describe('credentials', () => {
  it('are valid with a bot token, whose digest names it', () => {
    const verdict = judgeCredentials(SPEC, found({ token: TOKEN }));
    expect(verdict).toEqual({ kind: 'valid', token: TOKEN, digest: tokenDigest(TOKEN), note: '' });
  });

  it('are taken without the newline that editors and echo leave behind', () => {
    expect(judgeCredentials(SPEC, found({ token: ` ${TOKEN}\r\n` }))).toMatchObject({ kind: 'valid', token: TOKEN });
  });

  it('come from the key that the spec names', () => {
    const spec = { ...SPEC, credentials: { secretRef: { name: 's' }, keys: { token: 'bot' } } };
    expect(judgeCredentials(spec, found({ bot: TOKEN, token: 'nothing' }))).toMatchObject({ token: TOKEN });
  });

  it('say how to make a change count sooner when the Secret is not labelled', () => {
    const verdict = judgeCredentials(SPEC, found({ token: TOKEN }, false));
    expect(verdict).toMatchObject({ note: expect.stringMatching(/5 minutes.*kubectl label secret acme-slack/) });
  });

  it.each<[string, SecretRead, string, RegExp]>([
    [
      'no Secret',
      { kind: 'missing' },
      'SecretMissing',
      /acme-slack does not exist: create it in the namespace of the SlackBot: kubectl create secret/,
    ],
    ['no such key', found({ b: TOKEN, a: 'x' }), 'KeyMissing', /no key token \(it has a, b\): add the key token/],
    ['an empty Secret', found({}), 'KeyMissing', /it is empty/],
    ['an empty token', found({ token: ' \n' }), 'TokenEmpty', /put a bot token/],
    ['an app token', found({ token: 'xapp-1-A1-secretpart' }), 'TokenWrongKind', /holds an app-level token/],
    ['a refresh token', found({ token: 'xoxe-1-secretpart' }), 'TokenWrongKind', /holds a refresh token/],
    ['a password', found({ token: 'hunter2-secretpart' }), 'TokenWrongKind', /holds no Slack token/],
    ['two tokens', found({ token: `${TOKEN}\n${TOKEN}` }), 'TokenWrongKind', /holds no Slack token/],
  ])('are refused with %s, with the remedy and without the value', (_, secret, reason, says) => {
    const verdict = judgeCredentials(SPEC, secret);
    expect(verdict).toMatchObject({ kind: 'invalid', reason, message: expect.stringMatching(says) });
    expect(JSON.stringify(verdict)).not.toContain('secretpart');
  });

  it('are unknown, not refused, when the Secret cannot be read', () => {
    expect(judgeCredentials(SPEC, { kind: 'unreadable', why: 'the API server is away' })).toMatchObject({
      kind: 'unknown',
    });
  });

  describe('of transport SocketMode', () => {
    const spec: SlackBotSpec = { ...SPEC, transport: 'SocketMode' };
    const APP = 'xapp-1-A0APP-secretpart';

    it('are the app-level token, and the bot token where there is one', () => {
      expect(judgeCredentials(spec, found({ 'app-token': APP }))).toMatchObject({
        token: APP,
        digest: tokenDigest(APP),
      });
      const both = judgeCredentials(spec, found({ 'app-token': ` ${APP}\n`, token: `${TOKEN}\n` }));
      const joined = joinCredentials({ appToken: APP, botToken: TOKEN });
      expect(both).toMatchObject({ kind: 'valid', token: joined, digest: tokenDigest(joined) });
      expect(judgeCredentials(spec, found({ 'app-token': APP, token: '' }))).toMatchObject({ token: APP });
    });

    it.each<[string, SecretRead, string, RegExp]>([
      ['no Secret', { kind: 'missing' }, 'SecretMissing', /--from-literal=app-token=xapp-\.\.\./],
      [
        'no such key',
        found({ token: TOKEN }),
        'KeyMissing',
        /no key app-token \(it has token\): add the key app-token, or set spec\.credentials\.keys\.appToken/,
      ],
      [
        'an empty token',
        found({ 'app-token': '' }),
        'TokenEmpty',
        /key app-token .* put an app-level token \(xapp-\.\.\.\)/,
      ],
      [
        'a bot token in its place',
        found({ 'app-token': TOKEN }),
        'TokenWrongKind',
        /key app-token .* holds a bot token .* transport SocketMode needs an app-level token .*App-Level Tokens/,
      ],
      [
        'an app-level token in place of the bot token',
        found({ 'app-token': APP, token: APP }),
        'TokenWrongKind',
        /key token .* holds an app-level token .* needs a bot token .*OAuth & Permissions/,
      ],
    ])('are refused with %s, with the remedy and without the value', (_, secret, reason, says) => {
      const verdict = judgeCredentials(spec, secret);
      expect(verdict).toMatchObject({ kind: 'invalid', reason, message: expect.stringMatching(says) });
      expect(JSON.stringify(verdict)).not.toContain('secretpart');
    });
  });
});

describe('credentials of a SlackBot that an app carries', () => {
  const CARRIED: SlackBotSpec = { ...SPEC, transport: 'App', appRef: { name: 'shop' } };
  const { credentials: _, ...BARE } = CARRIED;
  const APP: CredentialsVerdict = { kind: 'valid', token: '', digest: 'app-uid', note: '' };

  it('are its bot token, which is optional', () => {
    const routedToken = { plain: TOKEN, digest: tokenDigest(TOKEN) };
    expect(withCarriedToken(APP, CARRIED, found({ token: TOKEN }))).toEqual({ ...APP, routedToken });
    expect(withCarriedToken(APP, BARE, { kind: 'missing' })).toEqual(APP);
    expect(secretValuesOf(CARRIED)).toEqual(['token', 'refresh-token', 'client-id', 'client-secret']);
  });

  it.each<[string, SecretRead, string, RegExp]>([
    ['no Secret', { kind: 'missing' }, 'SecretMissing', /acme-slack does not exist: create it/],
    ['no such key', found({}), 'KeyMissing', /no key token/],
    ['an empty token', found({ token: ' ' }), 'TokenEmpty', /is empty/],
    ['an app-level token', found({ token: 'xapp-1-A1-secret' }), 'TokenWrongKind', /transport App needs a bot token/],
    ['a user token', found({ token: 'xoxp-1-secret' }), 'TokenWrongKind', /transport App needs a bot token/],
  ])('with %s are still those of the app, and say what is wrong', (_what, secret, reason, message) => {
    const verdict = withCarriedToken(APP, CARRIED, secret);
    expect(verdict).toEqual({ ...APP, trouble: { reason, message: expect.stringMatching(message) } });
    expect(JSON.stringify(verdict)).toContain("Relax can't send messages as this bot");
    expect(JSON.stringify(verdict)).not.toContain('secret"');
  });

  it('stay as the app’s table has them while the Secret can’t be read', () => {
    const verdict = withCarriedToken(APP, CARRIED, { kind: 'unreadable', why: 'the server is away' });
    expect(verdict).toEqual({ ...APP, routedToken: 'asBefore' });
  });

  it('do not matter where the app is missing', () => {
    const missing: CredentialsVerdict = { kind: 'invalid', reason: 'AppMissing', message: 'create it' };
    expect(withCarriedToken(missing, CARRIED, found({ token: TOKEN }))).toBe(missing);
  });
});
