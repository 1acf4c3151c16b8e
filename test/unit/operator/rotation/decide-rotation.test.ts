import { describe, expect, it } from 'vitest';
import {
  ancestorsAfter,
  decideRotation,
  MOST_SPENT,
  newerRecord,
  REFRESH_LEAD_MS,
  REFUSED_AGAIN_MS,
  type RotationFacts,
  SPREAD_MS,
} from '#operator/rotation/decide-rotation.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 1_000 * HOUR_MS;

const secret = (more: Partial<RotationFacts['secret']> = {}): RotationFacts['secret'] => ({
  tokenDigest: 'token-of-secret',
  refreshDigest: 'r1',
  expiresAtMs: undefined,
  ...more,
});
const record = (more: Partial<NonNullable<RotationFacts['record']>> = {}): NonNullable<RotationFacts['record']> => ({
  tokenDigest: 'token-of-record',
  refreshDigest: 'r3',
  refreshedAtMs: NOW_MS - HOUR_MS,
  expiresAtMs: NOW_MS + 11 * HOUR_MS,
  spent: ['r1', 'r2'],
  refused: ['wrong'],
  isOpen: true,
  ...more,
});
const decide = (more: Partial<RotationFacts>) =>
  decideRotation({
    follows: false,
    secret: secret(),
    record: undefined,
    expiredToken: undefined,
    nowMs: NOW_MS,
    spread: 0,
    ...more,
  });

describe('which pair is newer', () => {
  it.each<[string, Partial<RotationFacts>, object]>([
    ['the Secret is all there is', {}, { standing: 'alone', use: 'secret', refreshAtMs: undefined, writeBack: false }],
    [
      'the Secret shows an ancestor: Redis wins, and the Secret is to be written',
      { record: record() },
      { standing: 'spent', use: 'record', writeBack: true },
    ],
    [
      'the Secret shows the newest: nothing is to be written',
      { secret: secret({ refreshDigest: 'r3' }), record: record() },
      { standing: 'current', use: 'record', writeBack: false },
    ],
    [
      'the Secret shows one that nobody knows: a person has put it there, and it is proved at once',
      { secret: secret({ refreshDigest: 'new' }), record: record() },
      { standing: 'replaced', use: 'secret', refreshAtMs: NOW_MS, writeBack: false },
    ],
    [
      'the Secret shows one that Slack has refused: Redis wins, and what the person wrote stays',
      { secret: secret({ refreshDigest: 'wrong' }), record: record() },
      { standing: 'refused', use: 'record', writeBack: false },
    ],
    [
      'an ancestor in the Secret, and a pair in Redis that can not be opened: nothing is spent again',
      { record: record({ isOpen: false }), expiredToken: 'token-of-secret' },
      { standing: 'spent', use: 'secret', refreshAtMs: undefined, writeBack: false, isExpired: true },
    ],
    [
      'the newest in the Secret, and in Redis sealed with another key: it is refreshed from the Secret',
      { secret: secret({ refreshDigest: 'r3' }), record: record({ isOpen: false, expiresAtMs: NOW_MS + HOUR_MS }) },
      { standing: 'current', use: 'secret', refreshAtMs: expect.any(Number), writeBack: false },
    ],
  ])('%s', (_, facts, expected) => {
    expect(decide(facts)).toMatchObject(expected);
  });
});

describe('who follows', () => {
  it('never refreshes, and never writes', () => {
    const facts = {
      follows: true,
      record: record(),
      expiredToken: 'token-of-record',
      secret: secret({ expiresAtMs: 0 }),
    };
    expect(decide(facts)).toMatchObject({ use: 'record', refreshAtMs: undefined, writeBack: false, isExpired: true });
    expect(decide({ ...facts, record: undefined })).toMatchObject({ use: 'secret', refreshAtMs: undefined });
  });

  it('takes the pair of Redis while it lasts, and then a newer one of its own', () => {
    const own = { follows: true, secret: secret({ refreshDigest: 'own' }) };
    expect(decide({ ...own, record: record() }).use).toBe('record');
    expect(decide({ ...own, record: record({ expiresAtMs: NOW_MS }) }).use).toBe('secret');
    expect(decide({ ...own, record: record({ isOpen: false }) }).use).toBe('secret');
  });
});

