import { errorText, type Log } from './log.ts';

/**
 * Something of ours threw where nothing may: no fault of Redis, of Slack or of a person, so it must not be taken for one.
 * The line names the place; it is what a person can report.
 */
export function logDefect(log: Pick<Log, 'error'>, part: string, error: unknown): void {
  const stack = error instanceof Error ? error.stack : undefined;
  log.error({ part, error: errorText(error), stack }, 'a defect of Relax: report it with this line');
}

/** Calls what somebody else gave us. One that throws is logged as a defect, and stops nothing. */
export function runCallback(log: Pick<Log, 'error'>, part: string, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    logDefect(log, part, error);
  }
}
