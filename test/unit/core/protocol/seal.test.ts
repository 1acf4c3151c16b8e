import { describe, expect, it } from 'vitest';
import {
  type FleetKey,
  newFleetKey,
  openSeal,
  parseFleetKeys,
  SealError,
  seal,
  sealingKey,
} from '#core/protocol/seal.ts';

const [first, second, third] = parseFleetKeys([newFleetKey(), newFleetKey(), newFleetKey()].join('\n')) as [
  FleetKey,
  FleetKey,
  FleetKey,
];
const context = { cluster: 'c1', ownerUid: 'uid-1', teamID: 'T1' };
const TOKEN = 'xoxb-1-abcdef';

describe('a sealed token', () => {
  it('is opened by whoever has its key, for the bot that it was sealed for', () => {
    const sealed = seal(TOKEN, second, context);
    expect(sealed).not.toContain('abcdef');
    expect(openSeal(sealed, [first, second], context)).toBe(TOKEN);
    expect(() => openSeal(sealed, [first], context)).toThrow(/RELAX_FLEET_KEY_FILE/);
    for (const other of [{ cluster: 'c2' }, { ownerUid: 'uid-2' }, { teamID: 'T2' }]) {
      expect(() => openSeal(sealed, [second], { ...context, ...other })).toThrow(SealError);
    }
  });

  it.each([
    ['nothing', () => ''],
    ['another version', (sealed: string) => sealed.replace('v1.', 'v2.')],
    [
      'a changed letter',
      (sealed: string) => `${sealed.slice(0, -2)}${sealed.at(-2) === 'A' ? 'B' : 'A'}${sealed.at(-1)}`,
    ],
    // Node would be content with a tag of 32 bits.
    ['a short tag', (sealed: string) => shortened(sealed, 16)],
    ['a nonce alone', (sealed: string) => shortened(sealed, 12)],
  ])('is refused as %s, in an error of ours', (_, spoil) => {
    expect(() => openSeal(spoil(seal('', first, context)), [first], context)).toThrow(SealError);
  });
});

function shortened(sealed: string, bytes: number): string {
  const [version, id, body = ''] = sealed.split('.');
  return `${version}.${id}.${Buffer.from(body, 'base64url').subarray(0, bytes).toString('base64url')}`;
}

it('the key to seal with is the first that every connector sharing any key can open', () => {
  const keys = [first, second];
  expect(sealingKey(keys, [])).toBe(first);
  expect(sealingKey(keys, [[first.id, second.id], [second.id]])).toBe(second);
  expect(sealingKey(keys, [[first.id], [third.id]])).toBe(first);
  expect(sealingKey(keys, [[first.id], [second.id]])).toBe(first);
});

it('an error in a key file names its line, never its content', () => {
  expect(() => parseFleetKeys(`# ours\n\n${newFleetKey()}\nc2hvcnQ=\n`)).toThrow(/^line 4 is not base64 of 32 bytes/);
  expect(() => parseFleetKeys('# none\n')).toThrow(/no key/);
});
