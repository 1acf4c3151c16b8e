import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { FakeConnector, homes, keys, startPlanner, type TestPlanner, Wanted } from './planner-fleet.ts';

const BOTS = 40;
const PODS = ['a', 'b', 'c', 'd'];
const STEPS = 40;
const server = useRedis();
const redis = server.useClient();

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe.each([1, 2])('Whatever Redis loses and whoever plans (seed %i)', (seed) => {
  it('no bot loses its last socket, and in the end all is as desired', async () => {
    await redis.flushall();
    const random = randomFrom(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const wanted = new Wanted();
    for (let n = 0; n < BOTS; n++) wanted.add(`b${n}`);
    const connectors = PODS.map((pod, n) => new FakeConnector(redis, pod, `zone${n % 2}`));
    const planners: TestPlanner[] = [await startPlanner(server, wanted)];
    const isWhole = (): boolean => {
      const found = homes(connectors);
      return (
        [...wanted.bots.keys()].every((uid) => (found.get(uid)?.length ?? 0) === 2) && found.size === wanted.bots.size
      );
    };
    await waitFor(isWhole, { what: 'the start' });

    const bare: string[] = [];
    const history: string[] = [];
    let extra = 0;
    const actions: Record<string, () => Promise<unknown>> = {
      flush: () => redis.flushall(),
      version: () => redis.del(keys.version(pick(PODS))),
      assign: () => redis.del(keys.assign(pick(PODS))),
      report: () => redis.del(keys.report(pick(PODS))),
      session: () => redis.del(keys.session(pick(PODS))),
      lock: () => redis.del(keys.planner),
      owner: () => redis.del(keys.owner),
      pods: () => redis.del(keys.pods),
      rollback: () => redis.set(keys.version(pick(PODS)), 1),
      corrupt: async () => {
        const pod = pick(PODS);
        const [slot] = await redis.hkeys(keys.assign(pod));
        if (slot !== undefined) await redis.hset(keys.assign(pod), slot, '{');
      },
      add: async () => wanted.add(`extra${extra++}`),
      remove: async () => wanted.remove(`extra${Math.floor(random() * extra)}`),
      change: async () => wanted.add(`b${Math.floor(random() * BOTS)}`, { generation: 2 + history.length }),
      restart: async () => {
        await planners.shift()?.stop();
        planners.push(await startPlanner(server, wanted));
      },
      rival: async () => {
        if (planners.length < 2) planners.push(await startPlanner(server, wanted));
      },
    };
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const found = homes(connectors);
        for (let n = 0; n < BOTS; n++) if (!found.has(`b${n}`)) bare.push(`b${n} after ${history.slice(-4).join()}`);
        await sleep(5);
      }
    })();
    try {
      for (let step = 0; step < STEPS; step++) {
        const [name, act] = pick(Object.entries(actions));
        history.push(name);
        await act();
        planners[0]?.planner.nudge();
        await sleep(random() * 300);
      }
      await waitFor(isWhole, { timeoutMs: 20_000, what: 'everything as desired' });
    } finally {
      watching = false;
      await watch;
      await Promise.all(planners.map((planner) => planner.stop()));
      await Promise.all(connectors.map((connector) => connector.stop()));
    }
    expect(bare).toEqual([]);
  });
});
