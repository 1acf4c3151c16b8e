import { Command, Option } from 'commander';
import type { Program, Setting } from '../core/config/setting.ts';
import { settingsOf } from '../core/config/settings.ts';
import { type SendOptions, sendOptions } from './send/options.ts';
import { type SlackOptions, slackOptions } from './slack/options.ts';

/** What `relax` does with each subcommand. Resolves with the exit code. */
interface Actions {
  /** @param flags flag name without dashes -> text; a switch that is on has the text "true" */
  program(program: Exclude<Program, 'send'>, flags: Readonly<Record<string, string>>): Promise<number>;
  send(options: SendOptions, flags: Readonly<Record<string, string>>): Promise<number>;
  demo(): Promise<number>;
  slack(options: SlackOptions): Promise<number>;
}

const SUMMARIES: Record<Program, string> = {
  operator: 'reconcile the SlackBots and SlackApps of a Kubernetes cluster and assign their sockets to connectors',
  connector: 'hold Slack sockets as assigned, and push each event to the Redis queue once',
  standalone:
    'everything without Kubernetes: SlackBots and SlackApps from a directory of YAML, connectors as processes',
  status: 'what the fleet does, read from Redis: pods, sockets, apps, bots, queue',
  send: 'send a message to Slack in the name of a SlackBot, as your application would, and say what became of it',
};
const NOTES: Partial<Record<Program, string>> = {
  status: `
Exit codes: 0 healthy; 3 not healthy, what is wrong and what to do is in the output (-o json: "problems"); 1 Redis can't
be queried; 2 a mistake in the options.`,
  send: `
Pushes a command to the Redis list that connectors take messages from (docs/commands.md), and waits for its result. The
message is sent by whichever connector serves the bot, one a second in each channel.
Exit codes: 0 sent; 3 not sent, the reason and the remedy are in the output; 4 it still waits, or may have been taken after
all; 1 Redis can't be used; 2 a mistake in the options.`,
};
const ORDER: readonly Program[] = ['standalone', 'status', 'send', 'operator', 'connector'];

const EPILOGUE = `
Nearly every option of ${ORDER.join(', ')} can be set by an environment variable as well, and the
option wins; docs/configuration.md has them all. "relax demo" brings its own Slack, and its own Redis where redis-server or
valkey-server is installed.`;
const SLACK_NOTE = `
Listens on this machine only, unless --host says otherwise. Ends on SIGTERM and on Ctrl-C. What it keeps to, and how events
are sent to it and faults made: slack-simulator/README.md.`;

/** The command line, with options and help generated from the settings table. `done` gets the exit code. */
export function commandLine(version: string, actions: Actions, done: (exitCode: number) => void): Command {
  const relax = new Command('relax')
    .description('Slack events for thousands of workspaces, each exactly once on a Redis queue.')
    .version(version, '-V, --version')
    .showHelpAfterError('(relax --help lists the commands)')
    .addHelpText('after', EPILOGUE);
  relax
    .command('demo')
    .description(
      'see it work in less than a minute: 20 teams over Socket Mode and RTM, a connector killed, every event counted ' +
        '(needs redis-server or valkey-server, and openssl)',
    )
    .action(async () => done(await actions.demo()));
  const slack = relax
    .command('slack')
    .description(
      'a stand-in for Slack on this machine, to develop against: apps, teams, tokens, sockets, events, faults',
    )
    .showHelpAfterError('(relax slack --help lists the options)')
    .addHelpText('after', SLACK_NOTE)
    .action(async (options: SlackOptions) => done(await actions.slack(options)));
  for (const option of slackOptions()) slack.addOption(option);
  for (const program of ORDER) {
    const command = relax
      .command(program)
      .description(SUMMARIES[program])
      .showHelpAfterError(`(relax ${program} --help lists the options)`);
    const note = NOTES[program];
    if (note !== undefined) command.addHelpText('after', note);
    for (const row of settingsOf(program)) if (row.later !== true) command.addOption(optionOf(row, program));
    if (program === 'send') {
      for (const option of sendOptions()) command.addOption(option);
      command.action(async (options: SendOptions, self: Command) =>
        done(await actions.send(options, flagsOf(self, program))),
      );
    } else
      command.action(async (_options, self: Command) => done(await actions.program(program, flagsOf(self, program))));
  }
  return relax;
}

function optionOf(row: Setting<unknown>, program: Program): Option {
  const short = row.short === undefined ? '' : `-${row.short}, `;
  const argument = row.argument === undefined ? '' : ` <${row.argument}>`;
  const fallback = row.fallbackOf?.[program] ?? row.fallback;
  const notes = [
    ...(row.env === undefined ? [] : [`env: ${row.env}`]),
    ...(row.requiredBy.includes(program) ? ['required'] : []),
    ...(fallback === undefined || fallback === '' ? [] : [`default: ${fallback}`]),
    ...(fallback === undefined && row.unset !== undefined && !row.requiredBy.includes(program)
      ? [`default: ${row.unset}`]
      : []),
  ];
  return new Option(
    `${short}--${row.flag}${argument}`,
    `${row.doc}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`,
  );
}

/** Only what was given: defaults come from the settings table. */
function flagsOf(command: Command, program: Program): Record<string, string> {
  const values: Record<string, unknown> = command.opts();
  return Object.fromEntries(
    settingsOf(program).flatMap((row): [string, string][] => {
      const value = values[row.flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
      return value === undefined ? [] : [[row.flag, String(value)]];
    }),
  );
}
