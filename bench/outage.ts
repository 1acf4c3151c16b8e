import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { TEAM_BUDGET } from '../connector/budget/connect-budget.ts';
import { connectBudgetKey } from '../core/protocol/keys.ts';
import { tokenDigest } from '../core/protocol/token.ts';
import { generatedTeam } from '../slack-simulator/team.ts';
import { openNetwork, setNetwork } from '../test/support/network/network.ts';
import { waitFor } from '../test/support/wait.ts';
import { Fleet, rtmSlots, socketModeSlot } from './fleet/fleet.ts';
import { type HttpProxy, startProxy } from './fleet/proxy.ts';
import { type Slack, startSlack } from './fleet/slack.ts';
import { type Way, ways } from './outage-ways.ts';

/**
 * How a fleet survives an outage of Slack: how long after its end all are live again, and what that cost in calls, one row
 * for each way of failing: `node bench/outage.ts [--teams 300] [--bots 100] [--app 4] [--seconds 30] [--only pattern]`. Two
 * connectors on one Redis run a socket each for every RTM team; an app has `--app` sockets, and each Socket Mode bot one.
 * Linux only.
 */
const { values } = parseArgs({
  options: {
    teams: { type: 'string', default: '300' },
    bots: { type: 'string', default: '100' },
    app: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '30' },
    only: { type: 'string', default: '' },
  },
});
const TEAMS = Number(values.teams);
const BOTS = Number(values.bots);
const LENGTH_MS = Number(values.seconds) * 1000;
const PODS = ['a', 'b'];
const APP_SOCKETS = Number(values.app);
const SLOTS = TEAMS * PODS.length + APP_SOCKETS + BOTS;
const STREAMS = TEAMS + Math.min(1, APP_SOCKETS) + BOTS;
/** Slack's own limit is three connects at once and one a minute, after the two of the start. */
const BURST = PODS.length + TEAM_BUDGET.capacity;
const GIVE_UP_MS = 150_000;

interface Tally {
  connects: number;
  opens: number;
  refused: number;
  handshakes: number;
}

/** Calls and handshakes that reached Slack's stand-in. */
async function tally(slack: Slack): Promise<Tally> {
  const { connects, opens, handshakes } = (await slack.look()).stats;
  const sum = (of: Record<string, Record<string, number>>, fits: (outcome: string) => boolean = () => true): number =>
    Object.values(of)
      .flatMap((outcomes) => Object.entries(outcomes))
      .reduce((all, [outcome, count]) => all + (fits(outcome) ? count : 0), 0);
  const isLimited = (outcome: string): boolean => outcome === 'ratelimited';
  const refused = sum(connects, isLimited) + sum(opens, isLimited);
  return { connects: sum(connects), opens: sum(opens), refused, handshakes: sum(handshakes) };
}

const since = (now: Tally, before: Tally): Tally => ({
  connects: now.connects - before.connects,
  opens: now.opens - before.opens,
  refused: now.refused - before.refused,
  handshakes: now.handshakes - before.handshakes,
});

/** Whole connects that the teams have left. */
async function budgets(fleet: Fleet): Promise<{ none: number; mean: number }> {
  const left: number[] = [];
  for (let n = 1; n <= TEAMS; n += 1) {
    const { teamID, token } = generatedTeam(n);
    const held = await fleet.redis.hgetall(connectBudgetKey(teamID, tokenDigest(token)));
    const { calls = String(TEAM_BUDGET.capacity), atMs = String(Date.now()) } = held;
    const back = (Date.now() - Number(atMs)) / TEAM_BUDGET.refillMs;
    left.push(Math.min(TEAM_BUDGET.capacity, Number(calls) + back));
  }
  const mean = left.reduce((all, each) => all + each, 0) / left.length;
  return { none: left.filter((calls) => calls < 1).length, mean };
}

async function untilLive(slack: Slack, live: number, what: string): Promise<void> {
  await waitFor(async () => (await slack.look()).live >= live, { timeoutMs: 120_000, everyMs: 100, what });
}

