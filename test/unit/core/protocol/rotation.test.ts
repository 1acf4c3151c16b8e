import { describe, expect, it } from 'vitest';
import { decodeRotationRecord, openPair, sealPair } from '#core/protocol/rotation.ts';
import { type FleetKey, newFleetKey, openSeal, parseFleetKeys, SealError, seal } from '#core/protocol/seal.ts';
import { tokenDigest } from '#core/protocol/token.ts';

const KEYS = parseFleetKeys([newFleetKey(), newFleetKey()].join('\n')) as [FleetKey, FleetKey];
const LINEAGE = { teamID: 'T1', clientDigest: 'c1' };
const PAIR = { token: 'xoxe.xoxb-1-abcd', refreshToken: 'xoxe-1-efgh' };
const refreshDigest = tokenDigest(PAIR.refreshToken);

describe('the sealed pair of a rotating token', () => {
  const sealed = sealPair(PAIR, LINEAGE, KEYS[0]);

  it('is opened with the key, as the pair of this lineage and this refresh token', () => {
    expect(sealed).not.toMatch(/abcd|efgh/);
    expect(openPair({ sealed, refreshDigest }, LINEAGE, KEYS)).toEqual(PAIR);
  });

  it.each([
    ['of another team', { ...LINEAGE, teamID: 'T2' }, refreshDigest],
    ['of another app', { ...LINEAGE, clientDigest: 'c2' }, refreshDigest],
    ['of a later refresh', LINEAGE, tokenDigest('xoxe-1-later')],
  ])('is none %s', (_, lineage, digest) => {
    expect(() => openPair({ sealed, refreshDigest: digest }, lineage, KEYS)).toThrow(SealError);
  });

  it('can not be moved to a slot, nor the token of a slot to it', () => {
    const slot = { cluster: 'rotation', ownerUid: 'T1', teamID: 'c1' };
    expect(() => openSeal(sealed, KEYS, slot)).toThrow(SealError);
    const ofSlot = seal(JSON.stringify(PAIR), KEYS[0], slot);
    expect(() => openPair({ sealed: ofSlot, refreshDigest }, LINEAGE, KEYS)).toThrow(SealError);
  });
});

it('a record that can not be read is none', () => {
  const record = { sealed: 's', tokenDigest: 't', refreshDigest: 'r', refreshedAtMs: 1, spent: ['a'], refused: [] };
  expect(decodeRotationRecord(JSON.stringify({ ...record, later: 1 }))).toEqual(record);
  for (const text of ['', '{', '{}', JSON.stringify({ ...record, spent: 1 })])
    expect(decodeRotationRecord(text)).toBeUndefined();
});
