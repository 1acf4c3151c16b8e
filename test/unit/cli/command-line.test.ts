import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { commandLine } from '#cli/command-line.ts';
import type { SendOptions } from '#cli/send/options.ts';
import type { SlackOptions } from '#cli/slack/options.ts';
import { PROGRAMS, type Program } from '#core/config/setting.ts';
import { settingsOf } from '#core/config/settings.ts';

async function run(...args: string[]) {
  const calls: [Program | 'demo', Readonly<Record<string, string>>][] = [];
  const slack: SlackOptions[] = [];
  const sent: [SendOptions, Readonly<Record<string, string>>][] = [];
  let output = '';
  let exitCode: number | undefined;
  const line = commandLine(
    '1.2.3',
    {
      program: async (program, flags) => {
        calls.push([program, flags]);
        return 7;
      },
      demo: async () => {
        calls.push(['demo', {}]);
        return 0;
      },
      send: async (options, flags) => {
        sent.push([options, flags]);
        return 3;
      },
      slack: async (options) => {
        slack.push(options);
        return 0;
      },
    },
    (code) => {
      exitCode = code;
    },
  );
  const write = (text: string): void => {
    output += text;
  };
  for (const command of [line, ...line.commands]) {
    command.exitOverride().configureOutput({ writeOut: write, writeErr: write, getOutHelpWidth: () => 400 });
  }
  const error = await line.parseAsync(['node', 'relax', ...args]).catch((thrown: unknown) => thrown);
  return { calls, slack, sent, output, exitCode, error };
}

describe('the command line', () => {
  it.each(PROGRAMS)('shows every setting of %s with its variable and default', async (program) => {
    const { output } = await run(program, '--help');
    for (const row of settingsOf(program)) {
      if (row.later === true) continue;
      expect(output).toContain(`--${row.flag}`);
      expect(output).toContain(row.doc.slice(0, 40));
      if (row.env !== undefined) expect(output).toContain(`env: ${row.env}`);
    }
  });

  it('shows no setting that this version refuses', async () => {
    expect((await run('connector', '--help')).output).not.toContain('queue-shards');
  });

  it('hands on what was given as text, switches as "true", and nothing by default', async () => {
    const { calls, exitCode } = await run('standalone', '--bots', 'dir', '--queue-max=5', '--take-over');
    expect(calls).toEqual([['standalone', { bots: 'dir', 'queue-max': '5', 'take-over': 'true' }]]);
    expect(exitCode).toBe(7);
    expect((await run('status', '-o', 'json')).calls).toEqual([['status', { output: 'json' }]]);
    expect((await run('connector')).calls).toEqual([['connector', {}]]);
  });

  it.each([[['connector', '--bogus']], [['nothing']], [['status', '-o']], [['connector', 'extra']]])(
    'refuses %o and runs nothing',
    async (args) => {
      const { calls, error, output } = await run(...args);
      expect(error).toBeInstanceOf(CommanderError);
      expect(calls).toEqual([]);
      expect(output).toContain('--help');
    },
  );

  it('hands on the message to be sent apart from where Redis is', async () => {
    const message = ['--team', 'T1', '--channel', 'C1', '--text', 'two words', '--wait=1.5'];
    const { sent, exitCode } = await run('send', '--redis-url', 'redis://r', '--commands', 'out', ...message);
    expect(sent).toMatchObject([
      [
        { team: 'T1', channel: 'C1', text: 'two words', wait: 1.5, json: false },
        { 'redis-url': 'redis://r', commands: 'out' },
      ],
    ]);
    expect(exitCode).toBe(3);
  });

  it.each([
    [['send', '--team', 'T1', '--text', 'hi'], '--channel'],
    [['send', '--channel', 'C1', '--via', 'smoke'], '--via'],
    [['send', '--channel', 'C1', '--wait', 'long'], '--wait'],
  ])('refuses %o', async (args, flag) => {
    const { sent, output } = await run(...args);
    expect(sent).toEqual([]);
    expect(output).toContain(flag);
  });

  it('hands on the options of the local Slack, parsed, with their defaults', async () => {
    const { slack } = await run('slack', '--teams', '2', '--control', '--url-ttl=1.5', '--limit-by', 'team');
    expect(slack).toEqual([
      {
        port: 0,
        host: '127.0.0.1',
        teams: 2,
        tls: false,
        control: true,
        json: false,
        connectsPerMinute: 1,
        burst: 3,
        limitBy: 'team',
        urlTtl: 1.5,
        pingEvery: 10,
        apps: 0,
        appTeams: 1,
        appConnectsPerMinute: 50,
        appBurst: 20,
        postBurst: 0,
        postsPerMinute: 300,
        maxWebsockets: 10,
        connectionSeconds: 18_060,
        ghostSeconds: 0,
        ackTimeout: 3,
        retryDelays: [0, 60, 300],
        sameEnvelopeId: false,
        ackOnSameSocket: false,
        disableFailingApps: false,
      },
    ]);
  });

  it.each([
    ['--teams', '-1'],
    ['--burst', '0'],
    ['--port', ''],
    ['--ping-every', 'often'],
    ['--limit-by', 'moon'],
  ])('refuses %s %j of the local Slack', async (flag, value) => {
    const { slack, error, output } = await run('slack', `${flag}=${value}`);
    expect(error).toBeInstanceOf(CommanderError);
    expect(slack).toEqual([]);
    expect(output).toContain(flag);
  });

  it('prints its version', async () => {
    expect((await run('--version')).output).toBe('1.2.3\n');
  });
});
