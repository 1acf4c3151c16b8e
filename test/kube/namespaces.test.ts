import { afterAll, beforeAll, expect, it } from 'vitest';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet, type Running } from '#test/support/kube/operator-fleet.ts';
import { waitFor } from '#test/support/wait.ts';

const RULES = [
  {
    apiGroups: ['relax.dev'],
    resources: ['slackbots', 'slackbots/status', 'slackapps', 'slackapps/status'],
    verbs: ['get', 'list', 'watch', 'patch'],
  },
  { apiGroups: [''], resources: ['secrets', 'namespaces'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];
const API_GROUP = 'rbac.authorization.k8s.io';

kubeBinariesSuite('An operator of two namespaces that loses its rights in one', () => {
  let fleet: OperatorFleet;
  let operator: Running;
  let rights: string;

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    await fleet.kubectl.must(['create', 'namespace', 'other']);
    rights = await fleet.api.addUser({ name: 'operator' });
    const role = { apiVersion: `${API_GROUP}/v1`, kind: 'ClusterRole', metadata: { name: 'operator' }, rules: RULES };
    await fleet.kubectl.must(['apply', '-f', '-'], JSON.stringify(role));
    for (const namespace of ['bots', 'other', 'relax', 'kube-system']) await bind(namespace);
    await fleet.connector('connector-0', 'a');
    await fleet.connector('connector-1', 'b');
    operator = await start('operator-0');
    await fleet.addBot('near', 'T0NEAR');
    await far();
    await waitFor(() => live('T0NEAR').length === 2 && live('T0FAR').length === 2, { timeoutMs: 60_000, what: 'both' });
  });
  afterAll(() => fleet?.stop());

  const start = (name: string) => fleet.operator(name, { KUBECONFIG: rights, RELAX_WATCH_NAMESPACES: 'bots,other' });
  const live = (team: string) =>
    fleet.slack
      .sockets(team)
      .filter(({ state }) => state === 'live')
      .map(({ id }) => id);
  const ready = async () => {
    const answer = await fetch(`http://127.0.0.1:${operator.port}/readyz`);
    return { status: answer.status, text: await answer.text() };
  };

  function bind(namespace: string): Promise<string> {
    const roleRef = { apiGroup: API_GROUP, kind: 'ClusterRole', name: 'operator' };
    const subjects = [{ apiGroup: API_GROUP, kind: 'User', name: 'operator' }];
    const metadata = { name: 'operator', namespace };
    const binding = { apiVersion: `${API_GROUP}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects };
    return fleet.kubectl.must(['apply', '-n', namespace, '-f', '-'], JSON.stringify(binding));
  }

  /** A bot in the second namespace. */
  async function far(): Promise<void> {
    const token = 'xoxb-t0far-secretpart';
    fleet.slack.addTeam({ teamID: 'T0FAR', token });
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'far', namespace: 'other', labels: { 'relax.dev/credentials': 'true' } },
      stringData: { token },
    };
    await fleet.kubectl.must(['apply', '-n', 'other', '-f', '-'], JSON.stringify(secret));
    await fleet.apply('far', { teamID: 'T0FAR', credentials: { secretRef: { name: 'far' } } }, 'other');
  }

  it('keeps the sockets there after a restart and with Redis emptied, and serves the rest as before', async () => {
    const before = { near: live('T0NEAR'), far: live('T0FAR') };
    await operator.stop();
    await fleet.kubectl.must(['delete', 'rolebinding', 'operator', '-n', 'other']);
    // Without persistence it comes back empty.
    await fleet.redis.restart();
    operator = await start('operator-1');
    const near = (await fleet.read('near')).metadata.uid;
    await waitFor(async () => (await fleet.everythingInRedis()).includes(`${near}/0`), {
      timeoutMs: 60_000,
      everyMs: 500,
      what: 'the slots of the other namespace are assigned again',
    });
    await fleet.addBot('new', 'T0NEW');
    await fleet.until('new', 'True Live 2/2', 60_000);
    expect({ near: live('T0NEAR'), far: live('T0FAR') }).toEqual(before);
  });

  it('names the namespace and the remedy in its readiness', async () => {
    const { status, text } = await ready();
    expect(status).toBe(503);
    expect(text).toContain('SlackBots of namespace other are not being watched');
    expect(text).toContain('RELAX_WATCH_NAMESPACES');
    expect(text).not.toContain('of namespace bots');
  });

  it('serves the namespace as before once it has its permissions back', async () => {
    const before = live('T0FAR');
    await bind('other');
    await waitFor(async () => (await ready()).status === 200, { timeoutMs: 60_000, what: 'ready' });
    expect(live('T0FAR')).toEqual(before);
    const suspend = ['patch', 'slackbot', 'far', '-n', 'other', '--type=merge', '-p', '{"spec":{"suspend":true}}'];
    await fleet.kubectl.must(suspend);
    await waitFor(() => fleet.slack.sockets('T0FAR').length === 0, { timeoutMs: 30_000, what: 'its sockets closed' });
  });
});
