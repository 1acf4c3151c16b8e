import { afterAll, beforeAll, it } from 'vitest';
import { generatedTeam } from '#slack-simulator/team.ts';
import { botNameOf, condition, KubeFleet } from '#test/support/e2e/kube-fleet.ts';
import { PortGate } from '#test/support/e2e/port-gate.ts';
import type { BotClaim, Source } from '#test/support/e2e/status-truth.ts';
import { expectTruth, LEASE_MS, lasting, READY_LAG_MS, relaxStatusSource } from '#test/support/e2e/status-watch.ts';
import { type ApiServer, startApiServer } from '#test/support/kube/api-server.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { waitFor } from '#test/support/wait.ts';

/**
 * `kubectl get slackbots` and `relax status`, asked all the time and held against the sockets that are counted at Slack,
 * through what happens to a fleet. Each test leaves the fleet whole.
 */
/** The last one wants a single socket. */
const NUMBERS = [1, 2, 3, 4, 5];
const ALONE = 5;
const WANTED = new Map(NUMBERS.map((n) => [botNameOf(n), n === ALONE ? 1 : 2]));
/** A socket of several that is away is told when it stays away for 10 s. */
const LIVE_LAG_MS = READY_LAG_MS + 10_000;
/** A planner that has just started does not know yet whether Redis has all sessions. */
const SETTLE_MS = 20_000;

kubeBinariesSuite('the status of SlackBots', () => {
  let api: ApiServer;
  let fleet: KubeFleet;
  let gate: PortGate;
  let budgets: NodeJS.Timeout;

  const connector = (name: string, zone: string) =>
    fleet.connector(name, zone, { RELAX_SLACK_API_URL: `https://127.0.0.1:${gate.port}/api/` });

  beforeAll(async () => {
    api = await startApiServer();
    fleet = await KubeFleet.start(api);
    gate = new PortGate(fleet.slack.port);
    await gate.open();
    // Slack's budget of a connect a minute is another test's matter.
    budgets = setInterval(() => void fleet.minutePasses().catch(() => undefined), 500);
    await fleet.applyBots(NUMBERS);
    await fleet.patchSpec(ALONE, { replicas: 1 });
  });
  afterAll(async () => {
    clearInterval(budgets);
    await fleet?.stop();
    await gate?.shut();
    await api?.stop();
  });

  async function counted(): Promise<Map<string, number>> {
    return new Map(
      NUMBERS.map((n) => [
        botNameOf(n),
        fleet.slack.sockets(generatedTeam(n).teamID).filter(({ state }) => state === 'live').length,
      ]),
    );
  }

  const kubectl: Source = async () => ({
    bots: new Map(
      (await fleet.bots()).map((bot): [string, BotClaim] => {
        const ready = condition(bot, 'Ready')?.status;
        const live = bot.status?.liveConnections ?? 0;
        return [
          bot.metadata.name,
          ready === 'True' || ready === 'False' ? { live, ready: ready === 'True' } : { live },
        ];
      }),
    ),
  });

  const relaxStatus: Source = () => relaxStatusSource(fleet.server.url)();
  const whileAsked = (
    sources: Readonly<Record<string, Source>>,
    lags: { liveLagMs: number; readyLagMs: number },
    action: () => Promise<void>,
  ) => expectTruth({ wanted: WANTED, counted, story: () => fleet.story() }, sources, lags, action);

  const both = () => ({ kubectl, 'relax status': relaxStatus });
  const prompt = { liveLagMs: LIVE_LAG_MS, readyLagMs: READY_LAG_MS };
  const noSocket = () => waitFor(() => fleet.slack.stats().sockets.live === 0, { timeoutMs: 60_000, everyMs: 50 });

  it('is true while the fleet starts', async () => {
    await whileAsked(both(), prompt, async () => {
      fleet.operator('operator-0');
      connector('connector-0', 'zone-a');
      connector('connector-1', 'zone-b');
    });
  });

  it('is true while a connector is restarted', async () => {
    await whileAsked(both(), prompt, async () => {
      await fleet.program('connector-0').stop(30_000);
      connector('connector-0', 'zone-a');
    });
  });

  it('is true while all connectors are stopped, are away, and come back', async () => {
    await whileAsked(both(), prompt, async () => {
      await Promise.all(['connector-0', 'connector-1'].map((name) => fleet.program(name).stop(30_000)));
      await noSocket();
      await waitFor(async () => condition(await fleet.bot(1), 'Ready')?.reason === 'PodReturning', {
        what: 'told why',
      });
      await lasting(20_000);
      connector('connector-0', 'zone-a');
      connector('connector-1', 'zone-b');
    });
  });

  it('is true while the connectors come back to a Slack whose port is closed', async () => {
    await whileAsked(both(), prompt, async () => {
      await Promise.all(['connector-0', 'connector-1'].map((name) => fleet.program(name).stop(30_000)));
      await gate.shut();
      connector('connector-0', 'zone-a');
      connector('connector-1', 'zone-b');
      await lasting(20_000);
      await gate.open();
    });
  });

  it('is true while the connector of a bot with a single socket is killed', async () => {
    const lease = { liveLagMs: LIVE_LAG_MS + LEASE_MS, readyLagMs: READY_LAG_MS + LEASE_MS };
    const pod = (await fleet.bot(ALONE))?.status?.connections?.[0]?.pod ?? '';
    await whileAsked(both(), lease, async () => {
      await fleet.program(pod).kill();
      await waitFor(async () => condition(await fleet.bot(ALONE), 'Ready')?.status !== 'True', {
        timeoutMs: LEASE_MS + READY_LAG_MS,
        everyMs: 200,
        what: 'not ready when the lease has run out',
      });
      connector(pod, pod === 'connector-0' ? 'zone-a' : 'zone-b');
    });
  });

  it('is true through an outage of Slack of 30 s', async () => {
    await whileAsked(both(), prompt, async () => {
      await gate.shut();
      await lasting(30_000);
      await gate.open();
    });
  });

  it('is true in relax status when the operator is gone, and then everything', async () => {
    await whileAsked({ 'relax status': relaxStatus }, prompt, async () => {
      await fleet.program('operator-0').stop();
      await waitFor(async () => (await relaxStatus())?.healthy === false, { timeoutMs: 15_000, everyMs: 500 });
      await Promise.all(['connector-0', 'connector-1'].map((name) => fleet.program(name).stop(40_000)));
      await lasting(8_000);
      fleet.operator('operator-0');
      connector('connector-0', 'zone-a');
      connector('connector-1', 'zone-b');
    });
  });

  it('is true 20 s after the start of an operator whose connectors were killed meanwhile, and says what is missing', async () => {
    await fleet.program('operator-0').stop();
    await Promise.all(['connector-0', 'connector-1'].map((name) => fleet.program(name).kill()));
    await noSocket();
    fleet.operator('operator-0');
    await fleet.program('operator-0').logged('acquired the planner lock');
    await fleet.untilBots('not ready', (bot) => condition(bot, 'Ready')?.reason === 'NoConnectors', {
      timeoutMs: SETTLE_MS + READY_LAG_MS,
    });
    await whileAsked(both(), prompt, async () => {
      connector('connector-0', 'zone-a');
      connector('connector-1', 'zone-b');
    });
  });
});
