import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SlackBot } from '#core/api/slackbot.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { FiftyBots } from '#test/support/e2e/fifty-bots.ts';
import { isRedundant, type KubeFleet } from '#test/support/e2e/kube-fleet.ts';
import { type ApiServer, startApiServer } from '#test/support/kube/api-server.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { waitFor } from '#test/support/wait.ts';

/**
 * What is killed and emptied under a fleet on a real API server. It runs once for each runtime of the connectors. The order of
 * the tests matters; each leaves the fleet whole.
 */
kubeBinariesSuite('fifty SlackBots on Kubernetes whose fleet is disturbed', () => {
  let api: ApiServer;
  let bots: FiftyBots;
  let fleet: KubeFleet;

  beforeAll(async () => {
    api = await startApiServer();
    bots = await FiftyBots.start(api);
    fleet = bots.fleet;
    await bots.create();
  });
  afterAll(async () => {
    await fleet?.stop();
    await api?.stop();
  });

  it('move to live pods within 30 seconds when a connector is killed, and lose no event', async () => {
    await fleet.minutePasses();
    await fleet.untilBots('whole before', isRedundant);
    await bots.whileEventsFlow(async () => {
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
    await bots.whileEventsFlow(async () => {
      await fleet.program('connector-1').kill();
      await waitFor(() => fleet.slack.sockets().length < before, { what: 'its sockets are gone' });
      fleet.connector('connector-1', 'zone-b');
      await waitFor(() => bots.numbers.every((n) => bots.liveSockets(n).length === 2), {
        timeoutMs: 60_000,
        what: 'all back',
      }).catch(async (cause: unknown) => {
        const dark = bots.numbers.filter((n) => bots.liveSockets(n).length !== 2).map((n) => generatedTeam(n).teamID);
        throw new Error(`not back: ${dark.join()}\n${await fleet.story()}`, { cause });
      });
    });
    for (const name of operators) fleet.operator(name);
    await fleet.untilBots('whole after', isRedundant, { timeoutMs: 90_000 });
  });

  it('move no socket and lose no event when the leading operator is killed and the other takes over', async () => {
    const first = await waitFor(() => fleet.leader(), { timeoutMs: 60_000, what: 'a leader' });
    await fleet.untilBots('whole before', isRedundant);
    const before = bots.socketIDs();
    await bots.whileEventsFlow(async () => {
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
    expect(bots.socketIDs()).toEqual(before);
    fleet.operator(first);
  });

  it('keep every socket when Redis is emptied, and are assigned again', async () => {
    await fleet.untilBots('whole before', isRedundant);
    const before = bots.socketIDs();
    const assignments = async () => (await fleet.redis.keys('relax:{c:e2e}:assign:*')).sort();
    const held = await assignments();
    await fleet.redis.flushall();
    await waitFor(async () => (await assignments()).join() === held.join(), {
      timeoutMs: 60_000,
      what: 'assignments written again',
    });
    await fleet.untilBots('whole after', isRedundant, { timeoutMs: 60_000 });
    expect(bots.socketIDs()).toEqual(before);
    await bots.whileEventsFlow(async () => undefined);
  });

  it('move some of their sockets to a connector that joins, each new one live before the old one ends', async () => {
    await fleet.minutePasses();
    await fleet.untilBots('whole before', isRedundant);
    let fewest = Number.POSITIVE_INFINITY;
    const watching = setInterval(() => {
      fewest = Math.min(fewest, ...bots.numbers.map((n) => bots.liveSockets(n).length));
    }, 5);
    await bots
      .whileEventsFlow(async () => {
        fleet.connector('connector-0', 'zone-a');
        const hasMoved = (bot: SlackBot) => bot.status?.connections?.some(({ pod }) => pod === 'connector-0');
        await waitFor(async () => (await fleet.bots()).filter(hasMoved).length >= 3, {
          timeoutMs: 60_000,
          everyMs: 250,
        }).catch(async (cause: unknown) => {
          throw new Error(await fleet.story(), { cause });
        });
      })
      .finally(() => clearInterval(watching));
    expect(fewest).toBe(2);
  });
});
