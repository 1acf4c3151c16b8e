import { describe, expect, it } from 'vitest';
import { droppedNamespaces, formatWatched, parseWatched, watchedOf } from '#operator/reconcile/watched-namespaces.ts';

describe('the namespaces that are watched', () => {
  it.each([
    ['all of them', [], '*'],
    ['one', ['bots'], 'bots'],
    ['some, whatever their order', ['c', 'a', 'b'], 'a,b,c'],
  ])('are noted when they are %s', (_, namespaces, note) => {
    expect(formatWatched(watchedOf(namespaces))).toBe(note);
    expect(formatWatched(parseWatched(note) ?? [])).toBe(note);
  });

  it.each([undefined, ''])('are not known from the note %s', (note) => {
    expect(parseWatched(note)).toBeUndefined();
  });

  it.each([
    ['the same', ['a', 'b'], ['b', 'a'], []],
    ['one more', ['a'], ['a', 'b'], []],
    ['one less', ['a', 'b'], ['a'], ['b']],
    ['another', ['a'], ['b'], ['a']],
    ['all in place of some', ['a'], 'all', []],
    ['all as before', 'all', 'all', []],
  ] as const)('leave out, when they are now %s, %s -> %s: %s', (_, before, now, namespaces) => {
    expect(droppedNamespaces(before, now)).toEqual({ kind: 'named', namespaces });
  });

  it('leave out, when they are some in place of all, every other', () => {
    expect(droppedNamespaces('all', ['a'])).toEqual({ kind: 'others' });
  });
});
