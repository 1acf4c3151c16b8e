import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Slot } from '#core/protocol/assignment.ts';
import { clusterKeys, fenceField, queueKeys } from '#core/protocol/keys.ts';
import { decodeRoute } from '#core/protocol/route.ts';
import { FakeConnector } from '#test/integration/operator/fleet/planner-fleet.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet } from '#test/support/kube/operator-fleet.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const keys = clusterKeys('test');
const fences = queueKeys('relax:events').fence;

kubeBinariesSuite('A SlackBot whose transport changes', () => {
  let fleet: OperatorFleet;
  let redis: TestRedis;
  let appUid = '';
  const connectors: FakeConnector[] = [];
  /** Whether sockets of this kind come up. */
  const comesUp = { rtm: true, socketMode: true, app: true };

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    redis = await connectTo(fleet.redis);
    for (const [pod, zone] of [
      ['connector-0', 'a'],
      ['connector-1', 'b'],
    ] as const) {
      const connector = new FakeConnector(redis, pod, zone);
      connector.keyIDs = fleet.keyIDs();
      connector.answer = ({ kind }) => ({ state: comesUp[kind] ? 'live' : 'connecting' });
      connectors.push(connector);
    }
    await fleet.operator('operator-0');
    await fleet.secret('acme', { token: 'xoxb-acme-secretpart', 'app-token': 'xapp-1-A0OWN-secretpart' });
    await fleet.secret('shop', { 'app-token': 'xapp-1-A0SHOP-secretpart' });
  });
  afterAll(async () => {
    await Promise.all(connectors.map((connector) => connector.stop()));
    redis?.close();
    await fleet?.stop();
  });

  const credentials = (name: string) => ({ credentials: { secretRef: { name } } });
  const RTM = { transport: 'RTM', ...credentials('acme') };
  const SOCKET_MODE = { transport: 'SocketMode', ...credentials('acme') };
  const APP = { transport: 'App', appRef: { name: 'shop' } };
  /** In place of what it was, as with `kubectl replace`. */
  const becomes = (spec: object) => fleet.apply('acme', { teamID: 'T0ACME', ...spec });
  const addApp = () =>
    fleet.apply('shop', { appID: 'A0SHOP', ...credentials('shop'), unknownTeams: 'Drop' }, 'bots', 'SlackApp');
  const kinds = (): Slot['kind'][] =>
    connectors.flatMap(({ slots }) =>
      [...slots.values()].flatMap(({ bot, kind }) => (bot === 'bots/acme' ? kind : [])),
    );
  const row = async () => decodeRoute((await redis.hget(keys.route(appUid), 'T0ACME')) ?? '');
  /** Sockets of its own, or a row in the table of an app that is live. */
  const isServed = async () => kinds().length > 0 || (await row()) !== undefined;
  const isFenced = async () =>
    (await redis.hget(fences, fenceField('test', (await fleet.read('acme')).metadata.uid))) !== null;

  it('from RTM to Socket Mode has its sockets replaced where they are, one first, with no fence', async () => {
    await becomes(RTM);
    await fleet.until('acme', 'True Live 2/2', 60_000);
    comesUp.socketMode = false;
    await becomes(SOCKET_MODE);
    await waitFor(() => kinds().toSorted().join() === 'rtm,socketMode', { what: 'one socket of Socket Mode' });
    await fleet.until('acme', 'True Live 1/2');
    expect(kinds().toSorted()).toEqual(['rtm', 'socketMode']);
    comesUp.socketMode = true;
    await waitFor(() => kinds().join() === 'socketMode,socketMode', { what: 'sockets of Socket Mode' });
    await fleet.until('acme', 'True Live 2/2');
    expect(await isFenced()).toBe(false);
  });

  it('to an app that does not exist yet keeps its sockets until that one is live, and has its row before', async () => {
    await becomes(APP);
    await fleet.until('acme', /^False AppMissing/);
    expect(kinds()).toEqual(['socketMode', 'socketMode']);
    comesUp.app = false;
    await addApp();
    appUid = (await fleet.read('slackapp/bots/shop')).metadata.uid;
    await waitFor(async () => (await row()) !== undefined, { timeoutMs: 20_000, what: 'its row' });
    expect(kinds()).toEqual(['socketMode', 'socketMode']);
    comesUp.app = true;
    await waitFor(() => kinds().length === 0, { timeoutMs: 20_000, what: 'no socket of its own' });
    expect(await row()).toMatchObject({ bot: 'bots/acme', suspended: false });
    await fleet.until('acme', 'True Live 2/2');
    expect(await isFenced()).toBe(false);
  });

  it('back to RTM keeps its row until a socket of its own is live', async () => {
    comesUp.rtm = false;
    let gap = false;
    const watching = setInterval(() => void isServed().then((served) => (gap ||= !served)), 20);
    await becomes(RTM);
    await waitFor(() => kinds().join() === 'rtm,rtm', { timeoutMs: 20_000, what: 'sockets of RTM' });
    expect(await row()).toBeDefined();
    comesUp.rtm = true;
    await waitFor(async () => (await row()) === undefined, { timeoutMs: 20_000, what: 'no row' });
    clearInterval(watching);
    expect(gap).toBe(false);
    await fleet.until('acme', 'True Live 2/2');
    expect(await isFenced()).toBe(false);
  });

  it('while it is suspended is fenced until it runs again, over whatever', async () => {
    await becomes({ ...RTM, suspend: true });
    await fleet.until('acme', 'False Suspended 0/0');
    await becomes({ ...APP, suspend: true });
    await waitFor(async () => (await row())?.suspended === true, { timeoutMs: 20_000, what: 'a suspended row' });
    expect(await isFenced()).toBe(true);
    await becomes(APP);
    await waitFor(async () => (await row())?.suspended === false, { timeoutMs: 20_000, what: 'a row that runs' });
    expect(await isFenced()).toBe(false);
    await fleet.until('acme', 'True Live 2/2');
  });

  it('leaves nothing that holds up its namespace, whichever object is deleted first', async () => {
    await becomes(RTM);
    await fleet.kubectl.must(['delete', 'slackapp,slackbot,secret', '--all', '--timeout=60s']);
    expect(await fleet.kubectl.must(['get', 'slackapps,slackbots', '-A', '-o', 'name'])).toBe('');
    await waitFor(async () => (await redis.exists(keys.route(appUid))) === 0, { timeoutMs: 20_000, what: 'no table' });
  });
});
