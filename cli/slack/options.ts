import { InvalidArgumentError, Option } from 'commander';
import type { SimulatorOptions } from '../../slack-simulator/simulator-api.ts';

/** The options of `relax slack`, including defaults. */
export interface SlackOptions {
  port: number;
  host: string;
  teams: number;
  tls: boolean;
  connectsPerMinute: number;
  burst: number;
  limitBy: 'token' | 'team';
  urlTtl: number;
  pingEvery: number;
  control: boolean;
  json: boolean;
}

/** Under the names by which commander reports them: `--url-ttl` as `urlTtl`. */
export const slackOptions = (): Option[] => [
  new Option('--port <port>', 'port to listen on; 0: a free one').argParser(port).default(0),
  new Option('--host <address>', 'address to listen on; any but this machine itself opens it to others').default(
    '127.0.0.1',
  ),
  new Option('--teams <count>', 'made-up teams, each with a bot token').argParser(wholeFrom(0)).default(1),
  new Option('--tls', 'HTTPS and WSS, with a certificate authority of its own; needs openssl').default(false, 'off'),
  new Option('--control', 'serve the API by which events are sent and faults are made').default(false, 'off'),
  new Option('--json', 'print one line of JSON for a program instead of words').default(false, 'off'),
  new Option('--connects-per-minute <count>', 'rtm.connect calls a minute for each team and token')
    .argParser(aboveZero)
    .default(1),
  new Option('--burst <count>', 'how many of them at once').argParser(wholeFrom(1)).default(3),
  new Option('--limit-by <what>', 'token: a rotated token has a connect budget of its own')
    .choices(['token', 'team'])
    .default('token'),
  new Option('--url-ttl <seconds>', 'how long a socket URL is valid').argParser(aboveZero).default(30),
  new Option('--ping-every <seconds>', 'pause between websocket pings').argParser(aboveZero).default(10),
];

export const simulatorOptions = (options: SlackOptions): SimulatorOptions => ({
  port: options.port,
  host: options.host,
  tls: options.tls,
  control: options.control,
  connectPerMinute: options.connectsPerMinute,
  connectBurst: options.burst,
  connectLimitBy: options.limitBy,
  urlTtlMs: options.urlTtl * 1000,
  pingEveryMs: options.pingEvery * 1000,
});

const wholeFrom =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It takes a whole number of at least ${least}.`);
  };

function port(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new InvalidArgumentError('It takes a whole number from 0 to 65535.');
}

function aboveZero(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('It takes a number above 0.');
}
