import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { statusConfig } from '../../core/config/config.ts';
import { systemClock } from '../../core/process/clock.ts';
import { createLog } from '../../core/process/log.ts';
import { connectRedis } from '../../core/redis/ioredis-client.ts';
import type { Redis } from '../../core/redis/redis.ts';
import type { ClusterStatus } from '../status/fleet-status.ts';
import { readFleet } from '../status/read-fleet.ts';
import { App } from './app.ts';
import { closingWords, type Messages } from './closing-words.ts';
import { DemoView, type Moment } from './demo-view.ts';
import { manifestsOf, socketCount, teamCount, WORLD } from './demo-world.ts';
import { DuplicateMeter } from './duplicate-meter.ts';
import { FleetProcess } from './fleet-process.ts';
import { startRedis } from './redis-server.ts';
import { SlackStandIn } from './slack-stand-in.ts';
import { isClean, judge, type Verdict } from './verdict.ts';

const ZONES = ['a', 'b'];
const EVENTS = 6_000;
const EVENTS_PER_SECOND = 500;
const COMMAND_EVERY_MS = 500;
const CLUSTER = 'demo';
const QUEUE = 'relax:events';
/** Parts of the burst after which something breaks. */
const KILL_AT = 0.3;
const CUT_AT = 0.6;
/** Each step has a time limit, so that the demo ends within a minute even if something goes wrong. */
const START_LIMIT_MS = 20_000;
const BURST_LIMIT_MS = 22_000;
const SETTLE_LIMIT_MS = 8_000;

/**
 * `relax demo`: shows the main job in half a minute, with its own Redis and Slack stand-in. Resolves with the exit code:
 * 0 only if each event arrived exactly once.
 */
