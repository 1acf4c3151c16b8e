import { type Clock, systemClock } from './clock.ts';
import { errorText, type Log } from './log.ts';
import { RateLimitedLog } from './rate-limited-log.ts';

/**
 * For our own code that threw where nothing should. That is not a fault of Redis, of Slack or of a person, so it must not look
 * like one. The log line names the place, for a bug report. Most places are passed every few seconds and a defect may last, so
 * each place is logged once a minute.
 */
export class DefectLog {
  readonly #limitedLog: RateLimitedLog;

  constructor(log: Pick<Log, 'warn' | 'error'>, clock: Clock = systemClock) {
    this.#limitedLog = new RateLimitedLog(log, clock);
  }

  /** @param part where it threw: one of a small fixed set; `fields` say what it was about */
  report(part: string, error: unknown, fields: Readonly<Record<string, unknown>> = {}): void {
    const stack = error instanceof Error ? error.stack : undefined;
    const line = { ...fields, part, error: errorText(error), stack };
    this.#limitedLog.error(part, line, 'a defect of Relax: report it with this line');
  }

  /** Calls a callback. If it throws, that is logged as a defect and stops nothing. */
  run(part: string, callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.report(part, error);
    }
  }
}
