/** Slack disables an app's events at 95 % failures within an hour, but not below 1,000 events (docs.slack.dev/apis/events-api). */
const windowMs = 60 * 60 * 1000;
const minuteMs = 60 * 1000;
const leastAttempts = 1000;
const mostFailed = 0.95;

export type FailureShare = { attempts: number; failed: number; share: number };

/** The attempts of the last hour, counted by minute. */
export class FailureCount {
  readonly #minutes = new Map<number, { attempts: number; failed: number }>();

  add(failed: boolean, nowMs: number): void {
    const minute = Math.floor(nowMs / minuteMs);
    const count = this.#minutes.get(minute) ?? { attempts: 0, failed: 0 };
    count.attempts += 1;
    if (failed) count.failed += 1;
    this.#minutes.set(minute, count);
  }

  share(nowMs: number): FailureShare {
    const oldest = Math.floor((nowMs - windowMs) / minuteMs);
    let attempts = 0;
    let failed = 0;
    for (const [minute, count] of this.#minutes) {
      if (minute <= oldest) {
        this.#minutes.delete(minute);
        continue;
      }
      attempts += count.attempts;
      failed += count.failed;
    }
    return { attempts, failed, share: attempts === 0 ? 0 : failed / attempts };
  }
}

export const isTooMuch = ({ attempts, share }: FailureShare): boolean =>
  attempts >= leastAttempts && share >= mostFailed;
