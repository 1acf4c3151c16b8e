import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SlackBot } from '#core/api/slackbot.ts';
import { fenceField, queueKeys } from '#core/protocol/keys.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { condition, isRedundant, KubeFleet } from '#test/support/e2e/kube-fleet.ts';
import type { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type ApiServer, startApiServer } from '#test/support/kube/api-server.ts';
import { KubeRelay } from '#test/support/kube/kube-relay.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { TcpRelay } from '#test/support/tcp-relay.ts';
import { waitFor } from '#test/support/wait.ts';

/**
 * What operators do while something of their world is away or silent: the API server, its watches, Redis for one of them
 * or for all. One fleet, two operators, three connectors in two zones, all of them processes; each test leaves it whole.
 */
const COUNT = 10;
const ALL = Array.from({ length: COUNT }, (_, index) => index + 1);
/** A session's TTL, one renewal, and the connects. */
const REPLACED_MS = 15_000 + 5_000 + 15_000;

kubeBinariesSuite('operators whose world is away or silent', () => {
  let api: ApiServer;
  let fleet: KubeFleet;
  let watches: KubeRelay;
  let redis: TcpRelay;

  beforeAll(async () => {
    api = await startApiServer();
    fleet = await KubeFleet.start(api);
    watches = await KubeRelay.start(api, 'operator-1');
    redis = await TcpRelay.start(fleet.server.port);
    fleet.connector('connector-0', 'zone-a');
    fleet.connector('connector-1', 'zone-b');
    fleet.connector('connector-2', 'zone-a');
    await leads(fleet.operator('operator-0'));
    await fleet.program('operator-0').logged('acquired the planner lock');
    await standby();
    await fleet.applyBots(ALL);
    await fleet.untilBots('whole', isRedundant);
  });
  afterAll(async () => {
    await fleet?.stop();
    await Promise.all([watches?.stop(), redis?.stop()]);
    await api?.stop();
  });

  /** The second operator, whose ways to the API server and to Redis can be disturbed. */
  async function standby(): Promise<RelaxProgram> {
    const url = `redis://127.0.0.1:${redis.port}`;
    const operator = fleet.operator('operator-1', { KUBECONFIG: watches.kubeconfigPath, RELAX_REDIS_URL: url });
    const { port } = await operator.logged('starting operator');
    await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200, {
      timeoutMs: 30_000,
      what: 'the standby has listed all and reached Redis',
    });
    return operator;
  }

  const isAwayFrom = (bot: SlackBot, pod: string) =>
    bot.status?.connections?.every((each) => each.pod !== pod) ?? false;
  const leads = (operator: RelaxProgram) => operator.logged('elected leader', 60_000);
  const sockets = (n: number) => fleet.slack.sockets(generatedTeam(n).teamID).filter(({ state }) => state === 'live');
  const allLive = () => ALL.every((n) => sockets(n).length === 2);
  const connects = (n: number) => JSON.stringify(fleet.slack.stats().connects[generatedTeam(n).teamID]);
  const fence = async (n: number) => {
    const uid = (await fleet.bot(n))?.metadata.uid ?? '';
    return await fleet.redis.hget(queueKeys(fleet.queue).fence, fenceField('e2e', uid));
  };

  /** The same processes from start to end: none of this is fixed by a restart. */
  const areRunning = () => ['operator-0', 'operator-1'].map((name) => fleet.program(name).running);

  it('place the teams of a connector that is killed while the API server is away', { timeout: 240_000 }, async () => {
    await fleet.minutePasses();
    await api.killApi();
    // The Lease is lost after 10 s; what was known goes on to be planned.
    await waitFor(() => fleet.program('operator-0').lines.some(({ msg }) => msg === 'lost leadership'), {
      timeoutMs: 30_000,
      what: 'the Lease is lost',
    });
    await fleet.program('connector-0').kill();
    await waitFor(() => !allLive(), { what: 'sockets are missing' });
    await waitFor(allLive, { timeoutMs: REPLACED_MS, what: 'all live again, without an API server' }).catch(
      async (cause: unknown) => {
        throw new Error(await fleet.story(), { cause });
      },
    );
    expect(areRunning()).toEqual([true, true]);
    await api.restartApi();
    await fleet.untilBots('said by somebody leading', (bot) => isRedundant(bot) && isAwayFrom(bot, 'connector-0'), {
      timeoutMs: 60_000,
    });
    expect(areRunning()).toEqual([true, true]);
    fleet.connector('connector-0', 'zone-a');
  });

  describe('when a standby whose watches have fallen silent becomes leader', () => {
    it('a bot that was suspended meanwhile never runs', { timeout: 240_000 }, async () => {
      await fleet.program('operator-1').kill();
      await waitFor(async () => (await fleet.leader()) === 'operator-0', {
        timeoutMs: 60_000,
        what: 'the first leads',
      });
      await standby();
      watches.silenceWatches();
      await fleet.patchSpec(1, { suspend: true });
      await fleet.untilBots('suspended', (bot) => condition(bot, 'Ready')?.reason === 'Suspended', { numbers: [1] });
      await waitFor(() => sockets(1).length === 0, { what: 'its sockets closed' });
      const before = { connects: connects(1), fence: await fence(1) };
      expect(before.fence).not.toBeNull();
      await fleet.minutePasses();
      await fleet.program('operator-0').kill();
      let most = 0;
      const watching = setInterval(() => {
        most = Math.max(most, fleet.slack.sockets(generatedTeam(1).teamID).length);
      }, 20);
      try {
        await leads(fleet.program('operator-1'));
        await fleet.program('operator-1').logged('acquired the planner lock');
        watches.heal();
        await fleet.patchSpec(2, { queueNamespace: 'later' });
        await fleet.untilBots(
          'the new leader at work',
          (bot) => bot.status?.observedGeneration === bot.metadata.generation,
          { numbers: [2], timeoutMs: 60_000 },
        );
      } finally {
        clearInterval(watching);
      }
      expect({ connects: connects(1), fence: await fence(1), most }).toEqual({ ...before, most: 0 });
      expect(condition(await fleet.bot(1), 'Ready')?.reason).toBe('Suspended');
      await fleet.patchSpec(1, { suspend: false });
      fleet.operator('operator-0');
      await fleet.untilBots('whole again', isRedundant, { timeoutMs: 90_000 });
    });
  });

  it('leave planning and leadership to the one that reaches Redis', { timeout: 240_000 }, async () => {
    expect(await fleet.leader()).toBe('operator-1');
    await fleet.minutePasses();
    redis.cut();
    await fleet.program('connector-2').kill();
    await waitFor(() => !allLive(), { what: 'sockets are missing' });
    await waitFor(allLive, { timeoutMs: REPLACED_MS + 10_000, what: 'all live again' }).catch(
      async (cause: unknown) => {
        throw new Error(await fleet.story(), { cause });
      },
    );
    await waitFor(async () => (await fleet.leader()) === 'operator-0', {
      timeoutMs: 30_000,
      what: 'another leading',
    });
    await fleet.untilBots('said by it', (bot) => isRedundant(bot) && isAwayFrom(bot, 'connector-2'), {
      timeoutMs: 30_000,
    });
    redis.heal();
    fleet.connector('connector-2', 'zone-a');
    expect(areRunning()).toEqual([true, true]);
  });

  it('remove the finalizer of a deleted bot within a minute, though they were started without Redis', {
    timeout: 240_000,
  }, async () => {
    for (const name of ['operator-0', 'operator-1']) await fleet.program(name).stop();
    await fleet.server.kill();
    fleet.operator('operator-0');
    fleet.operator('operator-1', { KUBECONFIG: watches.kubeconfigPath });
    const sinceMs = performance.now();
    await fleet.kubectl.must(['-n', fleet.namespace, 'delete', 'slackbot', 'bot-003', '--timeout=60s']);
    expect(performance.now() - sinceMs).toBeLessThan(60_000);
    await fleet.server.restart();
    await waitFor(() => sockets(3).length === 0, { timeoutMs: 60_000, what: 'its sockets closed' });
    await fleet.untilBots('the others whole', isRedundant, { timeoutMs: 90_000 });
  });
});
