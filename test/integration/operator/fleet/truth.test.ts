import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { FakeConnector, keys, startPlanner, type TestPlanner, Wanted } from './planner-fleet.ts';

/** What the planner shows of sockets whose connector is not there, in rounds that find nothing else changed. */
describe('the view of a fleet at rest', () => {
  const server = useRedis({ emptied: true });
  const redis = server.useClient();
  let planner: TestPlanner;
  let a: FakeConnector;
  let b: FakeConnector;

  beforeEach(async () => {
    const wanted = new Wanted();
    wanted.add('u');
    a = new FakeConnector(redis, 'a');
    b = new FakeConnector(redis, 'b');
    planner = await startPlanner(server, wanted);
    await untilShown({ a: 'live', b: 'live' });
    await waitFor(() => planner.planner.view().settled);
  });
  afterEach(async () => {
    await planner.stop();
    await Promise.all([a.stop(), b.stop()]);
  });

  const shown = (): Record<string, string | undefined> =>
    Object.fromEntries(
      (planner.planner.view().bots.get('u')?.slots ?? []).map(({ pod, state, reason }) => [pod, state ?? reason]),
    );
  const untilShown = (expected: Record<string, string>) =>
    waitFor(() => JSON.stringify(shown()) === JSON.stringify(expected), { what: JSON.stringify(expected) });
  const untilDraining = () =>
    waitFor(() => planner.planner.view().pods.some(({ pod, state }) => pod === 'a' && state === 'draining'));
  /** As if its process had been killed so long ago; the key of the session is still there. */
  const killed = async (connector: FakeConnector, agoMs: number): Promise<void> => {
    await connector.stop();
    await redis.zadd(keys.pods, Date.now() - agoMs, connector.pod);
  };

  it('has the sockets of a connector that drains as they are, until it was last heard of a lease ago', async () => {
    await a.drain();
    await untilDraining();
    expect(shown()).toEqual({ a: 'live', b: 'live' });
    await killed(a, 15_001);
    await untilShown({ a: 'PodReturning', b: 'live' });
    expect(await redis.exists(keys.session('a'))).toBe(1);
  });

  it('has none of a connector that says that it has left', async () => {
    await a.drain();
    await waitFor(async () => (await redis.get(keys.session('a')))?.includes('"state":"draining"'));
    await a.stop();
    const session = JSON.parse((await redis.get(keys.session('a'))) ?? '{}');
    await redis.set(keys.session('a'), JSON.stringify({ ...session, left: true }), 'PX', 60_000);
    await untilShown({ a: 'PodReturning', b: 'live' });
    expect(planner.planner.view().pods[0]).toMatchObject({ pod: 'a', state: 'left', live: 0 });
  });

  it('hears only the new life of a connector that came back', async () => {
    await a.drain();
    await untilDraining();
    await a.stop();
    a = new FakeConnector(redis, 'a');
    a.answer = () => ({ state: 'connecting', reason: 'ConnectionRefused' });
    await untilShown({ a: 'connecting', b: 'live' });
  });

  it('has none of a connector whose lease has run out', async () => {
    await killed(a, 15_001);
    await redis.del(keys.session('a'));
    // Sooner than its slots are placed elsewhere.
    await waitFor(() => shown().a !== 'live', { timeoutMs: 3_000 });
    expect(shown().b).toBe('live');
  });
});
