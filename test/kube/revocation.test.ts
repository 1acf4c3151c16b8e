import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterKeys } from '#core/protocol/keys.ts';
import type { QueueItem } from '#core/protocol/queue-item.ts';
import { decodeRoute, ROUTE_VERSION_FIELD } from '#core/protocol/route.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { generatedAppToken } from '#slack-simulator/app.ts';
import type { Withdrawal } from '#slack-simulator/token-controls.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet } from '#test/support/kube/operator-fleet.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const APP = 'A0SHOP';
const OWN = 'A0OWN';
const keys = clusterKeys('test');
const BOT_TOKEN = { acme: 'xoxb-acme-secretpart', beta: 'xoxb-beta-secretpart' };

kubeBinariesSuite('Tokens that Slack revokes by an event', () => {
  let fleet: OperatorFleet;
  let redis: TestRedis;

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    redis = await connectTo(fleet.redis);
    const { apps } = fleet.slack;
    for (const appID of [APP, OWN]) apps.add({ appID, appToken: generatedAppToken(appID, 0) });
    for (const teamID of ['T0ACME', 'T0BETA', 'T0GAMMA']) apps.install(APP, { teamID });
    apps.install(OWN, { teamID: 'T0OWN', botToken: 'xoxb-own-secretpart' });
    await Promise.all([fleet.connector('connector-0', 'a'), fleet.connector('connector-1', 'b')]);
    await fleet.operator('operator-0', { KUBECONFIG: await fleet.operatorRights() });
    await fleet.secret('own', { 'app-token': generatedAppToken(OWN, 0), token: 'xoxb-own-secretpart' });
    await fleet.secret('shop', { 'app-token': generatedAppToken(APP, 0) });
    for (const name of ['acme', 'beta'] as const) await fleet.secret(name, { token: BOT_TOKEN[name] });
    const credentials = (name: string) => ({ credentials: { secretRef: { name } } });
    const carried = { transport: 'App', appRef: { name: 'shop' } };
    await Promise.all([
      fleet.addBot('rtm', 'T0RTM'),
      fleet.addBot('granted', 'T0GRANTED'),
      fleet.apply('own', { teamID: 'T0OWN', transport: 'SocketMode', ...credentials('own') }),
      fleet.apply('shop', { appID: APP, ...credentials('shop') }, 'bots', 'SlackApp'),
      fleet.apply('acme', { teamID: 'T0ACME', ...carried, ...credentials('acme') }),
      fleet.apply('beta', { teamID: 'T0BETA', ...carried, ...credentials('beta') }),
      fleet.apply('gamma', { teamID: 'T0GAMMA', ...carried, ...credentials('nowhere') }),
    ]);
    for (const name of ['rtm', 'granted', 'own', 'acme', 'beta']) await fleet.until(name, 'True Live 2/2', 60_000);
  });
  afterAll(async () => {
    redis?.close();
    await fleet?.stop();
  });

  const credentials = (name: string) => fleet.condition(name, 'CredentialsValid');
  const untilCredentials = (name: string, expected: RegExp, timeoutMs = 10_000) =>
    waitFor(async () => expected.test(await credentials(name)), {
      what: `${name}: ${expected}`,
      timeoutMs,
      everyMs: 100,
    });
  const items = async () => (await redis.lrange('relax:events', 0, -1)).map((json) => JSON.parse(json) as QueueItem);
  const queued = async (bot: string) =>
    (await items()).filter((item) => item.bot === `bots/${bot}`).map(({ type }) => type);
  const opens = () => {
    const { connects, apps } = fleet.slack.stats();
    return { rtm: connects.T0RTM, granted: connects.T0GRANTED, own: apps.opens[OWN] };
  };
  const routeOf = async (team: string) => {
    const { uid } = (await fleet.read('slackapp/bots/shop')).metadata;
    const json = await redis.hget(keys.route(uid), team);
    return json === null ? undefined : decodeRoute(json);
  };
  /** Of team T0GRANTED the token stays good: nothing but the event says that it is revoked. */
  const withdraw = (place: { teamID: string; appID?: string }, how: Withdrawal): void => {
    if (place.teamID === 'T0GRANTED') fleet.slack.emit(place.teamID, { type: how, team_ids: [place.teamID] });
    else fleet.slack.tokens.withdraw(place, how, { keepSockets: true });
  };
  const uidOf = async (name: string) => (await fleet.read(name)).metadata.uid;

  describe('of a SlackBot with sockets of its own', () => {
    it.each([
      ['rtm', 'RTM', { teamID: 'T0RTM' }, 'tokens_revoked', 'TokenRevoked'],
      ['granted', 'RTM', { teamID: 'T0GRANTED' }, 'team_access_revoked', 'TeamAccessRevoked'],
      ['own', 'Socket Mode', { teamID: 'T0OWN', appID: OWN }, 'app_uninstalled', 'AppUninstalled'],
    ] as const)(
      '%s (%s): its sockets end within seconds, it dials no more, and its status says why',
      async (name, _, place, how, reason) => {
        const before = opens();
        withdraw(place, how);
        await untilCredentials(name, new RegExp(`^False ${reason}: .*\\(event ${how}\\).*spec.suspend`));
        await fleet.until(name, `False ${reason} 0/0`, 10_000);
        expect(opens()).toEqual(before);
        await waitFor(async () => (await queued(name)).includes(how), { what: 'the event itself on the queue' });
        await waitFor(async () => (await queued(name)).includes('disable_bot'), { what: 'disable_bot' });
        expect((await queued(name)).sort()).toEqual(['disable_bot', how].sort());
        expect(await redis.hget(keys.refused, await uidOf(name))).toContain(reason);
      },
    );

    it('all of it stays so while Slack is asked nothing', async () => {
      const before = opens();
      // The operator judges each bot again: a Secret of another bot is news for none of them, a label is.
      for (const name of ['rtm', 'granted', 'own']) {
        await fleet.kubectl.must(['label', 'slackbot', name, 'looked=again', '--overwrite']);
      }
      await fleet.addBot('other', 'T0OTHER');
      await fleet.until('other', 'True Live 2/2');
      expect(await credentials('rtm')).toMatch(/^False TokenRevoked/);
      expect(opens()).toEqual(before);
    });

    it('it is back with another token', async () => {
      fleet.slack.addToken('T0RTM', 'xoxb-t0rtm-anotherpart');
      await fleet.secret('rtm', { token: 'xoxb-t0rtm-anotherpart' });
      await fleet.until('rtm', 'True Live 2/2', 30_000);
      expect(await credentials('rtm')).toMatch(/^True Accepted/);
    });

    it('it is back when its spec has changed, as when it was suspended and resumed', async () => {
      for (const suspend of ['true', 'false']) {
        await fleet.kubectl.must([
          'patch',
          'slackbot',
          'granted',
          '--type=merge',
          '-p',
          `{"spec":{"suspend":${suspend}}}`,
        ]);
      }
      // The second socket waits for the team's budget of connects.
      await fleet.until('granted', /^True Live [12]\/2$/, 30_000);
    });
  });

  describe('of a SlackBot that an app carries', () => {
    it('its token is in its route, sealed, and nowhere plain', async () => {
      const route = await waitFor(() => routeOf('T0ACME'), { what: 'a route' });
      expect(route).toMatchObject({ tokenDigest: tokenDigest(BOT_TOKEN.acme), token: expect.stringMatching(/^v1\./) });
      const everything = [await fleet.everythingInRedis(), ...fleet.lines].join('\n');
      expect(everything).not.toContain('secretpart');
      expect(JSON.stringify(await fleet.read('acme'))).not.toContain('secretpart');
    });

    it('only its team is concerned: the app’s sockets and the other bots stay', async () => {
      const sockets = fleet.slack.apps.sockets(APP).map(({ id }) => id);
      fleet.slack.tokens.withdraw({ teamID: 'T0ACME', appID: APP }, 'tokens_revoked');
      await untilCredentials('acme', /^False TokenRevoked: /);
      await fleet.until('acme', 'False TokenRevoked 2/2');
      await waitFor(async () => (await routeOf('T0ACME'))?.tokenDigest === undefined, {
        what: 'a route without a token',
      });
      await fleet.until('beta', 'True Live 2/2');
      expect((await routeOf('T0BETA'))?.tokenDigest).toBe(tokenDigest(BOT_TOKEN.beta));
      expect(fleet.slack.apps.sockets(APP).map(({ id }) => id)).toEqual(sockets);
      await waitFor(async () => (await queued('acme')).includes('disable_bot'), { what: 'disable_bot' });
      expect((await queued('acme')).sort()).toEqual(['disable_bot', 'tokens_revoked']);
    });

    it('its next token is taken, and clears it', async () => {
      await fleet.secret('acme', { token: 'xoxb-acme-anotherpart' });
      await untilCredentials('acme', /^True Accepted/, 30_000);
      expect((await routeOf('T0ACME'))?.tokenDigest).toBe(tokenDigest('xoxb-acme-anotherpart'));
    });

    it('with a Secret that is wrong says so, while its events flow', async () => {
      expect(await credentials('gamma')).toMatch(
        /^False SecretMissing: .*nowhere does not exist.*events flow all the same/,
      );
      fleet.slack.apps.emitEvent(APP, 'T0GAMMA', 'message');
      await waitFor(async () => (await queued('gamma')).includes('message_new'), { what: 'its message' });
      expect((await routeOf('T0GAMMA'))?.token).toBeUndefined();
    });
  });

  it('a route table has nothing but routes and its version', async () => {
    const { uid } = (await fleet.read('slackapp/bots/shop')).metadata;
    const { [ROUTE_VERSION_FIELD]: _version, ...rows } = await redis.hgetall(keys.route(uid));
    expect(Object.keys(rows).sort()).toEqual(['T0ACME', 'T0BETA', 'T0GAMMA']);
  });
});
