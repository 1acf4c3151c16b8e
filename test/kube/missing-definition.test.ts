import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FakeConnector } from '#test/integration/operator/fleet/planner-fleet.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet, type Running } from '#test/support/kube/operator-fleet.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const definition = join(import.meta.dirname, '../../crds/slackapps.yaml');

kubeBinariesSuite('A cluster that has SlackBots and no definition of SlackApps, as after an upgrade', () => {
  let fleet: OperatorFleet;
  let operator: Running;
  let redis: TestRedis;
  const connectors: FakeConnector[] = [];

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    redis = await connectTo(fleet.redis);
    for (const pod of ['connector-0', 'connector-1']) {
      const connector = new FakeConnector(redis, pod);
      connector.keyIDs = fleet.keyIDs();
      connectors.push(connector);
    }
    await fleet.kubectl.must(['delete', '-f', definition, '--timeout=60s']);
    operator = await fleet.operator('operator-0');
  });
  afterAll(async () => {
    await Promise.all(connectors.map((connector) => connector.stop()));
    redis?.close();
    await fleet?.stop();
  });

  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${operator.port}/readyz`);
    return { status: response.status, text: await response.text() };
  };

  it('has its SlackBots served, from their creation to their deletion', async () => {
    await fleet.addBot('acme', 'T0ACME');
    await fleet.until('acme', 'True Live 2/2', 90_000);
    await fleet.addBot('short', 'T0SHORT');
    await fleet.until('short', 'True Live 2/2');
    await fleet.kubectl.must(['delete', 'slackbot', 'short', '--timeout=30s']);
  });

  it('reads in the readiness of its operator what to apply, which stays alive', async () => {
    expect(await ready()).toMatchObject({
      status: 503,
      text: expect.stringMatching(/kubectl apply -f crds\/slackapps\.yaml/),
    });
    expect((await fetch(`http://127.0.0.1:${operator.port}/healthz`)).status).toBe(200);
  });

  it('says of a SlackBot over an app that the app is not known', async () => {
    await fleet.apply('guest', { teamID: 'T0GUEST', transport: 'App', appRef: { name: 'shop' } });
    await fleet.until('guest', /^Unknown Observing/);
    expect(await fleet.condition('guest', 'Ready')).toContain('SlackApp bots/shop is not known yet');
  });

  it('serves SlackApps once the definition is there, without a restart', async () => {
    await fleet.kubectl.must(['apply', '-f', definition]);
    await fleet.kubectl.must(['wait', '--for=condition=Established', 'crd/slackapps.relax.dev', '--timeout=60s']);
    await fleet.secret('shop', { 'app-token': 'xapp-1-A0SHOP-secretpart' });
    await fleet.apply('shop', { appID: 'A0SHOP', credentials: { secretRef: { name: 'shop' } } }, 'bots', 'SlackApp');
    await fleet.until('slackapp/bots/shop', 'True Live 2/2', 60_000);
    await fleet.until('guest', 'True Live 2/2');
    await waitFor(async () => (await ready()).status === 200, { timeoutMs: 60_000, what: 'ready' });
  });
});
