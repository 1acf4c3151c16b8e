import { afterAll, beforeAll, expect, it } from 'vitest';
import type { QueueItem } from '#core/protocol/queue-item.ts';
import { generatedAppToken } from '#slack-simulator/app.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet } from '#test/support/kube/operator-fleet.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const APP = 'A0SHOP';
const OWN = 'A0OWN';

kubeBinariesSuite('Events of apps, from a Slack stand-in to the queue, as SlackApps and SlackBots say', () => {
  let fleet: OperatorFleet;
  let redis: TestRedis;

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    redis = await connectTo(fleet.redis);
    for (const appID of [APP, OWN]) fleet.slack.apps.add({ appID, appToken: generatedAppToken(appID, 0) });
    for (const teamID of ['T0ACME', 'T0BETA']) fleet.slack.apps.install(APP, { teamID });
    fleet.slack.apps.install(OWN, { teamID: 'T0OWN' });
    await Promise.all([fleet.connector('connector-0', 'a'), fleet.connector('connector-1', 'b')]);
    await fleet.operator('operator-0');
  });
  afterAll(async () => {
    redis?.close();
    await fleet?.stop();
  });

  /** Says something in the team. @returns what the queue has of it once Slack has its acknowledgement: bot and namespace */
  const said = async (appID: string, teamID: string): Promise<string | undefined> => {
    const { eventID } = fleet.slack.apps.emitEvent(appID, teamID, 'message');
    await waitFor(() => fleet.slack.apps.events().every(({ state }) => state === 'acked'), { what: 'acknowledged' });
    const items = (await redis.lrange('relax:events', 0, -1)).map((text) => JSON.parse(text) as QueueItem);
    const item = items.find(({ envelope }) => envelope?.event_id === eventID);
    return item && `${item.team_uid} ${item.namespace}`;
  };
  const secret = (name: string, appID: string) => fleet.secret(name, { 'app-token': generatedAppToken(appID, 0) });
  const shop = (more: object = {}) =>
    fleet.apply(
      'shop',
      { appID: APP, credentials: { secretRef: { name: 'shop' } }, queueNamespace: 'anyone', ...more },
      'bots',
      'SlackApp',
    );
  const acme = (more: object = {}) =>
    fleet.apply('acme', {
      teamID: 'T0ACME',
      transport: 'App',
      appRef: { name: 'shop' },
      queueNamespace: 'acme',
      ...more,
    });
  /** Connectors have heard of a change once an event shows it. */
  const until = async (teamID: string, expected: string | undefined): Promise<void> => {
    let seen: string | undefined;
    const fits = async () => {
      seen = await said(APP, teamID);
      return seen === expected;
    };
    await waitFor(fits, { timeoutMs: 20_000, everyMs: 100, what: `${teamID}: ${expected}` }).catch((cause: unknown) => {
      throw new Error(`an event of ${teamID} is ${seen}`, { cause });
    });
  };

  it('of a team with a SlackBot are its own, and those of other teams the app’s', async () => {
    await secret('shop', APP);
    await shop();
    await acme();
    await fleet.until('slackapp/bots/shop', 'True Live 2/2', 60_000);
    await fleet.until('acme', 'True Live 2/2');
    await until('T0ACME', 'T0ACME acme');
    await until('T0BETA', 'T0BETA anyone');
  });

  it('of unknown teams are dropped if the app says so', async () => {
    await shop({ unknownTeams: 'Drop' });
    await until('T0BETA', undefined);
    await until('T0ACME', 'T0ACME acme');
  });

  it('of a suspended SlackBot are acknowledged and not queued, and are its own again when it is resumed', async () => {
    await acme({ suspend: true });
    await until('T0ACME', undefined);
    await fleet.until('acme', 'False Suspended 0/0');
    await acme({ queueNamespace: 'again' });
    await until('T0ACME', 'T0ACME again');
  });

  it('of a SlackBot that is deleted are those of an unknown team', async () => {
    await shop({ unknownTeams: 'Deliver' });
    await fleet.kubectl.must(['delete', 'slackbot', 'acme', '--timeout=30s']);
    await until('T0ACME', 'T0ACME anyone');
  });

  it('of an app that a SlackBot has to itself are that SlackBot’s', async () => {
    await secret('own', OWN);
    const credentials = { secretRef: { name: 'own' } };
    await fleet.apply('own', { teamID: 'T0OWN', transport: 'SocketMode', credentials, queueNamespace: 'own' });
    await fleet.until('own', 'True Live 2/2');
    expect(await said(OWN, 'T0OWN')).toBe('T0OWN own');
    expect(fleet.slack.apps.sockets(OWN)).toHaveLength(2);
  });

  it('end with what is deleted: its sockets close', async () => {
    await fleet.kubectl.must(['delete', 'slackapp', 'shop', '--timeout=60s']);
    await fleet.kubectl.must(['delete', 'slackbot', 'own', '--timeout=60s']);
    await waitFor(() => fleet.slack.apps.sockets(APP).length + fleet.slack.apps.sockets(OWN).length === 0, {
      what: 'no socket',
    });
  });
});
