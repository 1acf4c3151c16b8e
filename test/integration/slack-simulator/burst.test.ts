import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { waitFor } from '#test/support/wait.ts';
import { openSocket, type RawSocket } from './raw-client.ts';

let slack: Simulator;
afterEach(() => slack.stop());

async function start(teams: number, socketsEach: number): Promise<RawSocket[]> {
  slack = await startSimulator({ connectBurst: socketsEach });
  const sockets: RawSocket[] = [];
  for (let n = 1; n <= teams; n += 1) {
    const team = generatedTeam(n);
    slack.addTeam(team);
    for (let s = 0; s < socketsEach; s += 1) sockets.push(await openSocket(slack, team.token));
  }
  return sockets;
}

describe('a burst', () => {
  it('reaches each socket of each team with every id once', async () => {
    const sockets = await start(10, 2);
    const { emitted } = await slack.startBurst({ events: 3000, perSecond: 10_000 }).finished;
    expect(emitted).toBe(3000);
    await waitFor(() => sockets.every(({ frames }) => frames.length === 301), { timeoutMs: 30_000 });
    const heard = sockets.flatMap(({ frames }) => frames.slice(1).map((frame) => frame.client_msg_id));
    expect(heard).toHaveLength(6000);
    expect(new Set(heard)).toEqual(new Set(slack.events().map(({ id }) => id)));
    expect(slack.stats().events).toMatchObject({ emitted: 3000, deliveries: 6000, unheard: 0 });
  });

  it('keeps to its rate', async () => {
    await start(1, 1);
    const { elapsedMs } = await slack.startBurst({ events: 500, perSecond: 1000 }).finished;
    expect(elapsedMs).toBeGreaterThan(480);
  });

  it('waits for a reader that is behind, and loses nothing', async () => {
    const [socket] = await start(1, 1);
    if (socket === undefined) throw new Error('no socket');
    socket.ws.pause();
    const teamID = generatedTeam(1).teamID;
    // Far more than the kernel takes for a reader that sleeps, so that it fills up here.
    slack.emit(teamID, { type: 'filler', text: 'x'.repeat(16 * 1024 * 1024) });
    await waitFor(() => (slack.sockets()[0]?.bufferedBytes ?? 0) > 1024 * 1024);
    const burst = slack.startBurst({ events: 200, perSecond: 100_000 });
    await waitFor(() => burst.state().elapsedMs > 200);
    expect(burst.state().emitted).toBe(0);
    socket.ws.resume();
    await burst.finished;
    await waitFor(() => socket.frames.length === 202);
  });

  it('does not wait for a socket that is half-open', async () => {
    await start(1, 2);
    const teamID = generatedTeam(1).teamID;
    slack.inflict({ teamID, count: 1 }, { kind: 'halfOpen' });
    await slack.startBurst({ events: 100, perSecond: 10_000 }).finished;
    expect(slack.stats().events).toMatchObject({ deliveries: 100, swallowed: 100 });
  });

  it('continues without a team that is removed during it, and ends when none is left', async () => {
    await start(2, 1);
    const [gone, stays] = [generatedTeam(1).teamID, generatedTeam(2).teamID];
    const burst = slack.startBurst({ events: 100_000, perSecond: 1000 });
    await waitFor(() => burst.state().emitted > 10);
    slack.removeTeam(gone);
    slack.forgetEvents();
    await waitFor(() => slack.events().length > 10);
    expect(new Set(slack.events().map(({ teamID }) => teamID))).toEqual(new Set([stays]));
    slack.removeTeam(stays);
    expect((await burst.finished).done).toBe(true);
  });

  it('needs teams that exist', async () => {
    slack = await startSimulator();
    expect(() => slack.startBurst({ events: 1, perSecond: 1 })).toThrow('needs a team');
    expect(() => slack.startBurst({ events: 1, perSecond: 1, teams: ['T404'] })).toThrow('no team T404');
  });
});
