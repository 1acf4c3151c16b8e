import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Claim, Rivals, winnerOver } from '#operator/reconcile/rivals.ts';

const claim = (uid: string, more: Partial<Claim> = {}): Claim => ({
  uid,
  namespace: 'bots',
  name: uid,
  creationTimestamp: '2026-11-24T00:00:00Z',
  kind: 'SlackBot',
  keys: ['d'],
  rank: 1,
  mayRun: true,
  ...more,
});

class Claims {
  readonly rivals = new Rivals();

  set(uid: string, next: Claim | undefined): string[] {
    return this.rivals.put(uid, next);
  }

  duplicateOf(uid: string): Claim | undefined {
    const own = this.rivals.of(uid);
    return own && winnerOver(own, this.rivals.claimsOn(own));
  }
}

describe('one bot with two resources', () => {
  it('is run by the older, by creation, then name, then uid', () => {
    const claims = new Claims();
    claims.set('b', claim('b', { creationTimestamp: '2026-11-24T00:00:01Z', name: 'a' }));
    expect(claims.duplicateOf('b')).toBeUndefined();
    expect(claims.set('c', claim('c'))).toEqual(['b']);
    expect(claims.duplicateOf('b')?.uid).toBe('c');
    expect(claims.set('a', claim('a')).sort()).toEqual(['b', 'c']);
    expect(claims.duplicateOf('c')?.uid).toBe('a');
    expect(claims.duplicateOf('a')).toBeUndefined();
  });

  it('is run by the next when the older is gone or gets another token', () => {
    const claims = new Claims();
    claims.set('a', claim('a'));
    claims.set('b', claim('b'));
    expect(claims.set('a', claim('a', { keys: ['other'] }))).toEqual(['b']);
    expect(claims.duplicateOf('b')).toBeUndefined();
    expect(claims.set('a', claim('a'))).toEqual(['b']);
    expect(claims.set('a', undefined)).toEqual(['b']);
    expect(claims.duplicateOf('b')).toBeUndefined();
  });

  it('is run by the one of the better rank, however young', () => {
    const claims = new Claims();
    claims.set('a', claim('a'));
    const app = claim('z', { rank: 0, keys: ['d', 'more'], creationTimestamp: '2026-11-25T00:00:00Z' });
    expect(claims.set('z', app)).toEqual(['a']);
    expect(claims.duplicateOf('a')?.uid).toBe('z');
    expect(claims.duplicateOf('z')).toBeUndefined();
    expect(claims.set('z', { ...app, keys: ['more'] })).toEqual(['a']);
    expect(claims.duplicateOf('a')).toBeUndefined();
  });

  it('has exactly one runner, whatever the order in which the resources are seen', () => {
    const entry = fc.record({
      uid: fc.constantFrom('1', '2', '3', '4', '5'),
      bot: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
        const claims = new Claims();
        const now = new Map<string, string>();
        const answers = () => new Map([...now.keys()].map((uid) => [uid, claims.duplicateOf(uid)?.uid]));
        for (const { uid, bot } of entries) {
          const before = answers();
          const affected = claims.set(uid, bot && claim(uid, { keys: [bot] }));
          if (bot === undefined) now.delete(uid);
          else now.set(uid, bot);
          const changed = [...answers()].filter(([other, elder]) => other !== uid && elder !== before.get(other));
          expect(affected).toEqual(expect.arrayContaining(changed.map(([other]) => other)));
        }
        for (const bot of new Set(now.values())) {
          const runners = [...now].filter(([uid, of]) => of === bot && claims.duplicateOf(uid) === undefined);
          expect(runners).toHaveLength(1);
        }
      }),
    );
  });
});
