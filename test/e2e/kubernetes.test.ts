import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generatedTeam, generatedToken } from '#slack-simulator/team.ts';
import { FiftyBots, KINDS } from '#test/support/e2e/fifty-bots.ts';
import { botNameOf, condition, isRedundant, type KubeFleet } from '#test/support/e2e/kube-fleet.ts';
import { queueItems } from '#test/support/e2e/queue-audit.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type ApiServer, startApiServer } from '#test/support/kube/api-server.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { waitFor } from '#test/support/wait.ts';

/**
 * The main job on a real API server. One fleet goes through a day of its life, so the order of the tests matters; each leaves
 * it whole.
 */
kubeBinariesSuite('fifty SlackBots on Kubernetes', () => {
  let api: ApiServer;
  let bots: FiftyBots;
  let fleet: KubeFleet;

  beforeAll(async () => {
    api = await startApiServer();
    bots = await FiftyBots.start(api);
    fleet = bots.fleet;
  });
  afterAll(async () => {
    await fleet?.stop();
    await api?.stop();
  });

  it('become 2/2 with a socket in each zone, and kubectl shows it', async () => {
    const created = await bots.create();
    expect(created).toHaveLength(bots.numbers.length);
    for (const bot of created) {
      expect(bot.status?.connections?.map(({ zone }) => zone).sort()).toEqual(['zone-a', 'zone-b']);
      expect(condition(bot, 'Redundant')?.status).toBe('True');
    }
    for (const n of bots.numbers) expect(bots.liveSockets(n)).toHaveLength(2);
    const table = await fleet.kubectl.must(['-n', fleet.namespace, 'get', 'slackbots', '--no-headers']);
    for (const line of table.trim().split('\n')) expect(line).toMatch(/^bot-\d+ +T0SIM\d+ +True +\S+ +2\/2 +\d+m?s?/);
  });

  it('deliver 1,000 events of all kinds to the queue, each once', async () => {
    fleet.slack.forgetEvents();
    await fleet.slack.startBurst({ events: 1_000, perSecond: 500, kinds: [...KINDS] }).finished;
    await bots.expectAllOnce();
    expect(await fleet.redis.llen(fleet.queue)).toBe(1_000);
  });

  it('write no status while nothing changes', async () => {
    const versions = async () => (await fleet.bots()).map(({ metadata }) => metadata.resourceVersion);
    const before = await versions();
    fleet.slack.forgetEvents();
    await fleet.slack.startBurst({ events: 2_000, perSecond: 400 }).finished;
    expect(await versions()).toEqual(before);
  });

  it('close their sockets when suspended, and open them when resumed', async () => {
    await fleet.patchSpec(1, { suspend: true });
    await fleet.untilBots('suspended', (bot) => condition(bot, 'Ready')?.reason === 'Suspended', { numbers: [1] });
    await waitFor(() => fleet.slack.sockets(generatedTeam(1).teamID).length === 0);
    await fleet.minutePasses();
    await fleet.patchSpec(1, { suspend: false });
    await fleet.untilBots('resumed', isRedundant, { numbers: [1] });
    await bots.whileEventsFlow(async () => undefined, [generatedTeam(1).teamID]);
  });

  it('close their sockets when deleted, and leave no finalizer', async () => {
    await fleet.kubectl.must(['-n', fleet.namespace, 'delete', 'slackbot', botNameOf(2), '--timeout=30s']);
    expect(fleet.slack.sockets(generatedTeam(2).teamID)).toEqual([]);
    await fleet.minutePasses();
    await fleet.applyBots([2]);
    await fleet.untilBots('created again', isRedundant, { numbers: [2] });
    await bots.whileEventsFlow(async () => undefined, [generatedTeam(2).teamID]);
  });

  it('take a rotated token within 10 seconds and lose no event', async () => {
    await fleet.minutePasses();
    const { teamID } = generatedTeam(3);
    const before = bots.liveSockets(3).map(({ id }) => id);
    const token = generatedToken(teamID, 1);
    fleet.slack.addToken(teamID, token);
    await bots.whileEventsFlow(async () => {
      await fleet.setToken(3, token);
      await waitFor(
        () => bots.liveSockets(3).length === 2 && bots.liveSockets(3).every(({ id }) => !before.includes(id)),
        {
          timeoutMs: 10_000,
          what: 'two sockets of the new token and none of the old',
        },
      );
    }, [teamID]);
    fleet.slack.revokeToken(generatedTeam(3).token);
    await fleet.untilBots('still whole', isRedundant, { numbers: [3] });
  });

  it('say what to do when Slack revokes a token, and queue disable_bot once', async () => {
    await fleet.redis.del(fleet.queue);
    await fleet.minutePasses();
    fleet.slack.revokeToken(generatedTeam(4).token);
    const [bot] = await fleet.untilBots(
      'credentials invalid',
      (each) => condition(each, 'CredentialsValid')?.status === 'False',
      { numbers: [4] },
    );
    expect(condition(bot, 'CredentialsValid')).toMatchObject({ reason: 'TokenRevoked' });
    expect(condition(bot, 'CredentialsValid')?.message).toMatch(/secret/i);
    expect(condition(bot, 'Ready')?.status).toBe('False');
    // Once the refusal has stood for a minute.
    const isTold = async (): Promise<boolean> =>
      (await queueItems(fleet.redis, fleet.queue)).some(({ type }) => type === 'disable_bot');
    await waitFor(isTold, { timeoutMs: 210_000, everyMs: 500, what: 'disable_bot' });
    const token = generatedToken(generatedTeam(4).teamID, 1);
    fleet.slack.addToken(generatedTeam(4).teamID, token);
    await fleet.setToken(4, token);
    await fleet.untilBots('whole again', isRedundant, { numbers: [4] });
    const told = (await queueItems(fleet.redis, fleet.queue)).filter(({ type }) => type === 'disable_bot');
    expect(told).toHaveLength(1);
  });

  it.each([
    ['a Secret that is not there', { secretRef: { name: 'nowhere' } }, 'SecretMissing', /nowhere/],
    [
      'a key that is not in it',
      { secretRef: { name: botNameOf(5) }, keys: { token: 'missing' } },
      'KeyMissing',
      /missing/,
    ],
    ['the token of another team', { secretRef: { name: botNameOf(6) } }, 'TeamMismatch', /T0SIM000006/],
  ])('refuse %s with a reason and the remedy', async (_, credentials, reason, says) => {
    await fleet.minutePasses();
    const name = `bad-${reason.toLowerCase()}`;
    const manifest = {
      apiVersion: 'relax.dev/v1alpha1',
      kind: 'SlackBot',
      metadata: { name, namespace: fleet.namespace },
      spec: { teamID: 'T0ELSEWHERE', credentials },
    };
    await fleet.kubectl.must(['apply', '-f', '-'], JSON.stringify(manifest));
    const read = async () => (await fleet.bots()).find(({ metadata }) => metadata.name === name);
    const found = await waitFor(
      async () => {
        const verdict = condition(await read(), 'CredentialsValid');
        return verdict?.status === 'False' && verdict;
      },
      { timeoutMs: 30_000 },
    );
    expect(found.reason).toBe(reason);
    expect(found.message).toMatch(says);
    await fleet.kubectl.must(['-n', fleet.namespace, 'delete', 'slackbot', name, '--timeout=30s']);
  });

  it('are shown by relax status as kubectl shows them', async () => {
    const healthy = async (): Promise<RelaxProgram | undefined> => {
      const asked = new RelaxProgram('status', ['status', '-o', 'json'], { RELAX_REDIS_URL: fleet.server.url });
      return (await asked.ended()) === 0 ? asked : undefined;
    };
    // The line of a bot that has just been deleted goes with the operator's next write.
    const status = await waitFor(healthy, { what: 'relax status of a healthy fleet' });
    expect(`${status.text}${status.lines.map((line) => JSON.stringify(line)).join('')}`).toContain('connector-2');
  });

  describe('and their tokens', () => {
    it('are in no log, status, Event or Redis value', async () => {
      const tokens = [...bots.numbers.map((n) => generatedTeam(n).token), generatedToken(generatedTeam(3).teamID, 1)];
      const said = [...fleet.programs.values()].map((program) => program.text + JSON.stringify(program.lines)).join('');
      const objects = await fleet.kubectl.must(['-n', fleet.namespace, 'get', 'slackbots,events', '-o', 'json']);
      const stored: string[] = [];
      for (const key of await fleet.redis.keys('*')) {
        const type = await fleet.redis.type(key);
        if (type === 'string') stored.push((await fleet.redis.get(key)) ?? '');
        if (type === 'hash') stored.push(JSON.stringify(await fleet.redis.hgetall(key)));
        if (type === 'list') stored.push(...(await fleet.redis.lrange(key, 0, -1)));
      }
      const places = { said, objects, stored: stored.join('') };
      for (const [place, text] of Object.entries(places)) {
        expect(text.length, place).toBeGreaterThan(0);
        expect(
          tokens.filter((token) => text.includes(token)),
          place,
        ).toEqual([]);
      }
    });
  });
});
