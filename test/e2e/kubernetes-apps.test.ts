import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SlackApp } from '#core/api/slackapp.ts';
import type { SlackBot } from '#core/api/slackbot.ts';
import { generatedApp, generatedInstallation } from '#slack-simulator/app.ts';
import { verificationToken } from '#slack-simulator/socket-mode/event-payload.ts';
import { allOfRedis, countStates } from '#test/support/e2e/app-fleet.ts';
import { carriedBotOf, slackAppOf, socketModeBotOf } from '#test/support/e2e/app-manifests.ts';
import { condition, isRedundant, KubeFleet } from '#test/support/e2e/kube-fleet.ts';
import { settledAudit } from '#test/support/e2e/queue-audit.ts';
import type { BotClaim, Source } from '#test/support/e2e/status-truth.ts';
import { expectTruth, LEASE_MS, READY_LAG_MS, relaxStatusSource } from '#test/support/e2e/status-watch.ts';
import { type ApiServer, startApiServer } from '#test/support/kube/api-server.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { waitFor } from '#test/support/wait.ts';

/**
 * SlackBots with an app each over Socket Mode, and a SlackApp with SlackBots, on a real API server: two operators and three
 * connectors as processes. All the while `kubectl` and `relax status` are held against the sockets that Slack counts, and
 * events flow. Each test leaves the fleet whole.
 */
const OWN = [1, 2, 3, 4];
const MANY = OWN.length + 1;
const TEAMS = [1, 2, 3, 4, 5, 6].map((n) => generatedInstallation(MANY, n));
/** The other teams have no SlackBot. */
const CARRIED = TEAMS.slice(0, 3);
const ownName = (n: number): string => `own-${n}`;
const carriedName = (index: number): string => `carried-${index + 1}`;
/** Name of each object -> app whose sockets it shows. */
const APP_OF = new Map<string, string>([
  ...OWN.map((n): [string, string] => [ownName(n), generatedApp(n).appID]),
  ['many', generatedApp(MANY).appID],
  ...CARRIED.map((_, index): [string, string] => [carriedName(index), generatedApp(MANY).appID]),
]);
const WANTED = new Map([...APP_OF.keys()].map((name) => [name, 2]));
/** A socket of several that is away is told when it stays away for 10 s. */
const PROMPT = { liveLagMs: READY_LAG_MS + 10_000, readyLagMs: READY_LAG_MS };
const AFTER_A_LEASE = { liveLagMs: PROMPT.liveLagMs + LEASE_MS, readyLagMs: PROMPT.readyLagMs + LEASE_MS };

