import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { redisMsOf } from '#core/redis/redis-clock.ts';
import { hasCompiler } from '#test/support/c-compiler.ts';
import { runCommand } from '#test/support/command.ts';
import type { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { preloaded } from '#test/support/preload.ts';
import { waitFor } from '#test/support/wait.ts';
import { ConnectorFleet, keys, QUEUE } from './connector-fleet.ts';

const SUPPORT = join(import.meta.dirname, '..', '..', '..', 'support');
const TEAMS = 3;
const [HOUR_MS, DAY_MS] = [3_600_000, 86_400_000];
/** Forwards and backwards, each from wherever the clock was. */
const JUMPS_MS = [HOUR_MS, -HOUR_MS, DAY_MS, 0];
const EVERY_MS = 1_500;
const EVENTS = { events: 3_600, perSecond: 600 };

let folder: string;
let clockFile: string;
let fleet: ConnectorFleet | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'relax-clock-'));
  clockFile = join(folder, 'clock');
});
afterEach(async () => {
  await fleet?.stop();
  fleet = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** Two connectors with a socket each for every team. */
async function two(started: ConnectorFleet, env: Readonly<Record<string, string>> = {}): Promise<RelaxProgram[]> {
  const programs = [started.program('a', env), started.program('b')];
  await started.assign('a', 1, started.slots(TEAMS, 0));
  await started.assign('b', 1, started.slots(TEAMS, 1));
  await started.untilReported('a', 1, TEAMS);
  await started.untilReported('b', 1, TEAMS);
  return programs;
}

/** How many copies of events have an outcome: the others are still under way. */
async function settledCopies(programs: readonly RelaxProgram[]): Promise<number> {
  const texts = programs.map(async (program) => {
    const { port } = await program.logged('starting connector');
    return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  });
  const counts = (await Promise.all(texts)).flatMap((text) => [...text.matchAll(/^relax_events_total{.*} (\d+)$/gm)]);
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Runs a burst while the clock jumps. @param jump to so many ms off the true time */
async function whileJumping(started: ConnectorFleet, jump: (offMs: number) => Promise<void>): Promise<void> {
  const burst = started.slack.startBurst(EVENTS);
  for (const offMs of JUMPS_MS) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    await jump(offMs);
  }
  await burst.finished;
}

const connectsOf = (started: ConnectorFleet): unknown => started.slack.stats().connects;

it('a connector whose clock jumps by an hour or a day goes on as if nothing had happened', async () => {
  fleet = await ConnectorFleet.start(TEAMS);
  writeFileSync(clockFile, '0');
  await two(fleet, { ...preloaded(join(SUPPORT, 'jumping-clock.mjs')), JUMPING_CLOCK: clockFile });
  const [sockets, connects, session] = [fleet.liveSockets(), connectsOf(fleet), await fleet.session('a')];
  await whileJumping(fleet, async (offMs) => writeFileSync(clockFile, `${offMs}`));
  expect(await fleet.expectOnce()).toEqual({ sent: EVENTS.events, lost: 0, duplicated: 0 });
  expect(fleet.liveSockets()).toEqual(sockets);
  expect(connectsOf(fleet)).toEqual(connects);
  expect((await fleet.session('a'))?.incarnation).toBe(session?.incarnation);
  const reports = Object.values(await fleet.reports('a'));
  expect(reports.map(({ state, reason }) => [state, reason])).toEqual(Array(TEAMS).fill(['live', '']));
  const items = (await fleet.redis.lrange(QUEUE, 0, -1)).map((json) => JSON.parse(json) as { received_at: string });
  const readAtMs = items.map(({ received_at }) => Date.parse(received_at));
  expect(readAtMs.filter((atMs) => Math.abs(atMs - Date.now()) > HOUR_MS / 2)).toEqual([]);
});

/** Skipped without, which `make test` says, and failed where REQUIRE_CC=1. */
const isSkipped = process.env.REQUIRE_CC !== '1' && !hasCompiler();

it.skipIf(isSkipped)(
  'while the clock of Redis jumps by an hour or a day no socket ends, nothing is lost, and only what is under way is doubled',
  async () => {
    writeFileSync(clockFile, '0');
    const library = join(folder, 'jumping-clock.so');
    const source = join(SUPPORT, 'jumping-clock.c');
    expect(await runCommand('cc', ['-shared', '-fPIC', '-O2', '-o', library, source])).toMatchObject({ code: 0 });
    const env = { LD_PRELOAD: library, JUMPING_CLOCK: clockFile };
    fleet = await ConnectorFleet.start(TEAMS, { connectBurst: 10 }, { env });
    const { redis, slack } = fleet;
    const programs = await two(fleet);
    const [sockets, connects, session] = [fleet.liveSockets(), connectsOf(fleet), await fleet.session('a')];
    let underWay = 0;
    await whileJumping(fleet, async (offMs) => {
      const settled = await settledCopies(programs);
      writeFileSync(clockFile, `${offMs / 1_000}`);
      await waitFor(async () => Math.abs(redisMsOf(await redis.time()) - Date.now() - offMs) < 5_000);
      if (offMs > 0) underWay += programs.length * slack.events().length - settled;
    });
    const { sent, lost, duplicated } = await fleet.expectOnce();
    console.log(`while Redis's clock jumped: sent ${sent}, lost ${lost}, doubled ${duplicated} of ${underWay}`);
    expect([sent, lost]).toEqual([EVENTS.events, 0]);
    // Of each jump forwards, what one process had brought and the other had not yet: on a busy machine they are far apart.
    expect(duplicated).toBeLessThanOrEqual(underWay);
    expect(fleet.liveSockets()).toEqual(sockets);
    expect(connectsOf(fleet)).toEqual(connects);
    expect((await fleet.session('a'))?.incarnation).toBe(session?.incarnation);
    expect(await redis.pttl(keys.session('a'))).toBeGreaterThan(0);
    // Whatever was written meanwhile, a socket that ends is replaced as ever.
    for (const { teamID } of fleet.slack.teams()) fleet.slack.inflict({ teamID }, { kind: 'drop' });
    await waitFor(() => fleet?.liveSockets().every((id) => !sockets.includes(id)), { timeoutMs: 10_000 });
    await fleet.untilLive(2 * TEAMS, 20_000);
  },
);
