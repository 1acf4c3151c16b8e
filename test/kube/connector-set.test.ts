import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseSlotID } from '#core/protocol/assignment.ts';
import { clusterKeys } from '#core/protocol/keys.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet } from '#test/support/kube/operator-fleet.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

/** The StatefulSet is only an object here: no controller ends a pod, so what moves does so by the set's size alone. */
kubeBinariesSuite('An operator that reads the size of the set of connectors, with the rights of its chart', () => {
  const NAME = 'relax-connector';
  const TEAMS = ['T0ONE', 'T0TWO', 'T0THREE', 'T0FOUR'];
  const keys = clusterKeys('test');
  let fleet: OperatorFleet;
  let redis: TestRedis;

  const kubectl = (...args: string[]) => fleet.kubectl.must(['-n', 'relax', ...args]);
  const scale = (replicas: number) => kubectl('scale', 'statefulset', NAME, `--replicas=${replicas}`);
  const held = async (n: number): Promise<string[]> =>
    (await redis.hkeys(keys.assign(`${NAME}-${n}`))).map((id) => parseSlotID(id).ownerUid);
  const make = async (replicas: number): Promise<void> => {
    const labels = { app: NAME };
    const spec = { replicas, serviceName: NAME, selector: { matchLabels: labels }, template: { metadata: { labels } } };
    const template = { ...spec.template, spec: { containers: [{ name: 'connector', image: 'relax' }] } };
    await fleet.kubectl.must(
      ['-n', 'relax', 'apply', '-f', '-'],
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: NAME },
        spec: { ...spec, template },
      }),
    );
  };
  const allHold = async (total: number): Promise<void> => {
    const count = async () => (await Promise.all([0, 1, 2].map(held))).flat().length;
    await waitFor(async () => (await count()) === total, { timeoutMs: 30_000, what: `${total} slots` });
  };

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    redis = await connectTo(fleet.redis);
    await make(3);
    for (const [n, zone] of ['a', 'a', 'b'].entries()) await fleet.connector(`${NAME}-${n}`, zone);
    const rights = await fleet.operatorRights();
    await fleet.operator('operator-0', { KUBECONFIG: rights, RELAX_CONNECTOR_SET: NAME });
    for (const team of TEAMS) await fleet.addBot(team.toLowerCase(), team);
    for (const team of TEAMS) await fleet.until(team.toLowerCase(), 'True Live 2/2', 60_000);
  }, 120_000);
  afterAll(async () => {
    redis?.disconnect();
    await fleet?.stop();
  });

  it('moves everything off the pod that a smaller set does not have, before it is stopped', async () => {
    expect(await held(2)).toHaveLength(TEAMS.length);
    await scale(2);
    await waitFor(async () => (await held(2)).length === 0, { timeoutMs: 10_000, what: 'the last pod left' });
    await allHold(2 * TEAMS.length);
    for (const team of TEAMS) {
      await waitFor(() => fleet.slack.sockets(team).length === 2, { what: `two sockets of ${team}` });
      await fleet.until(team.toLowerCase(), 'True Live 2/2');
    }
    const why = 'Zone b: its connectors take no new sockets, since they lack the fleet key or are about to be removed.';
    await waitFor(async () => (await fleet.condition('t0one', 'Redundant')).startsWith('False SameZone: '));
    expect(await fleet.condition('t0one', 'Redundant')).toContain(why);
  });

  it('spreads the sets again when there are three connectors again', async () => {
    await scale(3);
    // Relax's own budget of a connect a minute is not what this is about.
    const budgets = await redis.keys('relax:connect:*');
    if (budgets.length > 0) await redis.del(...budgets);
    await waitFor(async () => (await held(2)).length === TEAMS.length, {
      timeoutMs: 60_000,
      what: 'sets in two zones',
    });
    await allHold(2 * TEAMS.length);
  }, 90_000);

  it('leaves no pod that runs on when the set is deleted without its pods', async () => {
    const before = await Promise.all([0, 1, 2].map(held));
    await kubectl('delete', 'statefulset', NAME, '--cascade=orphan', '--wait=false');
    await fleet.addBot('late', 'T0LATE');
    await fleet.until('late', 'True Live 2/2', 30_000);
    const after = await Promise.all([0, 1, 2].map(held));
    for (const [n, owners] of before.entries()) expect(after[n]).toEqual(expect.arrayContaining(owners));
  });
});
