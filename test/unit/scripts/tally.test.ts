import { describe, expect, it } from 'vitest';
import { sum, tallyLine, tallyOf } from '#scripts/tally.ts';

const report = (counts: object, testResults: object[] = []): string => JSON.stringify({ ...counts, testResults });

describe('the tally of a suite', () => {
  it('counts what passed, failed and was skipped', () => {
    const json = report({ numPassedTests: 5, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1 });
    expect(tallyOf(json, true)).toEqual({ passed: 5, failed: 0, skipped: 3 });
  });

  it('counts a file that fails before its first test', () => {
    const failed = { status: 'failed', assertionResults: [{ status: 'failed' }] };
    const broken = { status: 'failed', assertionResults: [] };
    expect(tallyOf(report({ numPassedTests: 1, numFailedTests: 1 }, [failed, broken]), false).failed).toBe(2);
  });

  it('never takes a run that ended badly for a good one', () => {
    expect(tallyOf(undefined, false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(tallyOf(report({ numPassedTests: 9 }), false)).toEqual({ passed: 9, failed: 1, skipped: 0 });
  });

  it('ends in one line', () => {
    const total = sum([
      { passed: 1, failed: 0, skipped: 0 },
      { passed: 2, failed: 3, skipped: 0 },
    ]);
    expect(tallyLine(total)).toBe('3 passed, 3 failed');
    expect(tallyLine({ ...total, skipped: 4 })).toBe('3 passed, 3 failed, 4 skipped');
  });
});
