import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REFUSED_VERSION_FIELD, type RefusedToken } from '#core/protocol/refused-token.ts';
import { decodeRoute } from '#core/protocol/route.ts';
import { newFleetKey, openSeal, parseFleetKeys } from '#core/protocol/seal.ts';
import type { PlannerOptions } from '#operator/fleet/planner-options.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { CLUSTER, FakeConnector, fleetKeys, keys, startPlanner, type TestPlanner, Wanted } from './planner-fleet.ts';

const server = useRedis({ emptied: true });
const redis = server.useClient();
let wanted: Wanted;
const planners: TestPlanner[] = [];
const connectors: FakeConnector[] = [];
beforeEach(() => {
  wanted = new Wanted();
});
afterEach(async () => {
  await Promise.all(planners.splice(0).map((planner) => planner.stop()));
  await Promise.all(connectors.splice(0).map((connector) => connector.stop()));
});

const plan = async (options: Partial<PlannerOptions> = {}): Promise<TestPlanner> => {
  const planner = await startPlanner(server, wanted, options);
  planners.push(planner);
  return planner;
};
const record = (changes: Partial<RefusedToken> = {}): string =>
  JSON.stringify({
    tokenDigest: 'd1',
    generation: 1,
    reason: 'TokenRevoked',
    error: 'tokens_revoked',
    message: 'gone',
    atMs: 1,
    ...changes,
  } satisfies RefusedToken);
let versions = 0;
/** As a connector writes it. */
const write = (uid: string, json = record()): Promise<number> => {
  versions += 1;
  return redis.hset(keys.refused, { [uid]: json, [REFUSED_VERSION_FIELD]: `v${versions}` });
};
const known = ({ planner }: TestPlanner) => planner.view().refused ?? new Map<string, RefusedToken>();
const inRedis = async (): Promise<string[]> =>
  Object.keys(await redis.hgetall(keys.refused)).filter((field) => field !== REFUSED_VERSION_FIELD);
const MINUTE_MS = 60_000;

describe('records of refused tokens', () => {
  it('are part of the view, and each change tells whose owner is to be judged again', async () => {
    const planner = await plan();
    await write('a');
    await write('b');
    await waitFor(() => known(planner).size === 2, { what: 'both records' });
    const before = known(planner).get('b');
    const seen = planner.views.length;
    await write('a', record({ generation: 2 }));
    await waitFor(() => known(planner).get('a')?.generation === 2, { what: 'the new record' });
    expect(known(planner).get('b')).toBe(before);
    const changed = planner.views.slice(seen).flatMap((view) => [...view.changed]);
    expect(changed).toEqual(['a']);
  });

  it('are seen by an operator that does not plan, too', async () => {
    await plan();
    await waitFor(async () => (await redis.exists(keys.planner)) === 1, { what: 'a planner' });
    const watcher = await plan();
    await write('a');
    await waitFor(() => known(watcher).has('a'), { what: 'the record' });
    expect(watcher.planner.leads()).toBe(false);
  });

  it('that apply to nothing are removed after five minutes, the others stay', async () => {
    wanted.refused = new Set(['applies']);
    const planner = await plan({ times: { wholeRoundMs: 0 } });
    for (const uid of ['applies', 'gone']) await write(uid);
    await waitFor(() => known(planner).size === 2, { what: 'both records' });
    const roundsAt = planner.views.length;
    planner.clock.advance(4 * MINUTE_MS);
    await waitFor(() => planner.planner.heardAtMs() >= planner.clock.monotonicMs() - 200, { what: 'another round' });
    expect(await inRedis()).toHaveLength(2);
    planner.clock.advance(2 * MINUTE_MS);
    await waitFor(async () => (await inRedis()).length === 1, { what: 'the removal' });
    expect(await inRedis()).toEqual(['applies']);
    await waitFor(() => !known(planner).has('gone'), { what: 'a view without it' });
    expect(planner.views.slice(roundsAt).flatMap((view) => [...view.changed])).toEqual(['gone']);
  });

  it('leave nothing behind when the last of them goes', async () => {
    const planner = await plan({ times: { wholeRoundMs: 0 } });
    await write('gone');
    await waitFor(() => known(planner).size === 1, { what: 'the record' });
    await waitFor(async () => {
      planner.clock.advance(MINUTE_MS);
      return (await redis.exists(keys.refused)) === 0;
    });
  });

  it('are written again when Redis has lost them', async () => {
    wanted.refused = new Set(['a']);
    const planner = await plan();
    await write('a');
    await waitFor(() => known(planner).has('a'), { what: 'the record' });
    await redis.flushall();
    await waitFor(async () => (await inRedis()).includes('a'), { what: 'the record again' });
    expect(known(planner).has('a')).toBe(true);
  });
});

describe('the bot token of a SlackBot that an app carries', () => {
  const APP = 'app-uid';
  const addApp = (): void => {
    wanted.add(APP);
    const bot = wanted.bots.get(APP);
    if (bot === undefined) return;
    const { teamID: _teamID, ...set } = bot.set as typeof bot.set & { kind: 'rtm' };
    const app = { kind: 'app', appID: 'A1', replies: 'wait', delayedEvents: false, unknownTeams: 'drop' } as const;
    wanted.bots = new Map(wanted.bots).set(APP, { ...bot, set: { ...set, ...app } });
    wanted.routed = new Map([
      [
        'a',
        {
          appUid: APP,
          teamID: 'T1',
          token: { plain: 'xoxb-a-secretpart', digest: 'd1' },
          route: {
            ownerUid: 'a',
            bot: 'bots/a',
            generation: 1,
            queueNamespace: '',
            events: { include: [], exclude: [], own: false },
            replies: 'wait',
            suspended: false,
          },
        },
      ],
    ]);
  };
  const route = async () => decodeRoute((await redis.hget(keys.route(APP), 'T1')) ?? '');
  const context = { cluster: CLUSTER, ownerUid: 'a', teamID: 'T1' };

  it('is in its row sealed, and sealed again once the fleet key is another one', async () => {
    addApp();
    const connector = new FakeConnector(redis, 'pod-a');
    connectors.push(connector);
    const [next] = parseFleetKeys(newFleetKey());
    if (next === undefined) throw new Error('no key');
    let held = fleetKeys;
    const { planner } = await plan({ fleetKeys: () => held });
    const first = await waitFor(async () => (await route())?.token, { what: 'a token' });
    expect(openSeal(first, fleetKeys, context)).toBe('xoxb-a-secretpart');
    expect((await route())?.tokenDigest).toBe('d1');
    expect(JSON.stringify(await redis.hgetall(keys.route(APP)))).not.toContain('secretpart');
    held = [next, ...fleetKeys];
    connector.keyIDs = held.map(({ id }) => id);
    planner.nudge();
    const second = await waitFor(async () => {
      const token = (await route())?.token;
      return token === first ? undefined : token;
    });
    expect(openSeal(second, [next], context)).toBe('xoxb-a-secretpart');
  });
});
