import { parseArgs } from 'node:util';
import { startSimulator } from './simulator.ts';
import { generatedTeam } from './team.ts';

const help = `A local Slack for tests: node slack-simulator/main.ts [options]

  --port N                  port to listen on (0, the default: a free one)
  --host ADDRESS            address to listen on (127.0.0.1)
  --teams N                 made-up teams to begin with (0); GET /_control/teams lists them with their tokens
  --tls                     HTTPS and WSS, by a CA of its own (its file is printed as caFile)
  --connects-per-minute N   rtm.connect calls a minute for each team and token (1)
  --burst N                 of them, how many at once (3)
  --limit-by token|team     whether a rotated token has a connect budget of its own (token)
  --url-ttl SECONDS         how long a socket URL is valid (30)
  --ping-every SECONDS      websocket pings by the server (10)
  --control                 serve the control API under /_control/ (see slack-simulator/control.ts)

Prints one line of JSON when it is ready: {url, port, caFile, pid, teams}. Ends on SIGTERM, SIGINT, and with the
parent process if that forked it.
`;

function parse(): ReturnType<typeof parseOptions> {
  try {
    return parseOptions();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(2);
  }
}

function parseOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      teams: { type: 'string', default: '0' },
      tls: { type: 'boolean', default: false },
      'connects-per-minute': { type: 'string', default: '1' },
      burst: { type: 'string', default: '3' },
      'limit-by': { type: 'string', default: 'token' },
      'url-ttl': { type: 'string', default: '30' },
      'ping-every': { type: 'string', default: '10' },
      control: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const limitBy = values['limit-by'];
  if (limitBy !== 'token' && limitBy !== 'team') throw new Error(`--limit-by takes token or team, not ${limitBy}`);
  return {
    help: values.help,
    teams: whole('teams', values.teams, 0),
    simulator: {
      port: whole('port', values.port, 0),
      host: values.host,
      tls: values.tls,
      control: values.control,
      connectPerMinute: above('connects-per-minute', values['connects-per-minute']),
      connectBurst: whole('burst', values.burst, 1),
      connectLimitBy: limitBy,
      urlTtlMs: above('url-ttl', values['url-ttl']) * 1000,
      pingEveryMs: above('ping-every', values['ping-every']) * 1000,
    } as const,
  };
}

function above(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new Error(`--${name} takes a number above 0, not ${value}`);
  return number;
}

function whole(name: string, value: string, least: number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < least || value.trim() === '') {
    throw new Error(`--${name} takes a whole number of at least ${least}, not ${value}`);
  }
  return number;
}

const options = parse();
if (options.help) {
  process.stdout.write(help);
  process.exit(0);
}

const slack = await startSimulator(options.simulator);
for (let n = 1; n <= options.teams; n += 1) slack.addTeam(generatedTeam(n));

const stop = (): void => {
  void slack.stop().then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
process.once('disconnect', stop);

const { url, port, caFile } = slack;
process.stdout.write(`${JSON.stringify({ url, port, caFile, pid: process.pid, teams: options.teams })}\n`);
