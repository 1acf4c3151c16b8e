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
  apps: number;
  appTeams: number;
  appConnectsPerMinute: number;
  appBurst: number;
  postBurst: number;
  postsPerMinute: number;
  maxWebsockets: number;
  connectionSeconds: number;
  ghostSeconds: number;
  ackTimeout: number;
  retryDelays: number[];
  sameEnvelopeId: boolean;
  ackOnSameSocket: boolean;
  spreadSeed?: number;
  disableFailingApps: boolean;
  control: boolean;
  json: boolean;
}

/** Under the names by which commander reports them: `--url-ttl` as `urlTtl`. */
export const slackOptions = (): Option[] => [
  new Option('--port <port>', 'port to listen on; 0: a free one').argParser(port).default(0),
  new Option('--host <address>', 'address to listen on; any but this machine itself opens it to others').default(
    '127.0.0.1',
  ),
  new Option('--teams <count>', 'made-up teams, each with a bot token for RTM').argParser(wholeFrom(0)).default(1),
  new Option('--apps <count>', 'made-up apps that speak Socket Mode, each with an app-level token')
    .argParser(wholeFrom(0))
    .default(0),
  new Option('--app-teams <count>', 'made-up teams that each of them is installed in')
    .argParser(wholeFrom(1))
    .default(1),
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
  new Option('--app-connects-per-minute <count>', 'apps.connections.open calls a minute for each app')
    .argParser(aboveZero)
    .default(50),
  new Option('--app-burst <count>', 'how many of them at once').argParser(wholeFrom(1)).default(20),
  new Option('--post-burst <count>', 'chat.postMessage calls beyond one a second that a bot may make in a channel')
    .argParser(wholeFrom(0))
    .default(0),
  new Option('--posts-per-minute <count>', 'chat.postMessage calls a minute of a bot in its workspace')
    .argParser(aboveZero)
    .default(300),
  new Option('--max-websockets <count>', 'sockets that an app may have').argParser(wholeFrom(1)).default(10),
  new Option('--connection-seconds <seconds>', "after how long an app's socket is refreshed, with a warning")
    .argParser(aboveZero)
    .default(18_060),
  new Option('--ghost-seconds <seconds>', "how long an app's socket counts on whose client left without a close frame")
    .argParser(notNegative)
    .default(0),
  new Option('--ack-timeout <seconds>', 'how long an acknowledgement is waited for').argParser(aboveZero).default(3),
  new Option('--retry-delays <seconds,...>', 'pauses before an event that nobody acknowledged is sent again')
    .argParser(pauses)
    .default([0, 60, 300], '0,60,300'),
  new Option('--same-envelope-id', 'send it again in the same envelope, not in a new one').default(false, 'off'),
  new Option('--ack-on-same-socket', 'an acknowledgement over another socket of the app does not count').default(
    false,
    'off',
  ),
  new Option(
    '--spread-seed <number>',
    "give envelopes to an app's sockets at random from this seed, not in turn",
  ).argParser(wholeFrom(0)),
  new Option('--disable-failing-apps', 'send no more events to an app that fails 95 % within an hour').default(
    false,
    'off',
  ),
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
  appConnectPerMinute: options.appConnectsPerMinute,
  appConnectBurst: options.appBurst,
  postBurst: options.postBurst,
  postWorkspacePerMinute: options.postsPerMinute,
  maxWebsockets: options.maxWebsockets,
  approximateConnectionSeconds: options.connectionSeconds,
  ghostAfterDropMs: options.ghostSeconds * 1000,
  ackTimeoutMs: options.ackTimeout * 1000,
  retryDelaysMs: options.retryDelays.map((seconds) => seconds * 1000),
  sameEnvelopeID: options.sameEnvelopeId,
  ackOnSameSocket: options.ackOnSameSocket,
  spread: options.spreadSeed === undefined ? 'roundRobin' : { seed: options.spreadSeed },
  disableFailingApps: options.disableFailingApps,
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

function pauses(text: string): number[] {
  const seconds = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (seconds.every((value) => value >= 0 && value < 2_000_000)) return seconds;
  throw new InvalidArgumentError('It takes numbers of seconds with commas between them, such as 0,60,300.');
}

function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0) return value;
  throw new InvalidArgumentError('It takes a number of at least 0.');
}

function aboveZero(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('It takes a number above 0.');
}
