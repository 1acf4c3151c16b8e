import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandKeys } from '#core/protocol/keys.ts';
import { generatedApp, generatedInstallation } from '#slack-simulator/app.ts';
import type { Post } from '#slack-simulator/post-desk.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { appYaml, carriedBotYaml } from '#test/support/app-yaml.ts';
import { generatedBotYaml } from '#test/support/bot-yaml.ts';
import { AppFleet, allOfRedis } from '#test/support/e2e/app-fleet.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { startSlackProgram } from '#test/support/e2e/slack-program.ts';
import { askRelaxStatus } from '#test/support/e2e/status-watch.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

/**
 * Messages of an application through two connectors over TLS: as a bot over RTM, as one over Socket Mode, and as one that a
 * SlackApp carries. The order of the tests matters.
 */
const RTM_TEAM = generatedTeam(1);
const [OWN, SHARED] = [generatedApp(1), generatedApp(2)];
const OWN_TEAM = { ...generatedInstallation(1, 1), botToken: 'xoxb-200000000001-own' };
const SHARED_TEAM = { ...generatedInstallation(2, 1), botToken: 'xoxb-200000000001-shared' };
const TOKENS = [RTM_TEAM.token, OWN.appToken, SHARED.appToken, OWN_TEAM.botToken, SHARED_TEAM.botToken];
const KEYS = commandKeys('relax:commands');

const tokenSecret = (name: string, data: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: bots }\nstringData: { ${data} }\n`;
const DOCUMENTS = [
  generatedBotYaml(1),
  tokenSecret('own', `app-token: ${OWN.appToken}, token: ${OWN_TEAM.botToken}`),
  `apiVersion: relax.dev/v1alpha1
kind: SlackBot
metadata: { name: own, namespace: bots }
spec:
  teamID: ${OWN_TEAM.teamID}
  transport: SocketMode
  credentials: { secretRef: { name: own } }
