import { describe, expect, it } from 'vitest';
import { keepLastGood } from '#cli/standalone/manifests/last-good.ts';
import { bot, read, secret } from '../sample-manifests.ts';

const names = ({ bots }: { bots: { metadata: { name: string } }[] }) =>
  bots.map(({ metadata }) => metadata.name).sort();

describe('a file that is read again', () => {
  const before = read(bot('a'), secret('a'), bot('b'), secret('b'));

  it('gives what it says when nothing is wrong with it, so that what it lacks is gone', () => {
    expect(names(keepLastGood(before, read(bot('a'))))).toEqual(['a']);
  });

  it('keeps what it gave while it has problems, and what is right in it counts', () => {
    const merged = keepLastGood(before, read({ kind: 'Nonsense' }, bot('a', { replicas: 3 }), bot('c')));
    expect(names(merged)).toEqual(['a', 'b', 'c']);
    expect(merged.bots.find(({ metadata }) => metadata.name === 'a')?.spec.replicas).toBe(3);
    expect(merged.secrets).toHaveLength(2);
    expect(merged.problems).toHaveLength(1);
  });

  it('gives what is right in it at its first reading', () => {
    expect(names(keepLastGood(undefined, read({ kind: 'Nonsense' }, bot('a'))))).toEqual(['a']);
  });
});