export async function runDemo(signal: AbortSignal): Promise<number> {
  const view = new DemoView(process.stdout);
  const ends: (() => Promise<void> | void)[] = [];
  try {
    const stage = await setStage(view, ends, signal);
    const verdict = await play(stage);
    const messages = await sendMessages(stage);
    const commands = await stage.slack.commands();
    view.end(closingWords({ verdict, commands, messages, suppressed: stage.meter.total }));
    return isClean(verdict) ? 0 : 1;
  } catch (error) {
    view.end();
    if (!signal.aborted) throw error;
    process.stderr.write('relax demo: interrupted\n');
    return 130;
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

interface Stage {
  view: DemoView;
  slack: SlackStandIn;
  fleet: FleetProcess;
  redis: Redis;
  app: App;
  meter: DuplicateMeter;
  /** What the fleet looks like now; also shown. */
  look(): Promise<ClusterStatus | undefined>;
  /** Waits for something while the view goes on. @throws Error when it takes too long, or a process has ended */
  until(what: string, limitMs: number, condition: () => Promise<boolean>): Promise<void>;
}

async function setStage(view: DemoView, ends: (() => Promise<void> | void)[], signal: AbortSignal): Promise<Stage> {
  view.say(
    `${teamCount} teams, ${ZONES.length} connectors in ${ZONES.length} zones, with a Redis and a stand-in for Slack of their own`,
  );
  view.say(
    `${WORLD.ownApps} teams have a Slack app of their own, ${WORLD.appTeams} share one app (Socket Mode); ` +
      `${WORLD.rtmTeams} have a classic bot (RTM)`,
  );
  // The Redis process takes the folder away when it ends.
  const folder = mkdtempSync(join(tmpdir(), 'relax-demo-'));
  const server = await startRedis(folder);
  ends.push(() => server.process.end(3_000));
  const slack = await SlackStandIn.start();
  ends.push(() => slack.end());
  const redis = connectRedis(redisOf(server.url), 'command', 'demo', createLog({ program: 'demo', level: 'silent' }));
  redis.connect().catch(() => undefined);
  ends.push(() => redis.close());
  const env = {
    RELAX_REDIS_URL: server.url,
    RELAX_SLACK_API_URL: slack.url,
    NODE_EXTRA_CA_CERTS: slack.caFile,
    RELAX_CLUSTER: CLUSTER,
    RELAX_METRICS_PORT: '0',
    RELAX_GRACE_SECONDS: '10',
    XDG_STATE_HOME: folder,
  };
  const manifests = manifestsOf(await slack.rtmTeams(), await slack.apps());
  const fleet = new FleetProcess(folder, manifests, env, { connectors: ZONES.length, zones: ZONES });
  ends.push(() => fleet.process.end(15_000));

  const app = new App(redis, QUEUE);
  const meter = new DuplicateMeter();
  const config = statusConfig({ env: { RELAX_REDIS_URL: server.url, RELAX_CLUSTER: CLUSTER } }).config;
  const look = async (): Promise<ClusterStatus | undefined> => {
    const [status, counts, received] = await Promise.all([
      readFleet(redis, config),
      slack.counts(),
      redis.llen(app.handled),
      meter.read(fleet.metricsUrls),
    ]);
    const [cluster] = status.clusters;
    const sockets = new Map(ZONES.map((zone) => [zone, liveIn(cluster, zone)]));
    const moment: Moment = {
      atMs: systemClock.monotonicMs(),
      sent: counts.emitted,
      received,
      sockets,
      queueLength: status.queue.length,
      suppressed: meter.total,
    };
    view.show(moment);
    return cluster;
  };
  const until: Stage['until'] = async (what, limitMs, condition) => {
    const endMs = systemClock.monotonicMs() + limitMs;
    for (;;) {
      signal.throwIfAborted();
      for (const { process: each } of [server, slack, fleet]) each.check();
      // Redis may be away for a moment, which is part of the story.
      if (await condition().catch(() => false)) return;
      if (systemClock.monotonicMs() > endMs)
        throw new Error(`the demo did not see this within ${limitMs / 1000} s: ${what}`);
      await sleep(100, undefined, { signal });
    }
  };
  return { view, slack, fleet, redis, app, meter, look, until };
}

/** The story. */
async function play(stage: Stage): Promise<Verdict> {
  const { view, slack, redis, app, look, until } = stage;
  const all = socketCount;
  const show = everySecond(look);
  await until(`${all} live sockets`, START_LIMIT_MS, async () => (await slack.counts()).live === all && (await show()));
  view.say(`${all} sockets are live, half of them in each zone`);

  const stopped = new AbortController();
  const running = Promise.all([app.run(stopped.signal), typeCommands(slack, stopped.signal)]);
  try {
    view.say(`${EVENTS} events over all teams, ${EVENTS_PER_SECOND} a second; an application reads the queue`);
    view.say(`users type a slash command every ${COMMAND_EVERY_MS / 1000} s; the application answers it through Redis`);
    const isDone = await slack.burst(EVENTS, EVENTS_PER_SECOND);
    const sent = async (part: number) => (await show()) && (await slack.counts()).emitted >= EVENTS * part;
    await until('the first part of the burst', BURST_LIMIT_MS, () => sent(KILL_AT));
    await killConnector(stage);
    await until('the second part of the burst', BURST_LIMIT_MS, () => sent(CUT_AT));
    const cut = await redis.clientKill('normal');
    view.say(`cut every connection to Redis (${cut}) while all this goes on`);
    await until('the end of the burst', BURST_LIMIT_MS, async () => (await show()) && (await isDone()));
    view.say('all events are sent; is every one there?');
    await hopefully(stage, 'every event', async () => {
      await show();
      return (await redis.llen(QUEUE)) === 0 && (await verdictNow(stage)).lost === 0;
    });
    await hopefully(
      stage,
      `${all} live sockets again`,
      async () => (await show()) && (await slack.counts()).live === all,
    );
    // A second copy would come within moments.
    await sleep(1_000);
    await look();
    return await verdictNow(stage);
  } finally {
    stopped.abort();
    await running;
  }
}

/** Two to one channel of each classic bot, all at once. */
async function sendMessages(stage: Stage): Promise<Messages> {
  const { app, slack, view } = stage;
  const teams = await slack.rtmTeams();
  const messages = ['Relax was here.', 'In this order.'].flatMap((text) =>
    teams.map(({ teamID }) => ({ team: teamID, channel: 'C0GENERAL', text })),
  );
  view.say(
    `the application pushes ${messages.length} messages to relax:commands, two for each of ${teams.length} channels`,
  );
  await app.send(messages);
  await hopefully(stage, 'every message is posted', async () => (await slack.posts()).posted >= messages.length);
  return { sent: messages.length, ...(await slack.posts()) };
}

async function typeCommands(slack: SlackStandIn, signal: AbortSignal): Promise<void> {
  for (let nth = 0; !signal.aborted; nth += 1) {
    await slack.type('/status', nth).catch(() => undefined);
    await sleep(COMMAND_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** If something is not seen in time, that is printed, and the verdict still follows. */
async function hopefully({ view, until }: Stage, what: string, condition: () => Promise<boolean>): Promise<void> {
  try {
    await until(what, SETTLE_LIMIT_MS, condition);
    view.say(`${what}: yes`);
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    view.say(error instanceof Error ? error.message : String(error));
  }
}

async function killConnector({ look, view }: Stage): Promise<void> {
  const cluster = await look();
  const victim = cluster?.pods.find(({ state, pid }) => state === 'up' && pid !== null);
  if (victim?.pid == null) throw new Error('no connector to kill');
  process.kill(victim.pid, 'SIGKILL');
  view.say(`killed ${victim.pod} in zone ${victim.zone} (kill -9 ${victim.pid}); the other zone carries on alone`);
  // Its parent must have heard of its end, or it still counts as a process.
  await sleep(200);
  await look();
}

async function verdictNow({ slack, app }: Stage): Promise<Verdict> {
  return judge(await slack.sentIDs(), await app.handledIDs());
}

/** Redis learns of a killed connector when its lease runs out; we, on its machine, can look. */
const liveIn = (cluster: ClusterStatus | undefined, zone: string): number =>
  (cluster?.pods ?? [])
    .filter((pod) => pod.zone === zone && pod.pid !== null && isAlive(pod.pid))
    .reduce((sum, pod) => sum + pod.sockets.live, 0);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Asked as often as one likes, looks once a second. */
function everySecond(look: () => Promise<unknown>): () => Promise<true> {
  let atMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (systemClock.monotonicMs() - atMs >= 1_000) {
      atMs = systemClock.monotonicMs();
      await look();
    }
    return true;
  };
}

const redisOf = (url: string) => ({ url, username: undefined, passwordFile: undefined, caFile: undefined });