describe('when a token is refreshed', () => {
  it.each<[string, Partial<RotationFacts>, number | undefined]>([
    ['not, while nobody knows when it expires', {}, undefined],
    ['at once when Slack says that it has', { expiredToken: 'token-of-secret' }, NOW_MS],
    ['not for what Slack says of another token', { expiredToken: 'another' }, undefined],
    [
      '2 hours before the time that the Secret gives',
      { secret: secret({ expiresAtMs: NOW_MS + 5 * HOUR_MS }) },
      NOW_MS + 3 * HOUR_MS,
    ],
    ['2 hours before the time that Redis gives', { record: record() }, NOW_MS + 9 * HOUR_MS],
    [
      'at half of the life of a token that lives no longer than that',
      { record: record({ refreshedAtMs: NOW_MS, expiresAtMs: NOW_MS + 60_000 }) },
      NOW_MS + 30_000,
    ],
    [
      'not at once again when Slack refuses the token that it has just given',
      { record: record({ refreshedAtMs: NOW_MS - 1_000 }), expiredToken: 'token-of-record' },
      NOW_MS - 1_000 + REFUSED_AGAIN_MS,
    ],
    [
      'soon, though the clock has gone back',
      { record: record({ refreshedAtMs: NOW_MS + HOUR_MS }), expiredToken: 'token-of-record' },
      NOW_MS + REFUSED_AGAIN_MS,
    ],
  ])('%s', (_, facts, expected) => {
    expect(decide(facts).refreshAtMs).toBe(expected);
  });

  it('is spread over the time before that, and never later', () => {
    const at = (spread: number) => decide({ record: record(), spread }).refreshAtMs ?? 0;
    const latestMs = NOW_MS + 11 * HOUR_MS - REFRESH_LEAD_MS;
    expect(at(0)).toBe(latestMs);
    expect(at(0.5)).toBe(latestMs - SPREAD_MS / 2);
    expect(at(0.999)).toBeGreaterThan(latestMs - SPREAD_MS);
  });
});

describe('the ancestors', () => {
  it('end with the refresh token that was used', () => {
    expect(ancestorsAfter(undefined, 'r1', [])).toEqual(['r1']);
    expect(ancestorsAfter({ spent: ['r1'], refreshDigest: 'r2' }, 'r2', [])).toEqual(['r1', 'r2']);
    expect(ancestorsAfter({ spent: ['r1'], refreshDigest: 'r2' }, 'new', [])).toEqual(['r1', 'r2', 'new']);
  });

  it('are bounded, but for those that a Secret still shows', () => {
    let [spent, current]: [string[], string] = [[], 'r0'];
    for (let n = 1; n <= 3 * MOST_SPENT; n += 1) {
      spent = ancestorsAfter({ spent, refreshDigest: current }, current, ['r0', 'r7']);
      current = `r${n}`;
    }
    expect(spent).toHaveLength(MOST_SPENT + 2);
    expect(spent.slice(0, 2)).toEqual(['r0', 'r7']);
    expect(spent.at(-1)).toBe(`r${3 * MOST_SPENT - 1}`);
  });
});

describe('of the record in Redis and the one that is known', () => {
  const full = (refreshDigest: string, spent: string[]) => ({ ...record({ refreshDigest, spent }), sealed: '' });
  it.each([
    ['the one in Redis when another has refreshed', full('r3', ['r1', 'r2']), full('r2', ['r1']), 'stored'],
    ['the known one when Redis is behind', full('r2', ['r1']), full('r3', ['r1', 'r2']), 'known'],
    ['the known one when Redis has none', undefined, full('r3', []), 'known'],
    ['the one in Redis when nothing is known', full('r2', []), undefined, 'stored'],
    ['the one in Redis when both are the same', full('r2', ['r1']), full('r2', ['r1']), 'stored'],
    ['the one in Redis when they have nothing in common', full('x', ['y']), full('r2', ['r1']), 'stored'],
  ] as const)('%s holds', (_, stored, known, expected) => {
    expect(newerRecord(stored, known)).toBe(expected);
  });
});
