import type { Row } from '../row.ts';
import { recovers } from './first-attempt.ts';

/** Slack refuses the token and takes that back, counted from the first call. */
const TAKEN_BACK_MS = 3_000;
/** A refused token is asked about again after 5 to 10 s. */
const ASKED_AGAIN_MS = 10_000;
const LATE_MS = 5_000;

const takenBack = (error: string, reason: 'TokenInvalid' | 'AccountInactive'): Row => ({
  fault: `API: ${error}, which Slack takes back after 3 s`,
  script: () => {
    let firstAtMs: number | undefined;
    return {
      api: (call) => {
        firstAtMs ??= performance.now();
        if (performance.now() - firstAtMs < TAKEN_BACK_MS) call.refuse(error);
        else call.grant();
      },
    };
  },
  promise: recovers([reason], { recoveredWithinMs: ASKED_AGAIN_MS + LATE_MS }),
});

/** Refusals of a good token, by mistake. */
export const REFUSAL_ROWS: readonly Row[] = [
  takenBack('invalid_auth', 'TokenInvalid'),
  takenBack('account_inactive', 'AccountInactive'),
];
