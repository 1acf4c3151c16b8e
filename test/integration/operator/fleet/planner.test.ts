import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeSlot, teamOf } from '#core/protocol/assignment.ts';
import { CLUSTERS_KEY, fenceField } from '#core/protocol/keys.ts';
import { newFleetKey, openSeal, parseFleetKeys } from '#core/protocol/seal.ts';
import type { PlannerOptions } from '#operator/fleet/planner-options.ts';
import { Redlocked } from '#operator/fleet/redis-lock.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import {
  CLUSTER,
  FakeConnector,
  fleetKeys,
  homes,
  keys,
  queue,
  startPlanner,
  type TestPlanner,
  Wanted,
} from './planner-fleet.ts';

const server = useRedis({ emptied: true });
const redis = server.useClient();
let wanted: Wanted;
let connectors: FakeConnector[];
const planners: TestPlanner[] = [];

beforeEach(() => {
  wanted = new Wanted();
  connectors = [];
});
afterEach(async () => {
  await Promise.all(planners.map((planner) => planner.stop()));
  await Promise.all(connectors.map((connector) => connector.stop()));
  planners.length = 0;
});

const plan = async (options: Partial<PlannerOptions> = {}, desired = wanted): Promise<TestPlanner> => {
  const planner = await startPlanner(server, desired, options);
  planners.push(planner);
  return planner;
};
const pods = (...names: string[]): FakeConnector[] => {
  const added = names.map((name) => new FakeConnector(redis, name));
  connectors.push(...added);
  return added;
};
const bots = (count: number): void => {
  for (let n = 0; n < count; n++) wanted.add(`b${n}`);
};
const settled = ({ planner }: TestPlanner): Promise<boolean> =>
  waitFor(() => planner.view().settled && planner.faults().length === 0, { what: 'a settled fleet' });
const allLive = ({ planner }: TestPlanner, count: number): Promise<boolean> =>
  waitFor(
    () => {
      const views = [...planner.view().bots.values()];
      return (
        views.length === count &&
        views.every(({ slots }) => slots.length === 2 && slots.every((s) => s.state === 'live'))
      );
    },
    { what: `${count} bots with two live sockets` },
  );

describe('A planner', () => {
  it('gives every bot its sockets on two pods, sealed, and shows them live', async () => {
    pods('a', 'b', 'c');
    bots(10);
    const planner = await plan();
    await allLive(planner, 10);
    expect([...homes(connectors).values()].every((on) => new Set(on).size === 2)).toBe(true);
    const [id, slot] = [...(connectors[0]?.slots ?? [])][0] ?? [];
    const ownerUid = id?.split('/')[0] ?? '';
    const teamID = slot === undefined ? '' : teamOf(slot);
    expect(openSeal(slot?.token ?? '', fleetKeys, { cluster: CLUSTER, ownerUid, teamID })).toBe(
      `xoxb-${ownerUid}-secret`,
    );
    expect(await redis.hget(CLUSTERS_KEY, CLUSTER)).toMatch(/^\d+$/);
    expect(await redis.get(keys.owner)).toBe('tests');
  });

  it('writes nothing more once everything is as desired', async () => {
    pods('a', 'b');
    bots(5);
    const planner = await plan();
    await allLive(planner, 5);
    await settled(planner);
    const before = await redis.mget(keys.version('a'), keys.version('b'));
    const views = planner.views.length;
    for (let n = 0; n < 5; n++) planner.planner.nudge();
    await waitFor(() => new Promise((resolve) => setTimeout(resolve, 400, true)));
    expect(await redis.mget(keys.version('a'), keys.version('b'))).toEqual(before);
    expect(planner.views.length).toBe(views);
  });

  it('that restarts adopts what is assigned and moves nothing', async () => {
    pods('a', 'b', 'c');
    bots(20);
    const first = await plan();
    await allLive(first, 20);
    await first.stop();
    planners.length = 0;
    const before = homes(connectors);
    const versions = await redis.mget(['a', 'b', 'c'].map(keys.version));
    const second = await plan();
    await allLive(second, 20);
    await settled(second);
    expect(homes(connectors)).toEqual(before);
    expect(await redis.mget(['a', 'b', 'c'].map(keys.version))).toEqual(versions);
  });

  it('gives the slots of a dead pod to others and removes what it left', async () => {
    pods('a', 'b', 'c');
    bots(12);
    const planner = await plan();
    await allLive(planner, 12);
    await settled(planner);
    await connectors[0]?.die();
    planner.clock.advance(6_000);
    await waitFor(async () => (await redis.exists(keys.assign('a'), keys.version('a'), keys.report('a'))) === 0);
    await allLive(planner, 12);
    expect([...homes(connectors.slice(1)).values()].every((on) => on.length === 2)).toBe(true);
    expect((await redis.zrange(keys.pods, '0', '-1')).sort()).toEqual(['b', 'c']);
    expect(planner.planner.view().pods.map(({ pod }) => pod)).toEqual(['b', 'c']);
  });

  it('writes 2,000 slots so that a pod never holds a part of them', async () => {
    const [a] = pods('a');
    bots(2_000);
    const whole: number[] = [];
    if (a !== undefined) {
      a.answer = () => {
        // A pod that holds nothing takes what it finds; a version says that it is all.
        if (a.version > 0) whole.push(a.slots.size);
        return { state: 'live' };
      };
    }
    await plan();
    await waitFor(() => whole.length > 0, { timeoutMs: 30_000 });
    expect(new Set(whole)).toEqual(new Set([2_000]));
    expect(await redis.hlen(keys.assign('a'))).toBe(2_000);
  });
});