`,
  appYaml({ ...SHARED, name: 'shared-app' }),
  tokenSecret('shared', `token: ${SHARED_TEAM.botToken}`),
  carriedBotYaml({
    name: 'shared',
    teamID: SHARED_TEAM.teamID,
    app: 'shared-app',
    spec: '  credentials: { secretRef: { name: shared } }',
  }),
];

/** Each has messages of its own, at Slack's pace of one a second. */
const PLACES = [
  { team: RTM_TEAM.teamID, channel: 'C1' },
  { bot: 'bots/bot-1', channel: 'C2' },
  { team: OWN_TEAM.teamID, channel: 'C1' },
  { bot: 'bots/own', channel: 'C2' },
  { team: SHARED_TEAM.teamID, channel: 'C1' },
  { bot: 'bots/shared', channel: 'C2' },
];
const EACH = 5;

describe('messages of an application', () => {
  const server = useRedis({ appendOnly: true });
  const redis = server.useClient();
  let fleet: AppFleet;
  const control = () => fleet.slack.control;

  beforeAll(async () => {
    const limits = ['--burst', '100', '--connects-per-minute', '600'];
    const slack = await startSlackProgram(1, limits);
    fleet = new AppFleet({ cluster: 'e2e', slack, redis, connectors: 2 });
    for (const [app, team] of [
      [OWN, OWN_TEAM],
      [SHARED, SHARED_TEAM],
    ] as const) {
      await control().apps.add(app);
      await control().apps.install(app.appID, team);
    }
    fleet.start(DOCUMENTS, server.url);
    await fleet.untilWhole(new Map([OWN, SHARED].map(({ appID }) => [appID, 2])));
    await waitFor(async () => (await control().stats()).sockets.live === 2, { timeoutMs: 60_000, everyMs: 100 });
  });
  afterAll(async () => {
    await fleet?.stop();
    await fleet?.slack.stop();
  });

  const push = (command: object): Promise<number> =>
    redis.rpush(KEYS.commands, JSON.stringify({ type: 'message', ...command }));
  const resultOf = async (id: string): Promise<Record<string, unknown>> =>
    JSON.parse((await redis.get(KEYS.result(id))) ?? '{}');
  const relaxSend = async (...args: string[]): Promise<{ code: number | null; text: string }> => {
    const program = new RelaxProgram('send', ['send', '--redis-url', server.url, ...args], {});
    const code = await program.ended();
    return { code, text: program.text };
  };
  const textsIn = (posts: readonly Post[], place: number): string[] =>
    posts.map(({ text }) => text).filter((text) => text.startsWith(`${place}/`));

  it('are all posted, in order, though a connector is killed and Redis restarts, and Slack never asks for fewer', async () => {
    const ids: string[] = [];
    for (let n = 0; n < EACH; n += 1) {
      for (const [place, address] of PLACES.entries()) {
        ids.push(`${place}/${n}`);
        await push({ ...address, id: `${place}/${n}`, text: `${place}/${n}` });
      }
    }
    await waitFor(async () => (await control().posts.list()).length >= PLACES.length, { everyMs: 20 });
    process.kill(await fleet.pid('connector-0'), 'SIGKILL');
    await waitFor(async () => (await control().posts.list()).length >= 2 * PLACES.length, {
      everyMs: 20,
      timeoutMs: 60_000,
    });
    await server.restart();
    await waitFor(() => redis.ping());
    const unsent = async (): Promise<string[]> => {
      const states = await Promise.all(ids.map(async (id) => ((await resultOf(id)).state === 'sent' ? [] : [id])));
      return states.flat();
    };
    await waitFor(async () => (await unsent()).length === 0, {
      timeoutMs: 90_000,
      everyMs: 100,
      what: 'all messages are sent',
    }).catch(async (cause: unknown) => {
      throw new Error(`not sent: ${(await unsent()).join()}\n${fleet.relax.tail(20)}`, { cause });
    });

    const posts = await control().posts.list();
    const inOrder = Array.from({ length: EACH }, (_, n) => n);
    for (const place of PLACES.keys()) {
      const texts = textsIn(posts, place);
      expect([...new Set(texts)]).toEqual(inOrder.map((n) => `${place}/${n}`));
    }
    // Twice only what Slack had been asked for when the connector was killed: one message of a place at most.
    const twice = posts.length - ids.length;
    console.log(`${posts.length} posts of ${ids.length} messages`);
    expect(twice).toBeLessThanOrEqual(PLACES.length);
    for (const id of ids) {
      const { ts, channel } = await resultOf(id);
      expect(posts).toContainEqual(expect.objectContaining({ text: id, ts, channel }));
    }
    const stats = await control().stats();
    expect(stats.posts).toMatchObject({ overChannelLimit: 0, overWorkspaceLimit: 0 });
    expect(stats.calls['chat.postMessage']).toEqual({ ok: posts.length });
  });

  it('go over the RTM websocket where asked', async () => {
    const { code, text } = await relaxSend(
      '--bot',
      'bots/bot-1',
      '--channel',
      'C7',
      '--text',
      'over RTM',
      '--via',
      'rtm',
    );
    expect(text).toMatch(/^sent to C7 as bots\/bot-1: ts \d+\.\d+, id /);
    expect(code).toBe(0);
    expect((await control().posts.list()).filter(({ via }) => via === 'rtm')).toMatchObject([
      { teamID: RTM_TEAM.teamID, channel: 'C7', text: 'over RTM' },
    ]);
  });

  it('that Slack can not post are dead letters, with the reason', async () => {
    await control().posts.setChannels(OWN_TEAM.teamID, { C1: 'open', C2: 'archived' });
    const refused = await relaxSend('--team', OWN_TEAM.teamID, '--channel', 'C2', '--text', 'too late', '--id', 'late');
    expect(refused.text).toContain('not sent');
    expect(refused.code).toBe(3);
    expect(await resultOf('late')).toMatchObject({ state: 'failed', error: 'is_archived' });
    const letters = (await redis.lrange(KEYS.dead, 0, -1)).map((letter) => JSON.parse(letter));
    expect(letters).toMatchObject([{ id: 'late', error: 'is_archived', command: { text: 'too late' } }]);
  });

  it('show no token anywhere', async () => {
    const places = {
      said: fleet.relax.text + JSON.stringify(fleet.relax.lines),
      status: JSON.stringify(await askRelaxStatus({ 'redis-url': server.url })),
      stored: await allOfRedis(redis),
    };
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, place).toBeGreaterThan(500);
      expect(
        TOKENS.filter((token) => text.includes(token)),
        place,
      ).toEqual([]);
    }
  });
});
