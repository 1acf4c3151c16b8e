import { errorText, type Log } from './log.ts';

/**
 * Our own code threw where nothing should. It is not a fault of Redis, of Slack or of a person, so it must not look like one.
 * The log line names the place, for a bug report.
 */
export function logDefect(log: Pick<Log, 'error'>, part: string, error: unknown): void {
  const stack = error instanceof Error ? error.stack : undefined;
  log.error({ part, error: errorText(error), stack }, 'a defect of Relax: report it with this line');
}

/** Calls a callback. If it throws, that is logged as a defect and stops nothing. */
export function runCallback(log: Pick<Log, 'error'>, part: string, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    logDefect(log, part, error);
  }
}