describe('Redis emptied under a running fleet', () => {
  it('closes no socket, and every pod gets its slots again under a higher version', async () => {
    pods('a', 'b', 'c');
    bots(30);
    const planner = await plan();
    await allLive(planner, 30);
    await settled(planner);
    const before = homes(connectors);
    const held = connectors.map(({ version }) => version);
    const views = planner.views.length;
    await redis.flushall();
    await waitFor(async () => {
      const versions = await redis.mget(['a', 'b', 'c'].map(keys.version));
      return versions.every((version, n) => Number(version) > (held[n] ?? 0));
    });
    await waitFor(() => connectors.every(({ version }, n) => version > (held[n] ?? 0)));
    await settled(planner);
    expect(homes(connectors)).toEqual(before);
    expect(connectors.flatMap(({ closed }) => closed)).toEqual([]);
    expect(await redis.get(keys.owner)).toBe('tests');
    // Nobody was told of sockets that are down.
    const told = planner.views
      .slice(views)
      .flatMap(({ view }) => [...view.bots.values()].flatMap(({ slots }) => slots));
    expect(told.filter(({ state }) => state !== 'live')).toEqual([]);
  });

  it('and a planner that starts only then adopts what the pods report', async () => {
    pods('a', 'b', 'c');
    bots(30);
    const first = await plan();
    await allLive(first, 30);
    await first.stop();
    planners.length = 0;
    const before = homes(connectors);
    await redis.flushall();
    const second = await plan();
    await waitFor(async () => (await redis.exists(...['a', 'b', 'c'].map(keys.version))) === 3);
    await allLive(second, 30);
    await settled(second);
    expect(homes(connectors)).toEqual(before);
    expect(connectors.flatMap(({ closed }) => closed)).toEqual([]);
    const stored = await redis.hvals(keys.assign('a'));
    expect(stored.every((json) => decodeSlot(json)?.token.startsWith('v1.'))).toBe(true);
  });

  it('an unreadable slot is written again and never taken for absent', async () => {
    pods('a', 'b');
    bots(3);
    const first = await plan();
    await allLive(first, 3);
    await first.stop();
    planners.length = 0;
    const before = homes(connectors);
    await redis.hset(keys.assign('a'), 'b1/0', 'garbage', 'b1/1', 'garbage');
    await redis.hdel(keys.assign('a'), connectors[0]?.slots.has('b1/0') ? 'b1/1' : 'b1/0');
    const second = await plan();
    await allLive(second, 3);
    await waitFor(async () => (await redis.hvals(keys.assign('a'))).every((json) => decodeSlot(json) !== undefined));
    expect(homes(connectors)).toEqual(before);
    expect(connectors.flatMap(({ closed }) => closed)).toEqual([]);
  });
});

