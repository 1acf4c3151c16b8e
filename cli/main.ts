import { CommanderError } from 'commander';
import { sendConfig } from '../core/config/config.ts';
import { ConfigError } from '../core/config/config-input.ts';
import { endByForceAfter } from '../core/process/forced-end.ts';
import { errorText } from '../core/process/log.ts';
import { version } from '../core/process/version.ts';
import { commandLine } from './command-line.ts';
import { runProgram } from './run-program.ts';
import { stopSignal } from './stop-signal.ts';

/**
 * The relax program. Exit codes: 0 for a clean end, 1 for a failure, 2 for a mistake on the command line or in the
 * configuration, which no restart fixes; for `relax status` also 3 for a fleet that is not healthy, and for `relax send` 3
 * for a message that was not sent and 4 for one that still waits.
 */

/** Everything has ended by then, but for a timer of 2 s that the Redis client leaves behind where there was no connection. */
const LINGER_MS = 300;

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(`${error instanceof ConfigError ? error.message : `relax: ${errorText(error)}`}\n`);
  if (process.env.RELAX_LOG_LEVEL === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return error instanceof ConfigError ? error.exitCode : 1;
}

// The reader of our output has closed the pipe (`relax status | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const signal = stopSignal();
/** Whether a fleet's program has lived here, whose parts may hang in more ways than a command's. */
let lived = false;
const line = commandLine(
  version(),
  {
    program: (program, flags) => {
      lived = program !== 'status';
      return runProgram(program, { env: process.env, flags }, signal);
    },
    send: async (options, flags) => {
      const { config } = sendConfig({ env: process.env, flags });
      return (await import('./send/send.ts')).runSend(config, options, signal);
    },
    slack: async (options) => (await import('./slack/slack.ts')).runSlack(options, signal),
    demo: async () => (await import('./demo/demo.ts')).runDemo(signal),
  },
  (exitCode) => {
    process.exitCode = exitCode;
  },
);
for (const command of [line, ...line.commands]) command.exitOverride();

try {
  await line.parseAsync(process.argv);
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
const end = (): void => process.exit();
if (lived) endByForceAfter(LINGER_MS, end);
else setTimeout(end, LINGER_MS).unref();