async function startAll(way: Way): Promise<{ fleet: Fleet; slack: Slack; proxy: HttpProxy; stop(): Promise<void> }> {
  const slack = await startSlack({ teams: TEAMS, socketModeApps: BOTS + 1, connectBurst: BURST });
  const fleet = await Fleet.start();
  setNetwork(fleet.networkFile, 'well');
  const { port } = new URL(slack.url);
  const closeNetwork = await openNetwork(Number(port), fleet.folder);
  const proxy = await startProxy();
  // An address that the list of hosts without a proxy does not name; Slack's certificate is not for it.
  const throughProxy: Record<string, string> =
    way.proxyStatus === undefined
      ? { RELAX_SLACK_API_URL: `https://localhost:${port}/api/` }
      : {
          RELAX_SLACK_API_URL: `https://127.0.0.9:${port}/api/`,
          HTTPS_PROXY: proxy.url,
          NODE_TLS_REJECT_UNAUTHORIZED: '0',
        };
  for (const [index, pod] of PODS.entries()) {
    const slots = new Map(rtmSlots(TEAMS, index));
    const own = (n: number): boolean => n % PODS.length === index;
    for (let n = 0; n < APP_SOCKETS; n += 1) if (own(n)) for (const slot of socketModeSlot(1, n)) slots.set(...slot);
    for (let n = 2; n < BOTS + 2; n += 1) if (own(n)) for (const slot of socketModeSlot(n, 0)) slots.set(...slot);
    await fleet.startPod(pod, slots, { NODE_EXTRA_CA_CERTS: slack.caFile, ...throughProxy });
  }
  const stop = async (): Promise<void> => {
    await fleet.stop();
    await closeNetwork();
    proxy.stop();
    await slack.stop();
  };
  return { fleet, slack, proxy, stop };
}

const begin = async ({ network, faults = [], proxyStatus }: Way, fleet: Fleet, slack: Slack, proxy: HttpProxy) => {
  if (network !== undefined) setNetwork(fleet.networkFile, network);
  for (const fault of faults) await slack.fault(fault);
  proxy.refuseWith(proxyStatus);
};

async function end(fleet: Fleet, slack: Slack, proxy: HttpProxy): Promise<void> {
  setNetwork(fleet.networkFile, 'well');
  proxy.refuseWith(undefined);
  await slack.heal();
}

/** Seconds until so many streams and slots are live again; undefined: not within the time that we watch. */
async function recovery(slack: Slack): Promise<{ streams: number | undefined; slots: number | undefined }> {
  const startMs = performance.now();
  let streams: number | undefined;
  for (;;) {
    const seconds = (performance.now() - startMs) / 1000;
    const { live, streams: now } = await slack.look();
    if (now >= STREAMS) streams ??= seconds;
    if (live >= SLOTS) return { streams, slots: seconds };
    if (seconds > GIVE_UP_MS / 1000) return { streams, slots: undefined };
    await sleep(100);
  }
}

const seconds = (value: number | undefined): string => (value === undefined ? '>150' : value.toFixed(1)).padStart(6);
const number = (value: number, width = 6): string => String(value).padStart(width);

async function row(way: Way): Promise<void> {
  const { fleet, slack, proxy, stop } = await startAll(way);
  try {
    await untilLive(slack, SLOTS, `${SLOTS} live sockets`);
    await sleep(1_000);
    // As if no connect was made lately.
    for (let n = 1; n <= TEAMS; n += 1) {
      const { teamID, token } = generatedTeam(n);
      await fleet.redis.transaction([['del', connectBudgetKey(teamID, tokenDigest(token))]]);
    }
    const writes = async (): Promise<number> =>
      (await Promise.all(PODS.map((pod) => fleet.reportWrites(pod)))).reduce((all, each) => all + each, 0);
    const [before, writesBefore] = [await tally(slack), await writes()];
    await begin(way, fleet, slack, proxy);
    await sleep(way.blowAfterMs);
    await slack.strike(way.blow);
    await sleep(LENGTH_MS - way.blowAfterMs);
    const atEnd = await tally(slack);
    const left = await budgets(fleet);
    await end(fleet, slack, proxy);
    const took = await recovery(slack);
    const during = since(atEnd, before);
    const after = since(await tally(slack), atEnd);
    await sleep(5_000);
    const wrote = (await writes()) - writesBefore;
    console.log(
      [
        way.name.padEnd(30),
        seconds(took.streams),
        seconds(took.slots),
        number(during.connects),
        number(during.opens),
        number(during.handshakes),
        number(after.connects),
        number(after.opens),
        number(during.connects + after.connects + during.opens + after.opens - SLOTS, 7),
        number(during.refused + after.refused, 4),
        number(left.none, 5),
        left.mean.toFixed(2).padStart(5),
        number(wrote, 7),
        (loadavg()[0] ?? 0).toFixed(1).padStart(5),
      ].join(' '),
    );
  } finally {
    await stop();
  }
}

console.log(
  `${TEAMS} RTM teams x ${PODS.length} connectors, an app of ${APP_SOCKETS} sockets, ${BOTS} Socket Mode bots: ${SLOTS} sockets; ${values.seconds} s`,
);
console.log(
  'outage                          teams  slots  rtm.connect, open, upgrade |  after, open  probes  429  none  left  writes load',
);
const only = new RegExp(values.only);
for (const way of ways(LENGTH_MS)) if (only.test(way.name)) await row(way);
