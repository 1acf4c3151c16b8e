import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isClean, judge } from '#cli/demo/verdict.ts';

describe('the verdict of the demo', () => {
  it('is clean only if each event came exactly once', () => {
    expect(isClean(judge(['a', 'b'], ['b', 'a']))).toBe(true);
    expect(isClean(judge([], []))).toBe(false);
  });

  it('counts by event id, whatever the order', () => {
    expect(judge(['a', 'b', 'c'], ['c', 'a', 'c', 'c', 'x', undefined])).toEqual({
      sent: 3,
      received: 2,
      lost: 1,
      duplicated: 1,
      strange: 2,
    });
  });

  it('notices any single event taken away or added', () => {
    const ids = fc.uniqueArray(fc.string(), { minLength: 1 });
    fc.assert(
      fc.property(ids, fc.nat(), (sent, n) => {
        const at = n % sent.length;
        expect(judge(sent, sent.toSpliced(at, 1)).lost).toBe(1);
        expect(judge(sent, [...sent, sent[at]]).duplicated).toBe(1);
      }),
    );
  });
});
