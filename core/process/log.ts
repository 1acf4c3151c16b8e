import { type Logger, pino } from 'pino';
import { redactTokens } from './redact.ts';

/** Log lines are a constant message plus fields, as JSON on stdout. Anything that looks like a Slack token is redacted. */
export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

interface LogOptions {
  program: string;
  level: LogLevel;
  toStderr?: boolean;
  /** Receives the lines instead of stdout, for a terminal that also shows something else. */
  to?: { write(line: string): void };
}

export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: options.level,
      base: { program: options.program },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactTokens },
    },
    options.to ?? pino.destination({ dest: options.toStderr ? 2 : 1, sync: true }),
  );
}

/** An error as a log field or a status message: one line, no token. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return redactTokens(text.replaceAll(/\s+/g, ' ').trim());
}
