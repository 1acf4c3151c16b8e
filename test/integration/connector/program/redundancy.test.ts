import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Burst } from '#slack-simulator/burst.ts';
import type { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { waitFor } from '#test/support/wait.ts';
import { ConnectorFleet, keys } from './connector-fleet.ts';

const TEAMS = 6;
let fleet: ConnectorFleet;
let a: RelaxProgram;
let burst: Burst;

beforeEach(async () => {
  fleet = await ConnectorFleet.start(TEAMS);
  a = fleet.program('a');
  fleet.program('b');
  await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
  await fleet.assign('b', 1, fleet.slots(TEAMS, 1));
  await fleet.untilReported('a', 1, TEAMS);
  await fleet.untilReported('b', 1, TEAMS);
  burst = fleet.slack.startBurst({ events: 4_000, perSecond: 1_000 });
  await waitFor(() => burst.state().emitted > 500);
});
afterEach(() => fleet.stop());

const everyEventOnce = async (): Promise<void> => {
  await burst.finished;
  expect(await fleet.expectOnce()).toEqual({ sent: 4_000, lost: 0, duplicated: 0 });
};

describe('two processes with a socket each for every team, while events flow', () => {
  it('lose nothing when one is killed and starts again under its name', async () => {
    await a.kill();
    fleet.program('a');
    await fleet.untilLive(2 * TEAMS);
    await everyEventOnce();
  });

  it('lose nothing when one is stopped and leaves its slots to its successor', async () => {
    a.signal('SIGTERM');
    const session = await waitFor(async () => {
      const seen = await fleet.session('a');
      return seen?.state === 'draining' ? seen : undefined;
    });
    expect(fleet.liveSockets()).toHaveLength(2 * TEAMS);
    await fleet.redis.set(keys.drained('a'), session.incarnation, 'PX', 120_000);
    expect(await a.ended()).toBe(0);
    expect(a.lines.find(({ msg }) => msg === 'drained')).toMatchObject({ end: 'released', closed: TEAMS, lost: 0 });
    fleet.program('a');
    await fleet.untilLive(2 * TEAMS);
    await everyEventOnce();
  });

  it('lose nothing when every connection to Redis is cut again and again', async () => {
    let cut = 0;
    while (!burst.state().done) {
      cut += Number(await fleet.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(cut).toBeGreaterThan(20);
    await everyEventOnce();
    expect(fleet.liveSockets()).toHaveLength(2 * TEAMS);
  });
});