kubeBinariesSuite('apps on Kubernetes', () => {
  let api: ApiServer;
  let fleet: KubeFleet;

  beforeAll(async () => {
    api = await startApiServer();
    fleet = await KubeFleet.start(api);
    for (const n of [...OWN, MANY]) fleet.slack.apps.add(generatedApp(n));
    for (const n of OWN) fleet.slack.apps.install(generatedApp(n).appID, generatedInstallation(n, 1));
    for (const team of TEAMS) fleet.slack.apps.install(generatedApp(MANY).appID, team);
  });
  afterAll(async () => {
    await fleet?.stop();
    await api?.stop();
  });

  const live = (appID: string): number =>
    fleet.slack.apps.sockets(appID).filter(({ state }) => state === 'live').length;
  const counted = async () => new Map([...APP_OF].map(([name, appID]) => [name, live(appID)]));

  const claimOf = (object: SlackBot | SlackApp): [string, BotClaim] => {
    const ready = condition(object, 'Ready')?.status;
    const said = { live: object.status?.liveConnections ?? 0 };
    return [object.metadata.name, ready === 'True' || ready === 'False' ? { ...said, ready: ready === 'True' } : said];
  };
  const kubectl: Source = async () => {
    try {
      return { bots: new Map([...(await fleet.bots()), ...(await fleet.apps())].map(claimOf)) };
    } catch {
      return undefined;
    }
  };
  const relaxStatus: Source = () => relaxStatusSource(fleet.server.url)();

  const whileAsked = (sources: Readonly<Record<string, Source>>, lags: typeof PROMPT, action: () => Promise<void>) =>
    expectTruth({ wanted: WANTED, counted, story: () => fleet.story() }, sources, lags, action);
  const both = () => ({ kubectl, 'relax status': relaxStatus });

  /** Events flow while `action` runs; all of them must be on the queue, once. */
  async function whileEventsFlow(action: () => Promise<void>): Promise<void> {
    fleet.slack.apps.forgetEvents();
    await fleet.redis.del(fleet.queue);
    const burst = fleet.slack.startBurst({ events: 1_000_000, perSecond: 50, kinds: ['message', 'reaction_added'] });
    try {
      await waitFor(() => burst.state().emitted > 50, { what: 'events flow' });
      await action();
    } finally {
      burst.stop();
      await burst.finished;
    }
    await waitFor(() => fleet.slack.apps.stats().events.open === 0, { timeoutMs: 60_000, everyMs: 100 });
    const events = fleet.slack.apps.events();
    const { lost, duplicated } = await settledAudit(fleet.redis, fleet.queue, () => events);
    expect({ states: countStates(events), lost: lost.length, duplicated: duplicated.length }).toEqual({
      states: { acked: events.length },
      lost: 0,
      duplicated: 0,
    });
  }

  it('become 2/2, and the status of each is true from the start', async () => {
    await whileAsked(both(), PROMPT, async () => {
      await fleet.apply([
        ...OWN.flatMap((n) => socketModeBotOf(n, ownName(n), fleet.namespace)),
        ...slackAppOf(MANY, 'many', fleet.namespace),
        ...CARRIED.map(({ teamID }, index) =>
          carriedBotOf({ name: carriedName(index), namespace: fleet.namespace, teamID, app: 'many' }),
        ),
      ]);
      fleet.operator('operator-0');
      fleet.operator('operator-1');
      fleet.connector('connector-0', 'zone-a');
      fleet.connector('connector-1', 'zone-b');
      fleet.connector('connector-2', 'zone-a');
    });
    await fleet.untilBots('all bots 2/2', isRedundant);
    const table = await fleet.kubectl.must(['-n', fleet.namespace, 'get', 'sapp', '--no-headers']);
    expect(table).toMatch(/^many +A0SIM\d+ +True +\S+ +2\/2 +3 +\d+m?s?/);
  });

  it('bring each event to the queue once, and tell the truth, when a connector and the leading operator are killed', async () => {
    const first = await waitFor(() => fleet.leader(), { timeoutMs: 60_000, what: 'a leader' });
    await whileEventsFlow(() =>
      whileAsked(both(), AFTER_A_LEASE, async () => {
        await Promise.all([fleet.program('connector-0').kill(), fleet.program(first).kill()]);
        await waitFor(async () => ![undefined, first].includes(await fleet.leader()), {
          timeoutMs: 60_000,
          what: 'another leader',
        });
        await waitFor(() => [...APP_OF.values()].every((appID) => live(appID) === 2), {
          timeoutMs: 90_000,
          everyMs: 100,
          what: 'sockets elsewhere',
        });
      }),
    );
    fleet.connector('connector-0', 'zone-a');
    fleet.operator(first);
  });

  it('go on while the API server is away, and tell the truth before and after', async () => {
    await whileEventsFlow(async () => {
      await whileAsked({ 'relax status': relaxStatus }, PROMPT, async () => {
        await api.killApi();
        // Slack refreshes all sockets meanwhile.
        for (const appID of new Set(APP_OF.values()))
          fleet.slack.apps.inflict({ appID }, { kind: 'disconnect', reason: 'warning' });
        await waitFor(() => fleet.slack.apps.sockets().every(({ leaving }) => leaving === undefined), {
          timeoutMs: 60_000,
          everyMs: 100,
          what: 'all sockets are new',
        });
      });
      await api.restartApi();
      await whileAsked(both(), PROMPT, async () => undefined);
    });
    expect([...fleet.programs.values()].filter(({ running }) => !running)).toEqual([]);
  });

  it('show their tokens in no log, status, Event or Redis value', async () => {
    const tokens = fleet.slack.apps
      .list()
      .flatMap((app) => [...app.tokens, ...app.installations.map(({ botToken }) => botToken)]);
    const places = {
      said: [...fleet.programs.values()].map((program) => program.text + JSON.stringify(program.lines)).join(''),
      objects: await fleet.kubectl.must(['-n', fleet.namespace, 'get', 'slackapps,slackbots,events', '-o', 'json']),
      stored: await allOfRedis(fleet.redis),
    };
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, place).toBeGreaterThan(0);
      expect(
        [...tokens, verificationToken].filter((token) => text.includes(token)),
        place,
      ).toEqual([]);
    }
  });
});
