/** How many tests did what. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0 };
export const ONE_PASSED: Tally = { ...NOTHING, passed: 1 };
export const ONE_FAILED: Tally = { ...NOTHING, failed: 1 };
export const ONE_SKIPPED: Tally = { ...NOTHING, skipped: 1 };

export const sum = (tallies: readonly Tally[]): Tally =>
  tallies.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    NOTHING,
  );

/** "3 passed, 0 failed", and what was skipped if anything was: the last line of a run. */
export const tallyLine = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;

/** As much of Vitest's JSON report as counts. */
interface Report {
  numPassedTests?: number;
  numFailedTests?: number;
  numPendingTests?: number;
  numTodoTests?: number;
  testResults?: { status?: string; assertionResults?: unknown[] }[];
}

/**
 * Counts a suite. A file that fails before its first test has no test that failed, and a run that ends badly may have
 * none at all: neither may look like success, so each counts as one failure.
 * @param json the report; undefined if there is none
 */
export function tallyOf(json: string | undefined, endedWell: boolean): Tally {
  const report = json === undefined ? undefined : (JSON.parse(json) as Report);
  const files = report?.testResults ?? [];
  const broken = files.filter(
    ({ status, assertionResults = [] }) => status === 'failed' && !assertionResults.some(isFailure),
  );
  const counted: Tally = {
    passed: report?.numPassedTests ?? 0,
    failed: (report?.numFailedTests ?? 0) + broken.length,
    skipped: (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0),
  };
  return endedWell || counted.failed > 0 ? counted : { ...counted, failed: 1 };
}

const isFailure = (result: unknown): boolean =>
  typeof result === 'object' && result !== null && 'status' in result && result.status === 'failed';
