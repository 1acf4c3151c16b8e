import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { SlotReport } from '#core/protocol/report.ts';
import { waitFor } from '#test/support/wait.ts';
import { ConnectorFleet } from './connector-fleet.ts';

const TEAMS = 60;
const PODS = ['a', 'b'];

let fleet: ConnectorFleet;
afterEach(() => fleet.stop());

/** @param left connects that each team has left: one just after the start, three after some minutes */
async function start(left: 1 | 3): Promise<void> {
  // Slack's own limit, of three at once and one a minute, is after the two that the start takes.
  fleet = await ConnectorFleet.start(TEAMS, { connectBurst: 2 + left });
  for (const [index, pod] of PODS.entries()) {
    fleet.program(pod);
    await fleet.assign(pod, 1, fleet.slots(TEAMS, index));
  }
  for (const pod of PODS) await fleet.untilReported(pod, 1, TEAMS);
  // As if no connect was made lately.
  if (left === 3) for (const key of await fleet.redis.keys('relax:connect:*')) await fleet.redis.del(key);
}

const drop = (): void => {
  for (const { teamID } of fleet.slack.teams()) fleet.slack.inflict({ teamID }, { kind: 'drop' });
};
const reports = async (): Promise<SlotReport[]> => {
  const all = await Promise.all(PODS.map((pod) => fleet.reports(pod)));
  return all.flatMap((ofPod) => Object.values(ofPod));
};
const liveTeams = (): number => {
  const live = fleet.slack.sockets().filter(({ state }) => state === 'live');
  return new Set(live.map(({ teamID }) => teamID)).size;
};
const calls = (): { ok: number; refused: number } => {
  const outcomes = Object.values(fleet.slack.stats().connects);
  const sum = (pick: (outcome: string) => boolean): number =>
    outcomes.flatMap((of) => Object.entries(of)).reduce((all, [name, count]) => all + (pick(name) ? count : 0), 0);
  return { ok: sum((name) => name === 'ok'), refused: sum((name) => name === 'ratelimited') };
};

/** From now on, in ms: until so many teams have a socket; of all teams, also until 95 of 100 slots have. */
async function recovery(teams: number): Promise<{ teamsMs: number; mostMs: number }> {
  const startMs = performance.now();
  await waitFor(() => liveTeams() >= teams, { timeoutMs: 100_000, what: 'a socket for each team' });
  const teamsMs = Math.round(performance.now() - startMs);
  const most = teams === TEAMS ? 0.95 * 2 * TEAMS : teams;
  await waitFor(() => fleet.liveSockets().length >= most, { timeoutMs: 100_000, what: 'most sockets' });
  return { teamsMs, mostMs: Math.round(performance.now() - startMs) };
}

/** @returns rtm.connects that Slack answered with a URL, in the outage and after it */
async function survive(
  how: string,
  ms: number,
  teams = TEAMS,
): Promise<{ teamsMs: number; mostMs: number; urls: number }> {
  const before = calls().ok;
  let back = async (): Promise<void> => undefined;
  if (how === 'port closed') back = (await fleet.closeSlack()).back;
  else {
    const answer = { kind: 'http', status: 503 } as const;
    if (how === '503') fleet.slack.setFault({ at: 'method', method: 'rtm.connect', answer });
    else fleet.slack.setFault({ at: 'upgrade', answer });
    drop();
  }
  const startMs = performance.now();
  const told = waitFor(async () => (await reports()).every(({ state }) => state !== 'live'), {
    timeoutMs: ms,
    everyMs: 50,
    what: 'reports that say that no socket is live',
  }).then(() => performance.now() - startMs);
  await sleep(ms);
  expect(await told, 'until the reports told of it').toBeLessThan(3_000);
  await back();
  fleet.slack.clearFaults();
  const took = await recovery(teams);
  const urls = calls().ok - (how === 'port closed' ? 0 : before);
  console.log(JSON.stringify({ how, seconds: ms / 1000, ...took, urls, ...calls() }));
  expect(calls().refused, 'connects that Slack had to refuse').toBe(0);
  return { ...took, urls };
}

describe('an outage of Slack, for 60 teams on two pods', () => {
  it.each([
    ['port closed', 5_000],
    ['port closed', 30_000],
    ['503', 8_000],
    ['503', 30_000],
    ['upgrades refused', 8_000],
  ])(
    '%s for %i ms is over for every team within 10 s',
    async (how, ms) => {
      await start(3);
      const { teamsMs, mostMs, urls } = await survive(how, ms);
      expect(teamsMs).toBeLessThan(10_000);
      // A team that both pods have probed with has one connect left, and its second socket waits for the next.
      expect(mostMs).toBeLessThan(12_000);
      // Each socket one, and the probes.
      expect(urls).toBeLessThan(2 * TEAMS + 30);
    },
    180_000,
  );

  it.each([
    ['503', 6_000],
    ['upgrades refused', 9_000],
  ])(
    'just after the start %s for %i ms takes the last connect of a few teams only',
    async (how, ms) => {
      await start(1);
      const { teamsMs } = await survive(how, ms, TEAMS - 4);
      expect(teamsMs).toBeLessThan(10_000);
    },
    180_000,
  );
});
