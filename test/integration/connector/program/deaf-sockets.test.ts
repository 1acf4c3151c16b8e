import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { SlotID } from '#core/protocol/assignment.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { waitFor } from '#test/support/wait.ts';
import { CLUSTER, ConnectorFleet } from './connector-fleet.ts';

/** Every team has a socket in each of two clusters that share nothing but Redis. */
const HERE = { pod: 'a', cluster: CLUSTER };
const THERE = { pod: 'b', cluster: 'c2' };
const TEAMS = { talking: 1, silent: 2, talkingThere: 3, well: 4, quiet: 5 } as const;
const COUNT = Object.keys(TEAMS).length;
/** An event may have been on its way, for a socket that has become live just before. */
const YOUNG_MS = 16_000;

let fleet: ConnectorFleet;
afterEach(() => fleet.stop());

const teamID = (n: number): string => generatedTeam(n).teamID;
const slotID = (n: number): SlotID => `uid-${n}/0`;
async function reasonOf(n: number, { pod, cluster }: typeof HERE): Promise<string | undefined> {
  const report = (await fleet.reports(pod, cluster))[slotID(n)];
  return report?.state === 'live' ? report.reason : report?.state;
}
const found = async (connector: { get(path: string): Promise<string> }): Promise<number> =>
  Number(/^relax_deaf_sockets_total (\d+)$/m.exec(await connector.get('/metrics'))?.[1]);

it('a socket that answers pings is found by its twin in another cluster, and replaced within 60 s of the first event that it withholds', async () => {
  // Slack's own limit: three connects of a team at once.
  fleet = await ConnectorFleet.start(COUNT, { connectBurst: 3 });
  const socketsOf = (n: number): string[] => fleet.slack.sockets(teamID(n)).map(({ id }) => id);
  const [here, there] = [fleet.connector(HERE.pod), fleet.connector(THERE.pod, { cluster: THERE.cluster })];
  const all = Object.values(TEAMS);
  const before = new Map<number, string[]>();
  for (const { pod, cluster } of [HERE, THERE]) {
    await fleet.assign(pod, 1, Object.fromEntries(all.map((n) => [slotID(n), fleet.slot(n, {}, cluster)])), cluster);
    await fleet.untilLive((before.size > 0 ? 2 : 1) * COUNT);
    for (const n of all) before.set(n, socketsOf(n));
  }
  const deafen = (n: number, side: typeof HERE): void => {
    const socketID = before.get(n)?.[side === HERE ? 0 : 1] ?? '';
    expect(fleet.slack.inflict({ teamID: teamID(n), socketID }, { kind: 'deaf' })).toEqual([socketID]);
  };
  /** @returns ms until the deaf socket has gone and two are live, of which one is told to be in doubt */
  const replaced = async (n: number, side: typeof HERE): Promise<number> => {
    const startMs = performance.now();
    const socketID = before.get(n)?.[side === HERE ? 0 : 1] ?? '';
    await waitFor(() => !socketsOf(n).includes(socketID) && fleet.liveSockets(n).length === 2, {
      timeoutMs: 60_000,
      what: `another socket of team ${n}`,
    });
    const tookMs = Math.round(performance.now() - startMs);
    await waitFor(async () => (await reasonOf(n, side)) === 'EventsWithheld', { what: `a report of team ${n}` });
    return tookMs;
  };

  const talk = setInterval(() => {
    for (const n of [TEAMS.talking, TEAMS.talkingThere, TEAMS.well]) fleet.slack.emitMessage(teamID(n));
  }, 250);
  deafen(TEAMS.talking, HERE);
  deafen(TEAMS.talkingThere, THERE);
  deafen(TEAMS.silent, HERE);
  const talking = Promise.all([replaced(TEAMS.talking, HERE), replaced(TEAMS.talkingThere, THERE)]);
  await fleet.server.restart();
  await sleep(YOUNG_MS);
  fleet.slack.emitMessage(teamID(TEAMS.silent));
  fleet.slack.emitMessage(teamID(TEAMS.quiet));
  const silent = replaced(TEAMS.silent, HERE);
  const replacedAfterMs = [...(await talking), await silent];
  console.log(JSON.stringify({ replacedAfterMs }));
  clearInterval(talk);
  expect([await found(here), await found(there)]).toEqual([2, 1]);
  for (const n of [TEAMS.well, TEAMS.quiet]) expect(socketsOf(n)).toEqual(before.get(n));
  for (const n of [TEAMS.well, TEAMS.quiet])
    expect([await reasonOf(n, HERE), await reasonOf(n, THERE)]).toEqual(['', '']);
  const calls = Object.fromEntries(all.map((n) => [n, fleet.slack.stats().connects[teamID(n)]]));
  expect(calls).toEqual({ 1: { ok: 3 }, 2: { ok: 3 }, 3: { ok: 3 }, 4: { ok: 2 }, 5: { ok: 2 } });
}, 120_000);
