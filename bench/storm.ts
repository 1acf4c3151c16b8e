import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectBudgetKey } from '../core/protocol/keys.ts';
import { tokenDigest } from '../core/protocol/token.ts';
import { generatedTeam } from '../slack-simulator/team.ts';
import { setNetwork } from '../test/support/network/network.ts';
import { waitFor } from '../test/support/wait.ts';
import { Fleet, type Pod, rtmSlots } from './fleet/fleet.ts';
import { LOOP_FILE, type LoopCpu } from './fleet/loop-cpu.ts';
import { type Slack, startSlack } from './fleet/slack.ts';
import type { Blow } from './fleet/slack-process.ts';
import { cpuMicros } from './load/process-cost.ts';

/**
 * All sockets of a connector end at once, over TLS: how long until all are back, what Slack is called, and how long the
 * connector's event loop was held up, beside a bare loop that reconnects as many (storm-baseline.ts), in one run:
 * `node bench/storm.ts [--sockets 2000] [--rounds 1] [--blows drop,halfOpen,goodbye]`. The Slack stand-in is another process. Linux only.
 */
const { values } = parseArgs({
  options: {
    sockets: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '1' },
    blows: { type: 'string', default: 'drop,halfOpen,goodbye' },
  },
});
const SOCKETS = Number(values.sockets);
const ROUNDS = Number(values.rounds);
const BLOWS = (['drop', 'halfOpen', 'goodbye'] satisfies Blow[]).filter((blow) =>
  values.blows.split(',').includes(blow),
);
const here = import.meta.dirname;

const cpuSeconds = (pid: number): number => cpuMicros(pid) / 1e6;

/** CPU of the main thread between two ticks since the last look, which no other process adds to. */
async function loopCpu({ child, loop }: Pod): Promise<LoopCpu> {
  rmSync(loop, { force: true });
  child.kill('SIGUSR2');
  return waitFor(() => JSON.parse(readFileSync(loop, 'utf8')) as LoopCpu, { what: 'the measure of the loop' });
}

/** The metrics measure from one tick of a timer to the next (prom-client's default), so that an idle loop shows this much. */
const LAG_TICK_MS = 10;

/** Milliseconds by which the event loop was late since the last look, by the metrics of any Node program. */
async function loopLag(pod: Pod): Promise<{ p50: number; p99: number; max: number }> {
  const text = await pod.metrics();
  const of = (name: string): number =>
    1000 * Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)$`, 'm').exec(text)?.[1]) - LAG_TICK_MS;
  return { p50: of('p50'), p99: of('p99'), max: of('max') };
}

async function calls(slack: Slack): Promise<{ urls: number; refused: number; handshakes: number }> {
  const { connects, handshakes } = (await slack.look()).stats;
  const all = Object.values(connects).flatMap((outcomes) => Object.entries(outcomes));
  const sum = (counts: readonly (readonly [string, number])[]): number => counts.reduce((n, [, count]) => n + count, 0);
  return {
    urls: sum(all),
    refused: sum(all.filter(([outcome]) => outcome === 'ratelimited')),
    handshakes: sum(Object.values(handshakes).flatMap((outcomes) => Object.entries(outcomes))),
  };
}

const allLive = (slack: Slack): Promise<unknown> =>
  waitFor(async () => (await slack.look()).live >= SOCKETS, { timeoutMs: 180_000, everyMs: 100, what: 'all live' });

async function storm(name: string, pod: Pod, slack: Slack, blow: Blow): Promise<void> {
  await allLive(slack);
  await sleep(3_000);
  await loopLag(pod);
  await loopCpu(pod);
  const pid = pod.child.pid ?? 0;
  const [before, cpuBefore] = [await calls(slack), cpuSeconds(pid)];
  const startMs = performance.now();
  await slack.strike(blow);
  // A socket that was told goodbye is live until it is closed, 5 s later.
  const handshakes = async (): Promise<boolean> =>
    (await calls(slack)).handshakes - before.handshakes >= SOCKETS && (await slack.look()).live >= SOCKETS;
  await waitFor(handshakes, { timeoutMs: 180_000, everyMs: 100, what: `${name}: all back after ${blow}` });
  const seconds = (performance.now() - startMs) / 1000;
  const lag = await loopLag(pod);
  const held = await loopCpu(pod);
  const [after, cpu] = [await calls(slack), cpuSeconds(pid) - cpuBefore];
  const ms = (value: number): string => value.toFixed(0).padStart(6);
  console.log(
    [
      name.padEnd(10),
      blow.padEnd(9),
      seconds.toFixed(1).padStart(6),
      String(after.urls - before.urls).padStart(8),
      String(after.handshakes - before.handshakes).padStart(8),
      String(after.refused - before.refused).padStart(4),
      ms(lag.p50),
      ms(lag.p99),
      ms(lag.max),
      ms(held.p50),
      ms(held.p99),
      ms(held.max),
      cpu.toFixed(1).padStart(6),
      (loadavg()[0] ?? 0).toFixed(1).padStart(5),
    ].join(' '),
  );
}

const plan = { teams: SOCKETS, socketModeApps: 0, connectBurst: 2 + ROUNDS * BLOWS.length };

async function measureConnector(): Promise<void> {
  const slack = await startSlack(plan);
  const fleet = await Fleet.start();
  try {
    setNetwork(fleet.networkFile, 'well');
    const env = { RELAX_SLACK_API_URL: slack.url, NODE_EXTRA_CA_CERTS: slack.caFile };
    const pod = await fleet.startPod('storm', rtmSlots(SOCKETS, 0), env);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const blow of BLOWS) {
        await allLive(slack);
        // As if no connect was made lately.
        for (let n = 1; n <= SOCKETS; n += 1) {
          const { teamID, token } = generatedTeam(n);
          await fleet.redis.transaction([['del', connectBudgetKey(teamID, tokenDigest(token))]]);
        }
        await storm('connector', pod, slack, blow);
      }
    }
  } finally {
    await fleet.stop();
    await slack.stop();
  }
}

async function measureBaseline(): Promise<void> {
  const slack = await startSlack(plan);
  const fleet = await Fleet.start();
  const tokens = join(fleet.folder, 'tokens');
  writeFileSync(tokens, Array.from({ length: SOCKETS }, (_, n) => generatedTeam(n + 1).token).join('\n'));
  const loop = join(fleet.folder, 'loop-baseline');
  const measure = ['--import', join(here, 'fleet', 'loop-cpu.ts')];
  const child = spawn(process.execPath, [...measure, join(here, 'storm-baseline.ts'), slack.url, tokens], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: slack.caFile, [LOOP_FILE]: loop },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    // It pings nothing, so it would never find that a socket is half-open.
    for (let round = 0; round < ROUNDS; round += 1) {
      await storm('bare loop', { child, loop, metrics }, slack, 'drop');
    }
  } finally {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    await fleet.stop();
    await slack.stop();
  }
}

console.log(
  `${SOCKETS} sockets over TLS in one process. Event loop in ms: late by the clock, and held by CPU time alone`,
);
console.log(
  'process    blow     seconds rtm.connect upgrades 429    p50    p99    max |  p50    p99    max   CPU s  load',
);
await measureBaseline();
await measureConnector();