describe('Two planners of one scope', () => {
  it('take turns: one plans, the other takes over when it stops', async () => {
    pods('a', 'b');
    bots(4);
    const first = await plan();
    await allLive(first, 4);
    const second = await plan();
    await waitFor(() => new Promise((resolve) => setTimeout(resolve, 300, true)));
    expect([first.planner.leads(), second.planner.leads()]).toEqual([true, false]);
    await first.stop();
    await waitFor(() => second.planner.leads(), { what: 'the other plans' });
    await allLive(second, 4);
  });

  it('the standby sees the fleet as it is, writes nothing, and knows at once who is dead when it takes over', async () => {
    const [a] = pods('a', 'b', 'c');
    bots(4);
    const first = await plan();
    await allLive(first, 4);
    const second = await plan();
    await allLive(second, 4);
    await settled(second);
    const writes = await redis.mget(keys.version('a'), keys.version('b'), keys.version('c'));
    wanted.add('late');
    second.planner.nudge();
    await waitFor(() => second.views.length > 0);
    expect(await redis.mget(keys.version('a'), keys.version('b'), keys.version('c'))).toEqual(writes);
    await first.stop();
    await waitFor(() => second.planner.leads(), { what: 'the other plans' });
    await a?.die();
    second.clock.advance(60_000);
    await waitFor(() => second.planner.view().pods.every(({ pod }) => pod !== 'a'), { what: 'the dead pod is gone' });
    expect([...homes(connectors.slice(1)).values()]).toEqual(Array.from({ length: 5 }, () => ['b', 'c']));
  });

  it('nothing is planned before the desired state is up to date', async () => {
    pods('a', 'b');
    bots(1);
    const { promise: upToDate, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    const prepare = (): Promise<void> => {
      asked += 1;
      return upToDate;
    };
    const planner = await plan({ prepare });
    await waitFor(() => asked === 1, { what: 'asked once the lock was taken' });
    expect([planner.planner.leads(), await redis.exists(keys.planner)]).toEqual([false, 1]);
    wanted.stop('b0', 'suspended', 2);
    resolve();
    await waitFor(() => planner.planner.leads());
    await waitFor(async () => (await redis.hget(queue.fence, fenceField(CLUSTER, 'b0'))) === '2');
    expect(homes(connectors).size).toBe(0);
  });

  it('one that hesitates leaves the lock to the other, and takes it when nobody else does', async () => {
    const times = { lockTtlMs: 1_000 };
    const shy = await plan({ hesitates: () => true, times });
    const bold = await plan({ times });
    await waitFor(() => bold.planner.leads(), { what: 'the other has it' });
    expect(shy.planner.leads()).toBe(false);
    await bold.stop();
    await waitFor(() => shy.planner.leads(), { what: 'it has it all the same' });
  });

  it('a paused one whose lock ran out writes nothing', async () => {
    pods('a', 'b');
    bots(4);
    const paused = await plan();
    await allLive(paused, 4);
    await settled(paused);
    const versions = await redis.mget(keys.version('a'), keys.version('b'));
    // It believes for long that it holds the lock; another has it.
    await redis.set(keys.planner, 'of another planner');
    wanted.add('late');
    wanted.stop('b1', 'deleted', 1);
    paused.planner.nudge();
    await waitFor(() => !paused.planner.leads());
    expect(await redis.mget(keys.version('a'), keys.version('b'))).toEqual(versions);
    expect(homes(connectors).has('late')).toBe(false);
    expect(await redis.get(keys.planner)).toBe('of another planner');
    await redis.del(keys.planner);
    await waitFor(() => homes(connectors).has('late') && !homes(connectors).has('b1'));
  });

  it('a lock lost while it works keeps it from writing', async () => {
    pods('a', 'b');
    bots(4);
    const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
    const lock = new Redlocked(redis, keys.planner, 600_000, clock);
    const planner = await plan({
      lock,
      // One connection for both, so that the lock is lost before what the planner writes arrives.
      redis,
      // Between reading and writing, which is the worst moment.
      fleetKeys: () => {
        if (wanted.bots.has('late')) void redis.set(keys.planner, 'of another planner');
        return fleetKeys;
      },
    });
    await allLive(planner, 4);
    wanted.add('late');
    planner.planner.nudge();
    await waitFor(() => !planner.planner.leads());
    expect([...(await redis.hkeys(keys.assign('a'))), ...(await redis.hkeys(keys.assign('b')))].join()).not.toContain(
      'late',
    );
  });

  it('of two installations the second plans nothing and says why', async () => {
    pods('a', 'b');
    bots(1);
    await redis.set(keys.owner, 'kube-system/1234');
    const planner = await plan();
    await waitFor(() => planner.planner.faults().length > 0);
    expect(planner.planner.faults()[0]).toContain('--take-over');
    expect(planner.planner.faults()[0]).toContain('kube-system/1234');
    expect(homes(connectors).size).toBe(0);
  });
});

describe('The fence', () => {
  it('that is not below the generation of a bot is believed: our copy is stale', async () => {
    pods('a', 'b');
    const field = fenceField(CLUSTER, 'b0');
    await redis.hset(queue.fence, field, 5);
    wanted.add('b0', { generation: 5 });
    wanted.add('other');
    const planner = await plan();
    await waitFor(() => homes(connectors).get('other')?.length === 2, { what: 'the other runs' });
    expect([homes(connectors).has('b0'), await redis.hget(queue.fence, field)]).toEqual([false, '5']);
    wanted.add('b0', { generation: 6 });
    planner.planner.nudge();
    await waitFor(() => homes(connectors).get('b0')?.length === 2, { what: 'resumed' });
    expect(await redis.hget(queue.fence, field)).toBeNull();
  });

  const entry = (uid: string): Promise<string | null> => redis.hget(queue.fence, fenceField(CLUSTER, uid));

  it('stands before the slots of a suspended bot go, and is gone before they come back', async () => {
    const [a, b] = pods('a', 'b');
    wanted.add('b1', { generation: 4 });
    const planner = await plan();
    await allLive(planner, 1);
    wanted.stop('b1', 'suspended', 5);
    planner.planner.nudge();
    await waitFor(() => a?.slots.size === 0 && b?.slots.size === 0);
    expect(await entry('b1')).toBe('5');
    wanted.add('b1', { generation: 6 });
    planner.planner.nudge();
    await waitFor(() => a?.slots.size === 1);
    expect(await entry('b1')).toBe(null);
  });

  it('that cannot be written keeps the slots where they are', async () => {
    pods('a', 'b');
    wanted.add('b1');
    const planner = await plan();
    await allLive(planner, 1);
    await redis.set(queue.fence, 'of another type');
    wanted.stop('b1', 'suspended', 2);
    planner.planner.nudge();
    await waitFor(() => planner.planner.faults().length > 0);
    expect(homes(connectors).get('b1')).toEqual(['a', 'b']);
    await redis.del(queue.fence);
    await waitFor(() => homes(connectors).size === 0);
    expect(await entry('b1')).toBe('2');
  });

  it('of a deleted bot goes one window after its last slot, also when nobody remembers the bot', async () => {
    pods('a', 'b');
    wanted.add('b1');
    wanted.add('b2');
    await redis.hset(queue.fence, fenceField(CLUSTER, 'forgotten'), 3, 'other/b9', 7);
    const planner = await plan({ windowMs: 100_000, times: { wholeRoundMs: 10_000 } });
    await allLive(planner, 2);
    wanted.stop('b1', 'deleted', 2);
    planner.planner.nudge();
    await waitFor(() => !planner.planner.view().bots.has('b1'));
    planner.clock.advance(60_000);
    await waitFor(() => new Promise((resolve) => setTimeout(resolve, 300, true)));
    expect([await entry('b1'), await entry('forgotten')]).toEqual(['2', '3']);
    planner.clock.advance(60_000);
    await waitFor(async () => (await entry('b1')) === null && (await entry('forgotten')) === null);
    expect(await redis.hgetall(queue.fence)).toEqual({ 'other/b9': '7' });
  });
});

it('A new fleet key takes the place of the old one once every pod has it, and no socket is touched', async () => {
  const [a, b] = pods('a', 'b');
  bots(30);
  const added = parseFleetKeys(newFleetKey());
  let ours = fleetKeys;
  const planner = await plan({ fleetKeys: () => ours });
  await allLive(planner, 30);
  await settled(planner);
  const sealedBy = async (): Promise<(string | undefined)[]> => [
    ...new Set((await redis.hvals(keys.assign('a'))).map((json) => decodeSlot(json)?.token.split('.')[1])),
  ];
  ours = [...added, ...fleetKeys];
  if (a !== undefined) a.keyIDs = ours.map(({ id }) => id);
  await waitFor(() => new Promise((resolve) => setTimeout(resolve, 400, true)));
  expect(await sealedBy()).toEqual(fleetKeys.map(({ id }) => id));
  if (b !== undefined) b.keyIDs = ours.map(({ id }) => id);
  await waitFor(async () => (await sealedBy())[0] === added[0]?.id && (await sealedBy()).length === 1);
  await allLive(planner, 30);
  expect(connectors.flatMap(({ closed }) => closed)).toEqual([]);
  expect(new Set([...(a?.slots.values() ?? [])].map(({ epoch }) => epoch))).toEqual(new Set([1]));
});

describe('A pod', () => {
  it('that shares no fleet key gets no slots and is named', async () => {
    const [, stranger] = pods('a', 'stranger');
    if (stranger !== undefined) stranger.keyIDs = ['ffffffff'];
    bots(3);
    const planner = await plan();
    await waitFor(() => connectors[0]?.slots.size === 3);
    expect(stranger?.slots.size).toBe(0);
    expect(planner.planner.faults()[0]).toContain('pod stranger shares no fleet key');
  });

  it('that drains moves nothing that is live elsewhere, and is released', async () => {
    const [a] = pods('a', 'b', 'c');
    bots(6);
    const planner = await plan();
    await allLive(planner, 6);
    await settled(planner);
    const before = homes(connectors);
    const views = planner.views.length;
    if (a !== undefined) a.answer = () => ({ state: 'connecting', reason: 'ConnectionLost' });
    await a?.drain();
    await waitFor(async () => (await redis.get(keys.drained('a'))) === a?.incarnation);
    await waitFor(() => planner.planner.view().pods.some(({ state }) => state === 'draining'));
    expect(homes(connectors)).toEqual(before);
    const told = planner.views.slice(views + 1).flatMap(({ view }) => [...view.bots.values()].flatMap((v) => v.slots));
    expect(told.filter(({ pod, state }) => pod !== 'a' && state !== 'live')).toEqual([]);
  });
});

describe('While Redis is away', () => {
  const other = useRedis({ appendOnly: true });
  const own = other.useClient();

  it('the last view stays and the fault is reported; afterwards nothing has moved', async () => {
    const local = ['a', 'b'].map((name) => new FakeConnector(own, name));
    bots(4);
    const planner = await startPlanner(other, wanted);
    try {
      await allLive(planner, 4);
      await settled(planner);
      const before = homes(local);
      const view = planner.planner.view();
      await other.kill();
      await waitFor(() => planner.planner.faults().length > 0);
      expect(planner.planner.faults()[0]).toContain('Redis is not answering');
      expect(planner.planner.view()).toBe(view);
      await other.restart();
      await waitFor(() => planner.planner.faults().length === 0);
      await settled(planner);
      expect(homes(local)).toEqual(before);
      expect(local.flatMap(({ closed }) => closed)).toEqual([]);
    } finally {
      await planner.stop();
      await Promise.all(local.map((connector) => connector.stop()));
    }
  });
});
