import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinCredentials } from '#core/protocol/app-credentials.ts';
import { clusterKeys, fenceField, queueKeys } from '#core/protocol/keys.ts';
import { decodeRoute, ROUTE_VERSION_FIELD } from '#core/protocol/route.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { FakeConnector } from '#test/integration/operator/fleet/planner-fleet.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet, type Running } from '#test/support/kube/operator-fleet.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const keys = clusterKeys('test');
const TOKEN = 'xapp-1-A0SHOP-secretpart';

kubeBinariesSuite('SlackApps and their SlackBots on a real API server', () => {
  let fleet: OperatorFleet;
  let operator: Running;
  let rights: string;
  let redis: TestRedis;
  const connectors: FakeConnector[] = [];

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    redis = await connectTo(fleet.redis);
    for (const [pod, zone] of [
      ['connector-0', 'a'],
      ['connector-1', 'b'],
    ] as const) {
      const connector = new FakeConnector(redis, pod, zone);
      connector.keyIDs = fleet.keyIDs();
      connectors.push(connector);
    }
    rights = await fleet.operatorRights();
    await fleet.kubectl.must(['create', 'namespace', 'tenant']);
    operator = await fleet.operator('operator-0', { KUBECONFIG: rights });
    await fleet.secret('shop', { 'app-token': TOKEN });
  });
  afterAll(async () => {
    await Promise.all(connectors.map((connector) => connector.stop()));
    redis?.close();
    await fleet?.stop();
  });

  const secretRef = (name: string) => ({ credentials: { secretRef: { name } } });
  const applyApp = (name: string, more: object = {}, namespace = 'bots') =>
    fleet.apply(name, { appID: 'A0SHOP', ...secretRef('shop'), ...more }, namespace, 'SlackApp');
  const applyBot = (name: string, teamID: string, more: object = {}, namespace = 'bots') =>
    fleet.apply(name, { teamID, transport: 'App', appRef: { name: 'shop' }, ...more }, namespace);
  const app = (name: string) => `slackapp/bots/${name}`;
  const uidOf = async (name: string) => (await fleet.read(name)).metadata.uid;
  const table = async (appUid: string) => {
    const { [ROUTE_VERSION_FIELD]: version, ...rows } = await redis.hgetall(keys.route(appUid));
    return { version, rows: Object.entries(rows).map(([team, json]) => [team, decodeRoute(json)] as const) };
  };
  /** "T1 bots/acme", sorted. */
  const routes = async (appUid: string): Promise<string[]> =>
    (await table(appUid)).rows
      .map(([team, route]) => `${team} ${route?.bot}${route?.suspended === true ? ' suspended' : ''}`)
      .sort();
  const untilRoutes = async (name: string, ...expected: string[]) => {
    const uid = await uidOf(app(name));
    let seen: string[] = [];
    const fits = async () => {
      seen = await routes(uid);
      return JSON.stringify(seen) === JSON.stringify(expected.sort());
    };
    await waitFor(fits, { timeoutMs: 20_000, what: `routes ${expected}` }).catch((cause: unknown) => {
      throw new Error(`the table has ${seen}`, { cause });
    });
    return uid;
  };
  const remove = (kind: string, name: string, namespace = 'bots') =>
    fleet.kubectl.must(['delete', kind, name, '-n', namespace, '--timeout=60s']);
  const teams = async (name: string) => ((await fleet.read(app(name))).status as { teams?: number } | undefined)?.teams;
  const slotsOf = (uid: string) =>
    connectors.flatMap(({ slots }) => [...slots].filter(([id]) => id.startsWith(`${uid}/`)).map(([, slot]) => slot));

  it('gives a SlackApp two sockets in two zones, and says so', async () => {
    await applyApp('shop', { delayedEvents: true, unknownTeams: 'Drop', replies: 'Off', queueNamespace: 'shop' });
    await fleet.until(app('shop'), 'True Live 2/2', 60_000);
    const { status, metadata } = await fleet.read(app('shop'));
    expect(status?.conditions?.map(({ type, status: value, reason }) => `${type} ${value} ${reason}`)).toEqual([
      'Ready True Live',
      'Redundant True AllLive',
      'Assigned True Placed',
      'Connected True Live',
      'CredentialsValid True Accepted',
    ]);
    expect(metadata.finalizers).toEqual(['relax.dev/sockets']);
    expect(await teams('shop')).toBe(0);
    expect(slotsOf(metadata.uid)).toHaveLength(2);
    expect(slotsOf(metadata.uid)[0]).toMatchObject({
      kind: 'app',
      appID: 'A0SHOP',
      bot: 'bots/shop',
      delayedEvents: true,
      unknownTeams: 'drop',
      replies: 'off',
      queueNamespace: 'shop',
      tokenDigest: tokenDigest(joinCredentials({ appToken: TOKEN, botToken: undefined })),
    });
    await waitFor(async () => (await table(metadata.uid)).version, { what: 'an empty table' });
  });

  it('lets a SlackBot follow its app, which counts its teams', async () => {
    await applyBot('acme', 'T0ACME', { queueNamespace: 'acme' });
    await fleet.until('acme', 'True Live 2/2');
    const uid = await untilRoutes('shop', 'T0ACME bots/acme');
    const { metadata, status } = await fleet.read('acme');
    expect(metadata.finalizers).toEqual(['relax.dev/sockets']);
    expect(status?.connections).toEqual([]);
    expect(await fleet.condition('acme', 'Ready')).toMatch(/^True Live: SlackApp bots\/shop: /);
    const [[, route] = []] = (await table(uid)).rows;
    expect(route).toMatchObject({ ownerUid: metadata.uid, generation: 1, queueNamespace: 'acme', replies: 'wait' });
    await waitFor(async () => (await teams('shop')) === 1, { what: 'one team' });
    await fleet.kubectl.must(['patch', 'slackapp', 'shop', '--type=merge', '-p', '{"spec":{"suspend":true}}']);
    await fleet.until('acme', 'False Suspended 0/0');
    expect(await fleet.condition('acme', 'Ready')).toContain('SlackApp bots/shop');
    await untilRoutes('shop', 'T0ACME bots/acme');
    await fleet.kubectl.must(['patch', 'slackapp', 'shop', '--type=merge', '-p', '{"spec":{"suspend":false}}']);
    await fleet.until('acme', 'True Live 2/2');
  });

  it('has a suspended SlackBot as suspended in the table, behind its fence', async () => {
    await applyBot('acme', 'T0ACME', { suspend: true });
    await fleet.until('acme', 'False Suspended 0/0');
    await untilRoutes('shop', 'T0ACME bots/acme suspended');
    const fence = async () => redis.hgetall(queueKeys('relax:events').fence);
    expect(await fence()).toMatchObject({ [fenceField('test', await uidOf('acme'))]: '2' });
    await applyBot('acme', 'T0ACME');
    await fleet.until('acme', 'True Live 2/2');
    await untilRoutes('shop', 'T0ACME bots/acme');
    expect(Object.keys(await fence())).not.toContain(fenceField('test', await uidOf('acme')));
  });

  it('lets only the older of two SlackBots of one team have it', async () => {
    await applyBot('twin', 'T0ACME');
    await fleet.until('twin', 'False DuplicateBot 0/0');
    expect(await fleet.condition('twin', 'Ready')).toContain('SlackBot acme has the same team and the same SlackApp');
    await remove('slackbot', 'acme');
    await fleet.until('twin', 'True Live 2/2');
    const uid = await untilRoutes('shop', 'T0ACME bots/twin');
    expect((await table(uid)).rows).toHaveLength(1);
  });

  it('admits SlackBots of other namespaces as its spec says', async () => {
    await applyBot('guest', 'T0GUEST', { appRef: { name: 'shop', namespace: 'bots' } }, 'tenant');
    await fleet.until('tenant/guest', 'False AppNotAllowed 0/0');
    await untilRoutes('shop', 'T0ACME bots/twin');
    const patch = '{"spec":{"allowedNamespaces":["tenant"]}}';
    await fleet.kubectl.must(['patch', 'slackapp', 'shop', '--type=merge', '-p', patch]);
    await fleet.until('tenant/guest', 'True Live 2/2');
    await untilRoutes('shop', 'T0ACME bots/twin', 'T0GUEST tenant/guest');
    await fleet.kubectl.must(['patch', 'slackapp', 'shop', '--type=merge', '-p', '{"spec":{"allowedNamespaces":[]}}']);
    await fleet.until('tenant/guest', 'False AppNotAllowed 0/0');
    await untilRoutes('shop', 'T0ACME bots/twin');
    await remove('slackbot', 'guest', 'tenant');
  });

  it('lets only the older of two SlackApps of one app run', async () => {
    await applyApp('second');
    await fleet.until(app('second'), 'False DuplicateApp 0/0');
    expect(await fleet.condition(app('second'), 'Ready')).toContain('SlackApp shop serves the same app');
    await remove('slackapp', 'second');
  });

  it('lets no SlackBot have the app of a SlackApp to itself, nor two SlackBots one app', async () => {
    await fleet.apply('alone', { teamID: 'T0ALONE', transport: 'SocketMode', ...secretRef('shop') });
    await fleet.until('alone', 'False DuplicateBot 0/0');
    expect(await fleet.condition('alone', 'Ready')).toMatch(
      /SlackApp shop serves the same app: set spec\.transport to App/,
    );
    await fleet.secret('own', { 'app-token': 'xapp-1-A0OWN-secretpart', token: 'xoxb-own-secretpart' });
    await fleet.apply('alone', { teamID: 'T0ALONE', transport: 'SocketMode', ...secretRef('own') });
    await fleet.until('alone', 'True Live 2/2');
    expect(slotsOf(await uidOf('alone'))[0]).toMatchObject({ kind: 'socketMode', teamID: 'T0ALONE', replies: 'wait' });
    await fleet.apply('other', { teamID: 'T0OTHER', transport: 'SocketMode', ...secretRef('own') });
    await fleet.until('other', 'False DuplicateBot 0/0');
    expect(await fleet.condition('other', 'Ready')).toMatch(/uses the same app for another team.*create a SlackApp/);
    await remove('slackbot', 'other');
    await remove('slackbot', 'alone');
  });

  it('hands an app over from a SlackBot to a SlackApp, make before break', async () => {
    await fleet.secret('own', { 'app-token': 'xapp-1-A0OWN-secretpart' });
    await fleet.apply('alone', { teamID: 'T0ALONE', transport: 'SocketMode', ...secretRef('own') });
    await fleet.until('alone', 'True Live 2/2');
    const uid = await uidOf('alone');
    let gap = false;
    const watching = setInterval(() => {
      gap ||= !connectors.some(({ slots }) => [...slots.values()].some(({ bot }) => /alone|owned/.test(bot)));
    }, 20);
    await applyApp('owned', { appID: 'A0OWN', ...secretRef('own') });
    await fleet.until(app('owned'), 'True Live 2/2');
    await waitFor(() => slotsOf(uid).length === 0, { timeoutMs: 20_000, what: 'no socket of the bot alone' });
    clearInterval(watching);
    expect(gap).toBe(false);
    await fleet.apply('alone', { teamID: 'T0ALONE', transport: 'App', appRef: { name: 'owned' } });
    await fleet.until('alone', 'True Live 2/2');
    await remove('slackbot', 'alone');
    await remove('slackapp', 'owned');
  });

  it('names what is wrong with a Secret, and takes a rotated token', async () => {
    await fleet.secret('shop', { 'app-token': 'xapp-1-A0ELSE-secretpart' });
    await fleet.until(app('shop'), /^False AppMismatch 2/);
    expect(await fleet.condition(app('shop'), 'CredentialsValid')).toMatch(
      /a token of app A0ELSE, and spec\.appID is A0SHOP/,
    );
    await fleet.secret('shop', { 'app-token': 'xoxb-shop-secretpart' });
    await fleet.until(app('shop'), /^False TokenWrongKind 2/);
    const next = 'xapp-1-A0SHOP-nextsecretpart';
    await fleet.secret('shop', { 'app-token': next });
    await fleet.until(app('shop'), 'True Live 2/2');
    await fleet.until('twin', 'True Live 2/2');
    const uid = await uidOf(app('shop'));
    await waitFor(() => slotsOf(uid).every((slot) => slot.tokenDigest === tokenDigest(next)), {
      what: 'the next token',
    });
  });

  it("passes on the connector's verdict that the token is of another app", async () => {
    const refusal = { state: 'failed', reason: 'AppMismatch', message: 'the token is of app A9' } as const;
    for (const connector of connectors) connector.answer = () => refusal;
    await fleet.until(app('shop'), 'False AppMismatch 0/2');
    await fleet.until('twin', 'False AppMismatch 0/2');
    expect(await fleet.condition('twin', 'CredentialsValid')).toMatch(
      /^False AppMismatch: SlackApp bots\/shop: the token/,
    );
    for (const connector of connectors) connector.answer = () => ({ state: 'live' });
    await fleet.until('twin', 'True Live 2/2');
  });

  it('writes nothing new when an operator takes over, and counts apps like bots', async () => {
    const uid = await uidOf(app('shop'));
    const written = async () => ({
      table: await redis.hgetall(keys.route(uid)),
      app: (await fleet.read(app('shop'))).metadata.resourceVersion,
      bot: (await fleet.read('twin')).metadata.resourceVersion,
      versions: connectors.map(({ version }) => version),
    });
    const before = await written();
    await operator.stop();
    operator = await fleet.operator('operator-1', { KUBECONFIG: rights });
    const metrics = async () => (await fetch(`http://127.0.0.1:${operator.port}/metrics`)).text();
    await waitFor(async () => /^relax_apps\{state="ready"\} 1$/m.test(await metrics()), {
      timeoutMs: 60_000,
      what: 'an app that is counted',
    });
    await applyBot('later', 'T0LATER');
    await fleet.until('later', 'True Live 2/2', 60_000);
    await remove('slackbot', 'later');
    await untilRoutes('shop', 'T0ACME bots/twin');
    await waitFor(async () => (await teams('shop')) === 1, { what: 'one team' });
    const after = await written();
    expect({ ...after, app: '' }).toEqual({ ...before, app: '' });
  });

  it('keeps the table while the API server is away, and through a Redis that comes back empty', async () => {
    const uid = await uidOf(app('shop'));
    const before = await redis.hgetall(keys.route(uid));
    await fleet.api.killApi();
    const ready = async () => (await fetch(`http://127.0.0.1:${operator.port}/readyz`)).status;
    await waitFor(async () => (await ready()) === 503, { timeoutMs: 30_000, what: 'not ready' });
    await redis.call('FLUSHALL');
    const isBack = async () => isDeepStrictEqual(await redis.hgetall(keys.route(uid)), before);
    await waitFor(isBack, { timeoutMs: 60_000, what: 'the table written back' });
    await fleet.api.restartApi();
    await waitFor(async () => (await ready()) === 200, { timeoutMs: 90_000, what: 'ready again' });
    expect(await redis.hgetall(keys.route(uid))).toEqual(before);
    await fleet.until('twin', 'True Live 2/2', 60_000);
  });

  describe('deleted', () => {
    it('app first: its sockets close, its table goes, and its bots say that it is missing', async () => {
      const uid = await uidOf(app('shop'));
      await remove('slackapp', 'shop');
      await waitFor(() => slotsOf(uid).length === 0, { what: 'no slot of the app' });
      await fleet.until('twin', 'False AppMissing 0/0');
      await waitFor(async () => (await redis.exists(keys.route(uid))) === 0, { timeoutMs: 20_000, what: 'no table' });
      expect(await redis.hgetall(keys.routes)).toEqual({});
      await remove('slackbot', 'twin');
    });

    it('bots first: each leaves the table, behind a fence', async () => {
      await applyApp('shop');
      await applyBot('acme', 'T0ACME');
      await applyBot('beta', 'T0BETA');
      await fleet.until('acme', 'True Live 2/2', 60_000);
      await fleet.until('beta', 'True Live 2/2');
      await untilRoutes('shop', 'T0ACME bots/acme', 'T0BETA bots/beta');
      const bot = await uidOf('acme');
      await remove('slackbot', 'acme');
      const fences = await redis.hgetall(queueKeys('relax:events').fence);
      expect(fences[fenceField('test', bot)]).toBeDefined();
      await untilRoutes('shop', 'T0BETA bots/beta');
      await remove('slackbot', 'beta');
      await untilRoutes('shop');
      await remove('slackapp', 'shop');
      expect(await fleet.kubectl.must(['get', 'slackapps,slackbots', '-A', '-o', 'name'])).toBe('');
    });
  });

  it('has revealed no token in any log, status, Event or plain Redis value', async () => {
    const texts = [...fleet.lines, await fleet.kubectl.must(['get', 'events.events.k8s.io', '-o', 'json'])];
    expect([...texts, await fleet.everythingInRedis()].filter((text) => text.includes('secretpart'))).toEqual([]);
  });
});
