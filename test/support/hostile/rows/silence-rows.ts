import type { Row } from '../row.ts';
import { firstCall, firstUpgrade, recovers } from './first-attempt.ts';

/** Nothing comes, or so slowly that it is as good as nothing. */
export const SILENCE_ROWS: readonly Row[] = [
  {
    fault: 'a silent socket: no hello',
    script: () => ({ upgrade: firstUpgrade((call) => call.accept()) }),
    promise: recovers(['HelloTimeout'], { detectedWithinMs: 11_000 }),
  },
  {
    fault: 'a live socket whose packets vanish, both ways',
    script: () => ({
      live: ({ nth, line, slack }) => {
        if (nth > 1) return;
        // After the hello has left.
        setTimeout(() => {
          slack.faultBegins();
          line.swallow();
        }, 100);
      },
    }),
    promise: recovers(['ConnectionLost'], { detectedWithinMs: 11_000 }),
  },
  {
    fault: 'an API call without an answer',
    script: () => ({ api: firstCall(() => undefined) }),
    promise: recovers(['SlackUnavailable'], { detectedWithinMs: 13_000 }),
  },
];
