import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SlackBot } from '#core/api/slackbot.ts';
import { isUnheard } from '#slack-simulator/ledger.ts';
import { generatedTeam, generatedToken } from '#slack-simulator/team.ts';
import { botNameOf, condition, isRedundant, KubeFleet } from '#test/support/e2e/kube-fleet.ts';
import { queueItems, settledAudit } from '#test/support/e2e/queue-audit.ts';
import { kubeSuite } from '#test/support/kube/kube-suite.ts';
import { waitFor } from '#test/support/wait.ts';

/**
 * The main job on a real API server: two operators and three connectors in two zones as processes, 50 SlackBots.
 * One fleet goes through a day of its life, so the order of the tests matters; each leaves it whole.
 */
const COUNT = 50;
const ALL = Array.from({ length: COUNT }, (_, index) => index + 1);
const KINDS = ['message', 'edited', 'deleted', 'reaction_added', 'bot_message'] as const;

kubeSuite('fifty SlackBots on Kubernetes', (kube) => {
  let fleet: KubeFleet;

  beforeAll(async () => {
    fleet = await KubeFleet.start(kube);
    fleet.operator('operator-0');
    fleet.operator('operator-1');
    fleet.connector('connector-0', 'zone-a');
    fleet.connector('connector-1', 'zone-b');
    fleet.connector('connector-2', 'zone-a');
  });
  afterAll(() => fleet?.stop());

  /** Events flow while `action` runs; all of them must be on the queue, once. */
  async function whileEventsFlow(action: () => Promise<void>, teams?: string[]): Promise<void> {
    fleet.slack.forgetEvents();
    await fleet.redis.del(fleet.queue);
    const burst = fleet.slack.startBurst({
      events: 1_000_000,
      perSecond: 100,
      kinds: [...KINDS],
      ...(teams && { teams }),
    });
    try {
      await waitFor(() => burst.state().emitted > 50, { what: 'events flow' });
      await action();
    } finally {
      burst.stop();
      await burst.finished;
    }
    await expectAllOnce();
  }

  async function expectAllOnce(): Promise<void> {
    const audit = await settledAudit(fleet.redis, fleet.queue, () => fleet.slack.events());
    expect(fleet.slack.events().filter(isUnheard)).toEqual([]);
    expect({ lost: audit.lost.length, duplicated: audit.duplicated.length }).toEqual({ lost: 0, duplicated: 0 });
    expect(audit.sent).toBeGreaterThan(0);
  }

  const liveSockets = (n: number) =>
    fleet.slack.sockets(generatedTeam(n).teamID).filter(({ state }) => state === 'live');
  const socketIDs = () =>
    fleet.slack
      .sockets()
      .map(({ id }) => id)
      .sort();

  it('become 2/2 with a socket in each zone, and kubectl shows it', async () => {
    await fleet.applyBots(ALL);
    const bots = await fleet.untilBots('all bots 2/2', isRedundant);
    expect(bots).toHaveLength(COUNT);
    for (const bot of bots) {
      expect(bot.status?.connections?.map(({ zone }) => zone).sort()).toEqual(['zone-a', 'zone-b']);
      expect(condition(bot, 'Redundant')?.status).toBe('True');
    }
    for (const n of ALL) expect(liveSockets(n)).toHaveLength(2);
    const table = await fleet.kubectl.must(['-n', fleet.namespace, 'get', 'slackbots', '--no-headers']);
    for (const line of table.trim().split('\n')) expect(line).toMatch(/^bot-\d+ +T0SIM\d+ +True +\S+ +2\/2 +\d+m?s?/);
  });

  it('deliver 1,000 events of all kinds to the queue, each once', async () => {
    fleet.slack.forgetEvents();
    await fleet.slack.startBurst({ events: 1_000, perSecond: 500, kinds: [...KINDS] }).finished;
    await expectAllOnce();
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
    await whileEventsFlow(async () => undefined, [generatedTeam(1).teamID]);
  });

  it('close their sockets when deleted, and leave no finalizer', async () => {
    await fleet.kubectl.must(['-n', fleet.namespace, 'delete', 'slackbot', botNameOf(2), '--timeout=30s']);
    expect(fleet.slack.sockets(generatedTeam(2).teamID)).toEqual([]);
    await fleet.minutePasses();
    await fleet.applyBots([2]);
    await fleet.untilBots('created again', isRedundant, { numbers: [2] });
    await whileEventsFlow(async () => undefined, [generatedTeam(2).teamID]);
  });

  it('take a rotated token within 10 seconds and lose no event', async () => {
    await fleet.minutePasses();
    const { teamID } = generatedTeam(3);
    const before = liveSockets(3).map(({ id }) => id);
    const token = generatedToken(teamID, 1);
    fleet.slack.addToken(teamID, token);
    await whileEventsFlow(async () => {
      await fleet.setToken(3, token);
      await waitFor(() => liveSockets(3).length === 2 && liveSockets(3).every(({ id }) => !before.includes(id)), {
        timeoutMs: 10_000,
        what: 'two sockets of the new token and none of the old',
      });
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

  it('move to live pods within 30 seconds when a connector is killed, and lose no event', async () => {
    await fleet.minutePasses();
    await fleet.untilBots('whole before', isRedundant);
    await whileEventsFlow(async () => {
      await fleet.program('connector-0').kill();
      await fleet.untilBots(
        'owned by live pods',
        (bot) => bot.status?.connections?.every(({ pod }) => pod !== 'connector-0') ?? false,
        { timeoutMs: 30_000 },
      );
      await fleet.untilBots('live again', isRedundant, { timeoutMs: 90_000 });
    });
  });

  it('come back with a connector that restarts under its name while no operator runs', async () => {
    await fleet.minutePasses();
    await fleet.untilBots('whole before', isRedundant);
    const operators = ['operator-0', 'operator-1'];
    for (const name of operators) await fleet.program(name).kill();
    const before = fleet.slack.sockets().length;
    await whileEventsFlow(async () => {
      await fleet.program('connector-1').kill();
      await waitFor(() => fleet.slack.sockets().length < before, { what: 'its sockets are gone' });
      fleet.connector('connector-1', 'zone-b');
      await waitFor(() => ALL.every((n) => liveSockets(n).length === 2), { timeoutMs: 60_000, what: 'all back' }).catch(
        async (cause: unknown) => {
          const dark = ALL.filter((n) => liveSockets(n).length !== 2).map((n) => generatedTeam(n).teamID);
          throw new Error(`not back: ${dark.join()}\n${await fleet.story()}`, { cause });
        },
      );
    });
    for (const name of operators) fleet.operator(name);
    await fleet.untilBots('whole after', isRedundant, { timeoutMs: 90_000 });
  });

  it('move no socket and lose no event when the leading operator is killed and the other takes over', async () => {
    const first = await waitFor(() => fleet.leader(), { timeoutMs: 60_000, what: 'a leader' });
    await fleet.untilBots('whole before', isRedundant);
    const before = socketIDs();
    await whileEventsFlow(async () => {
      await fleet.program(first).kill();
      await waitFor(async () => ![undefined, first].includes(await fleet.leader()), {
        timeoutMs: 60_000,
        what: 'another leader',
      });
      // It plans: a change is carried out.
      await fleet.patchSpec(7, { queueNamespace: 'after-takeover' });
      await fleet.untilBots(
        'the new leader at work',
        (bot) => bot.status?.observedGeneration === bot.metadata.generation,
        { numbers: [7] },
      );
    });
    expect(socketIDs()).toEqual(before);
    fleet.operator(first);
  });

  it('keep every socket when Redis is emptied, and are assigned again', async () => {
    await fleet.untilBots('whole before', isRedundant);
    const before = socketIDs();
    const assignments = async () => (await fleet.redis.keys('relax:{c:e2e}:assign:*')).sort();
    const held = await assignments();
    await fleet.redis.flushall();
    await waitFor(async () => (await assignments()).join() === held.join(), {
      timeoutMs: 60_000,
      what: 'assignments written again',
    });
    await fleet.untilBots('whole after', isRedundant, { timeoutMs: 60_000 });
    expect(socketIDs()).toEqual(before);
    await whileEventsFlow(async () => undefined);
  });

  it('move some of their sockets to a connector that joins, each new one live before the old one ends', async () => {
    await fleet.minutePasses();
    await fleet.untilBots('whole before', isRedundant);
    let fewest = Number.POSITIVE_INFINITY;
    const watching = setInterval(() => {
      fewest = Math.min(fewest, ...ALL.map((n) => liveSockets(n).length));
    }, 5);
    await whileEventsFlow(async () => {
      fleet.connector('connector-0', 'zone-a');
      const hasMoved = (bot: SlackBot) => bot.status?.connections?.some(({ pod }) => pod === 'connector-0');
      await waitFor(async () => (await fleet.bots()).filter(hasMoved).length >= 3, {
        timeoutMs: 60_000,
        everyMs: 250,
      }).catch(async (cause: unknown) => {
        throw new Error(await fleet.story(), { cause });
      });
    }).finally(() => clearInterval(watching));
    expect(fewest).toBe(2);
  });

  it('are shown by relax status as kubectl shows them', async () => {
    const { RelaxProgram } = await import('#test/support/e2e/relax-program.ts');
    const status = new RelaxProgram('status', ['status', '-o', 'json'], { RELAX_REDIS_URL: fleet.server.url });
    expect(await status.ended()).toBe(0);
    expect(`${status.text}${status.lines.map((line) => JSON.stringify(line)).join('')}`).toContain('connector-2');
  });

  describe('and their tokens', () => {
    it('are in no log, status, Event or Redis value', async () => {
      const tokens = [...ALL.map((n) => generatedTeam(n).token), generatedToken(generatedTeam(3).teamID, 1)];
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
