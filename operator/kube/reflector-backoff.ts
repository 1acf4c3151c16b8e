import { isKubeError } from './kube-error.ts';

const FIRST_MS = 800;
const CAP_MS = 30_000;

/**
 * How long to wait before the next list or watch: 0.8-1.6 s after the first failure, doubling to 15-30 s (the range of
 * client-go's reflector). Jittered over half of it, so that a fleet does not come back in step.
 *
 * @param failures in a row, 1 for the first
 * @param random in [0, 1)
 * @param retryAfterMs what the server asked for; obeyed up to the cap
 */
export function reflectorBackoffMs(failures: number, random: number, retryAfterMs = 0): number {
  const ceiling = Math.min(CAP_MS, 2 * FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return Math.max((ceiling / 2) * (1 + random), Math.min(retryAfterMs, CAP_MS));
}

/** What a failure of a list or watch means for the next step. Nothing here means giving up. */
type NextStep = 'watchAgain' | 'listAgain';

/** After this many failures in a row that may be due to the version we watch from, a list is worth its cost. */
const STUCK_AFTER = 3;

/** @param failures in a row, 1 for the first */
export function nextStep(error: unknown, failures: number): NextStep {
  if (!isKubeError(error)) return 'listAgain'; // a defect of ours: start over from what the server says
  switch (error.kind) {
    case 'gone': // the version is compacted
    case 'invalid': // the server does not take this resourceVersion
    case 'notFound': // the CRD went away; when it is back, its versions are others
      return 'listAgain';
    case 'transient': {
      // A server that can't encode the event after our version fails there again and again.
      const mayBeTheVersion = error.status === 500 || error.reason === 'BadWatchLine';
      return mayBeTheVersion && failures >= STUCK_AFTER ? 'listAgain' : 'watchAgain';
    }
    case 'conflict':
    case 'forbidden':
    case 'throttled':
      return 'watchAgain';
  }
}
