import { parseArgs } from 'node:util';
import { Outbound } from '../connector/outbound/outbound.ts';
import type { Sender } from '../connector/outbound/sender.ts';
import { systemClock } from '../core/process/clock.ts';
import { createLog } from '../core/process/log.ts';
import { RateLimitedLog } from '../core/process/rate-limited-log.ts';
import { tokenDigest } from '../core/protocol/token.ts';
import { IoredisClient } from '../core/redis/ioredis-client.ts';
import type { RedisRole } from '../core/redis/redis.ts';
import { createWebApi } from '../core/slack/web-api.ts';
import { startSimulator } from '../slack-simulator/simulator.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { waitFor } from '../test/support/wait.ts';

/**
 * How long a message to an idle channel takes, and how long a burst to many channels, with the calls that Slack got and what it
 * cost Redis: `node bench/outbound.ts [--teams 100] [--channels 5] [--each 4] [--processes 2]`. It starts a Redis and a stand-in for
 * Slack that answers 429 to whatever is faster than Slack allows: a message a second in a channel, 300 a minute of a bot. All runs
 * in this one process.
 */
const { values } = parseArgs({
  options: {
    teams: { type: 'string', default: '100' },
    channels: { type: 'string', default: '5' },
    each: { type: 'string', default: '4' },
    processes: { type: 'string', default: '2' },
  },
});
const TEAMS = Number(values.teams);
const CHANNELS = Number(values.channels);
const EACH = Number(values.each);
const PROCESSES = Number(values.processes);
const COMMANDS = 'relax:commands';
/** One for each bot, so that no bucket is in the way. */
const SINGLE = Math.min(200, TEAMS);

const log = createLog({ program: 'bench', level: 'warn' });
const server = await startRedis({});
const slack = await startSimulator();
const connections: IoredisClient[] = [];

async function connect(role: RedisRole): Promise<IoredisClient> {
  const settings = { url: server.url, username: undefined, passwordFile: undefined, caFile: undefined };
  const redis = new IoredisClient(settings, role, 'bench', log);
  await redis.connect();
  connections.push(redis);
  return redis;
}

const teams = Array.from({ length: TEAMS }, (_none, at) => `T${at + 1}`);
const bots = new Map(
  teams.map((teamID): [string, Sender] => {
    const token = `xoxb-bench-${teamID}`;
    slack.addTeam({ teamID, token });
    const digest = tokenDigest(token);
    const about = { ownerUid: teamID, bot: `bench/${teamID.toLowerCase()}`, teamID, generation: 1 };
    return [teamID, { ...about, token, credentialsDigest: digest, speaksRtm: false, overRtm: undefined }];
  }),
);
const ignore = (): void => undefined;
const running = await Promise.all(
  Array.from({ length: PROCESSES }, async () => {
    const outbound = new Outbound({
      commands: COMMANDS,
      redis: await connect('command'),
      waiting: await connect('blocking'),
      subscriber: await connect('subscriber'),
      senders: {
        ofTeam: (teamID) => [bots.get(teamID)].filter((bot) => bot !== undefined),
        ofBot: () => undefined,
        onChange: () => ignore,
      },
      webApi: createWebApi({ apiUrl: slack.url }),
      refuse: ignore,
      observer: { ended: ignore, posted: ignore, dropped: ignore },
      limitedLog: new RateLimitedLog(log, systemClock),
      log,
    });
    outbound.start();
    return outbound;
  }),
);
const application = await connect('command');
const say = (commands: readonly object[]): Promise<number> =>
  application.rpush(COMMANDS, ...commands.map((command) => JSON.stringify({ type: 'message', ...command })));
const posted = (): number => slack.stats().posts.posted;

const waits: number[] = [];
for (let at = 0; at < SINGLE; at += 1) {
  const startedAtMs = performance.now();
  await say([{ team: teams[at % TEAMS], channel: `CSINGLE${at}`, text: 'm', id: `single-${at}` }]);
  await waitFor(() => posted() > at, { everyMs: 0, what: 'a post' });
  waits.push(performance.now() - startedAtMs);
}
waits.sort((one, other) => one - other);
const percentile = (p: number): string => (waits[Math.ceil((p / 100) * SINGLE) - 1] ?? Number.NaN).toFixed(1);
process.stdout.write(`one message to an idle channel, ms: p50 ${percentile(50)}, p99 ${percentile(99)}\n`);

// The buckets of the bots are full again.
await waitFor(async () => (await application.keys('*:bucket:*')).length === 0, { what: 'full buckets' });
await application.config('RESETSTAT');
const burst = teams.flatMap((team) =>
  Array.from({ length: CHANNELS * EACH }, (_none, at) => {
    return { team, channel: `C${at % CHANNELS}`, text: `${at}`, id: `${team}-${at}` };
  }),
);
const cpuBefore = process.cpuUsage();
const startedAtMs = performance.now();
for (let at = 0; at < burst.length; at += 500) await say(burst.slice(at, at + 500));
await waitFor(() => posted() === SINGLE + burst.length, { timeoutMs: 600_000, everyMs: 5, what: 'all posts' });
const tookMs = performance.now() - startedAtMs;
const cpu = process.cpuUsage(cpuBefore);

// What Slack's rates allow: the slower of the channels, and of the bot with five at once and one more in 210 ms.
const leastMs = Math.max((EACH - 1) * 1_000, (CHANNELS * EACH - 5) * 210);
const commands = [
  ...(await application.info('commandstats')).matchAll(/cmdstat_(evalsha|blmove|publish):calls=(\d+)/g),
];
const perMessage = commands.reduce((sum, [, , calls]) => sum + Number(calls), 0) / burst.length;
process.stdout.write(
  `${burst.length} messages to ${TEAMS * CHANNELS} channels of ${TEAMS} bots, ${PROCESSES} connectors: ` +
    `${(tookMs / 1000).toFixed(2)} s, where the rates allow ${(leastMs / 1000).toFixed(2)} s\n` +
    `calls of chat.postMessage: ${JSON.stringify(slack.stats().calls['chat.postMessage'])}\n` +
    `commands of Redis for each message: ${perMessage.toFixed(1)}; CPU for each, with Slack's own: ` +
    `${((cpu.user + cpu.system) / 1000 / burst.length).toFixed(2)} ms\n`,
);

await Promise.all(running.map((outbound) => outbound.stop(2_000)));
for (const connection of connections) connection.close();
await slack.stop();
await server.stop();
