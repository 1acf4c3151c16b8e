import { expect, it } from 'vitest';
import type { RefusedToken } from '#core/protocol/refused-token.ts';
import type { Desired } from '#operator/fleet/desired.ts';
import { spentRecords } from '#operator/fleet/refusal-keeper.ts';

const RECORD: RefusedToken = {
  tokenDigest: 'd1',
  generation: 1,
  reason: 'TokenRevoked',
  error: 'tokens_revoked',
  message: 'Install the app again.',
  atMs: 1,
};
const MINUTES_MS = 60_000;
const spent = (...[records, desired, nowMs]: [ReturnType<typeof held>, ReturnType<typeof known>, number]) =>
  spentRecords(records, desired, { nowMs, redisNowMs: nowMs });
const held = (unusedSinceMs: number | undefined, record: RefusedToken | undefined = RECORD) =>
  new Map<string, { json: string; record: RefusedToken | undefined; unusedSinceMs: number | undefined }>([
    ['a', { json: '{}', record, unusedSinceMs }],
  ]);
const known = (changes: Partial<Desired> = {}) => ({
  synced: true,
  unlisted: new Set<string>(),
  kept: new Set<string>(),
  refused: new Set<string>(),
  ...changes,
});

it('a record that applies to nothing is removed after five minutes, by when its owner has been judged by it', () => {
  expect(spent(held(undefined), known(), 7)).toEqual({ since: new Map([['a', 7]]), remove: [] });
  expect(spent(held(7), known(), 6 + 5 * MINUTES_MS).remove).toEqual([]);
  expect(spent(held(7), known(), 7 + 5 * MINUTES_MS).remove).toEqual(['a']);
});

it.each<[string, Partial<Desired>]>([
  ['applies', { refused: new Set(['a']) }],
  ['is of a bot that can’t be judged now', { kept: new Set(['a']) }],
  ['may be of a bot that is not known yet', { synced: false }],
  ['may be of a bot in a namespace that is not listed', { unlisted: new Set(['bots']) }],
])('a record stays, and its time begins anew, if it %s', (_, changes) => {
  expect(spent(held(1), known(changes), 60 * MINUTES_MS)).toEqual({ since: new Map(), remove: [] });
});

it('a record in the format of another version is left to that version', () => {
  const unreadable = new Map([['a', { json: '{}', record: undefined, unusedSinceMs: 1 }]]);
  expect(spent(unreadable, known(), 60 * MINUTES_MS).remove).toEqual([]);
});

it.each([
  ['tokens_revoked', false],
  ['token_revoked', false],
  ['invalid_auth', true],
  ['token_expired', true],
])('a record of %s goes ten minutes after Slack said so, though it applies: %s', (error, goes) => {
  const records = held(undefined, { ...RECORD, error, atMs: MINUTES_MS });
  const applies = known({ refused: new Set(['a']), synced: false });
  const at = (redisNowMs: number) => spentRecords(records, applies, { nowMs: 0, redisNowMs }).remove;
  expect(at(11 * MINUTES_MS - 1)).toEqual([]);
  expect(at(11 * MINUTES_MS)).toEqual(goes ? ['a'] : []);
});
