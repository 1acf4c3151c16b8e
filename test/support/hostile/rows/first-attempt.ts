import type { Connection } from '../hostile-slack.ts';
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

export const isFirstToApi = ({ isSocket, nth }: Connection): boolean => !isSocket && nth === 1;
export const isFirstToSocket = ({ isSocket, nth }: Connection): boolean => isSocket && nth === 1;

/** The bounds leave some seconds to a machine that runs other suites at the same time; the table shows what it takes. */
const AT_ONCE_MS = 10_000;
/** The second connect of a team's bucket comes 10 s after the first (`TEAM_BUDGET.firstGapMs`), give or take its jitter. */
const SPENT_MS = 20_000;
/** A call that can't have reached Slack costs nothing, so that only a backoff of about a second applies. */
const UNSPENT_MS = 9_500;

type Recovers = Extract<Promised, { kind: 'recovers' }>;

/** What Relax promises for a fault that shows at once. */
export const recovers = (reasons: readonly Reason[], changes: Partial<Recovers> = {}): Promised => ({
  kind: 'recovers',
  reasons,
  detectedWithinMs: AT_ONCE_MS,
  recoveredWithinMs: SPENT_MS,
  mostCalls: 2,
  ...changes,
});

/** Likewise for one that shows before Slack can have been asked. */
export const recoversUnspent = (reasons: readonly Reason[], changes: Partial<Recovers> = {}): Promised =>
  recovers(reasons, { recoveredWithinMs: UNSPENT_MS, ...changes });

/** Slack asked for so long a wait that it is cut short (rule 11: five minutes), with up to a second of jitter. */
export const waitsFor = (
  reasons: readonly Reason[],
  aboutMs: number,
  changes: Partial<Extract<Promised, { kind: 'waits' }>> = {},
): Promised => ({
  kind: 'waits',
  reasons,
  detectedWithinMs: AT_ONCE_MS,
  atLeastMs: aboutMs - 5_000,
  atMostMs: aboutMs + 3_000,
  mostCalls: 2,
  ...changes,
});

/** Nobody notices. */
export const HARMLESS: Promised = { kind: 'harmless', liveWithinMs: AT_ONCE_MS, mostCalls: 1 };
