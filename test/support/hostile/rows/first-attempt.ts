import type { Promised, Reason } from '../row.ts';
import type { ApiCall, UpgradeCall } from '../slack-call.ts';

/** A fault of each slot's first attempt only, so that the row shows how long the way back takes. */

export const firstCall =
  (fault: (call: ApiCall) => void) =>
  (call: ApiCall): void => {
    if (call.nth === 1) fault(call);
    else call.grant();
  };

export const firstUpgrade =
  (fault: (call: UpgradeCall) => void) =>
  (call: UpgradeCall): void => {
    if (call.nth === 1) fault(call);
    else call.greet();
  };

/** The second connect of a bucket comes 10 s after the first (`TEAM_BUDGET.firstGapMs`), give or take its jitter. */
export const RECOVERED_WITHIN_MS = 12_500;

/** What Relax promises for a fault that shows at once. */
export const recovers = (
  reasons: readonly Reason[],
  changes: Partial<Extract<Promised, { kind: 'recovers' }>> = {},
): Promised => ({
  kind: 'recovers',
  reasons,
  detectedWithinMs: 2_000,
  recoveredWithinMs: RECOVERED_WITHIN_MS,
  mostCalls: 2,
  ...changes,
});
