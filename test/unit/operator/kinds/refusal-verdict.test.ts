import { describe, expect, it } from 'vitest';
import type { RefusedToken } from '#core/protocol/refused-token.ts';
import type { ValidCredentials } from '#operator/kinds/credentials-verdict.ts';
import { type TokenUse, withRefusal } from '#operator/kinds/refusal-verdict.ts';

const VALID: ValidCredentials = { kind: 'valid', token: 'xoxb-1', digest: 'd1', note: '' };
const CARRIED: ValidCredentials = {
  kind: 'valid',
  token: '',
  digest: 'app-uid',
  note: '',
  routedToken: { plain: 'xoxb-1', digest: 'd1' },
};
const record = (changes: Partial<RefusedToken> = {}): RefusedToken => ({
  tokenDigest: 'd1',
  generation: 3,
  reason: 'TokenRevoked',
  error: 'tokens_revoked',
  message: 'Install the app again.',
  atMs: 1,
  ...changes,
});
const judge = (
  verdict: Parameters<typeof withRefusal>[0],
  refused: RefusedToken | undefined,
  use: TokenUse,
  generation = 3,
) => withRefusal(verdict, refused, { generation, use });
const TROUBLE = { reason: 'TokenRevoked', message: 'Install the app again.' };

describe('a record of a refused token', () => {
  it.each<[string, RefusedToken | undefined, number]>([
    ['there is none', undefined, 3],
    ['it is about another token', record({ tokenDigest: 'd0' }), 3],
    ['it is about an earlier generation', record(), 4],
  ])('changes nothing if %s', (_, refused, generation) => {
    expect(judge(VALID, refused, 'sockets', generation)).toEqual({ verdict: VALID, isRefused: false });
  });

  it('says nothing where the Secret itself is wrong or unknown', () => {
    const wrong = { kind: 'invalid', reason: 'SecretMissing', message: 'create it' } as const;
    expect(judge(wrong, record(), 'sockets')).toEqual({ verdict: wrong, isRefused: false });
  });

  it.each([1, 3])('ends the sockets of the token at once, up to its own generation (%s)', (generation) => {
    const verdict = { kind: 'invalid', ...TROUBLE, isRefused: true };
    expect(judge(VALID, record(), 'sockets', generation)).toEqual({ verdict, isRefused: true });
  });

  describe('of an expired token', () => {
    const expired = record({ reason: 'TokenExpired', error: 'token_expired' });

    it('leaves its sockets, as Slack does', () => {
      const trouble = { ...TROUBLE, reason: 'TokenExpired' };
      expect(judge(VALID, expired, 'sockets').verdict).toEqual({ ...VALID, trouble });
    });

    it.each<[TokenUse, ValidCredentials]>([
      ['sockets', VALID],
      ['messages', VALID],
      ['carried', CARRIED],
    ])('says why there is no newer one, if that is known (%s)', (use, verdict) => {
      const trouble = { reason: 'RefreshRefused', message: 'bad_client_secret' } as const;
      expect(judge({ ...verdict, trouble }, expired, use).verdict).toMatchObject({ kind: 'valid', trouble });
      expect(judge({ ...verdict, trouble }, record(), use).verdict).not.toMatchObject({
        trouble,
      });
    });
  });

  it('that Slack gave to a message ends sockets only if it says that the token is revoked: it may be a fault of Slack', () => {
    const answered = (error: string) => judge(VALID, record({ error }), 'sockets').verdict;
    expect(answered('token_revoked')).toMatchObject({ kind: 'invalid', isRefused: true });
    for (const error of ['invalid_auth', 'account_inactive', 'not_authed']) {
      expect(answered(error)).toEqual({ ...VALID, trouble: TROUBLE });
    }
  });

  it('of a bot token beside an app-level token leaves its sockets, unless the installation has ended', () => {
    const { verdict } = judge(VALID, record({ error: 'token_revoked' }), 'messages');
    expect(verdict).toEqual({ ...VALID, trouble: TROUBLE });
    expect(judge(VALID, record(), 'messages').verdict).toMatchObject({ kind: 'invalid', isRefused: true });
  });

  describe('of a bot that an app carries', () => {
    it('leaves its route, without the token', () => {
      const { routedToken: _, ...rest } = CARRIED;
      expect(judge(CARRIED, record(), 'carried')).toEqual({ verdict: { ...rest, trouble: TROUBLE }, isRefused: true });
    });

    it('is about its own token, not about that of the app', () => {
      expect(judge(CARRIED, record({ tokenDigest: 'app-uid' }), 'carried').isRefused).toBe(false);
      expect(judge(CARRIED, record({ tokenDigest: '' }), 'carried').isRefused).toBe(false);
    });

    it('without a token is about having none', () => {
      const { routedToken: _, ...none } = CARRIED;
      expect(judge(none, record({ tokenDigest: '' }), 'carried').isRefused).toBe(true);
    });

    it('stays while its Secret can’t be read', () => {
      expect(judge({ ...CARRIED, routedToken: 'asBefore' }, record(), 'carried').isRefused).toBe(true);
    });
  });
});
