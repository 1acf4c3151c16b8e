import { describe, expect, it } from 'vitest';
import { type Allowed, type Claim, type Count, liesIn } from '#test/support/e2e/status-truth.ts';

/** The bot has two sockets until 10 s, one until 20 s, then none. */
const counts: Count[] = Array.from({ length: 31 }, (_, second) => ({
  atMs: second * 1_000,
  sockets: new Map([['b', second < 10 ? 2 : second < 20 ? 1 : 0]]),
}));
const allowed: Allowed = { desired: new Map([['b', 2]]), liveLagMs: 5_000, readyLagMs: 2_000 };
const claim = (atMs: number, live: number, ready: boolean, healthy?: boolean): Claim => ({
  source: 's',
  beganMs: atMs,
  endedMs: atMs + 100,
  bots: new Map([['b', { live, ready }]]),
  ...(healthy === undefined ? {} : { healthy }),
});
const said = (...claims: Claim[]): string[] => liesIn(counts, claims, allowed).map((lie) => lie.said);

describe('what is said of sockets', () => {
  it('is true when it is so, and while it is behind no longer than allowed', () => {
    expect(said(claim(5_000, 2, true, true), claim(14_000, 2, true), claim(21_000, 1, true))).toEqual([]);
  });

  it.each<[string, Claim, string[]]>([
    ['a socket too many for too long', claim(15_500, 2, true), ['2 live']],
    ['a socket too few', claim(5_000, 1, true), ['1 live']],
    ['ready for too long', claim(22_500, 1, true), ['ready']],
    ['not ready though a socket lives', claim(15_500, 1, false), ['not ready']],
    ['healthy for too long', claim(12_500, 1, true, true), ['healthy']],
    ['all of it', claim(29_000, 2, true, true), ['2 live', 'ready', 'healthy']],
  ])('is wrong with %s', (_what, made, expected) => {
    expect(said(made)).toEqual(expected);
  });

  it('is true of a number that was passed between two counts', () => {
    const fall = [2, 0].map((live, at) => ({ atMs: at * 100, sockets: new Map([['b', live]]) }));
    expect(liesIn(fall, [claim(50, 1, true)], { ...allowed, liveLagMs: 0 })).toEqual([]);
  });

  it('counts a bot that nobody has counted as one without sockets, and a handover as what is wanted', () => {
    const other: Claim = { ...claim(5_000, 0, false), bots: new Map([['x', { live: 1 }]]) };
    expect(said(other)).toEqual(['1 live']);
    const three = [{ atMs: 0, sockets: new Map([['b', 3]]) }];
    expect(liesIn(three, [claim(100, 2, true)], allowed)).toEqual([]);
  });
});
