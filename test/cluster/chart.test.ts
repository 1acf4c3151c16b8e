import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SlackBot } from '#core/api/slackbot.ts';
import { isUnheard } from '#slack-simulator/ledger.ts';
import { clusterSuite } from '#test/support/cluster/cluster-suite.ts';
import { isReady, RelaxRelease } from '#test/support/cluster/relax-release.ts';
import { botNameOf, isRedundant } from '#test/support/e2e/kube-fleet.ts';
import { settledAudit } from '#test/support/e2e/queue-audit.ts';
import { waitFor } from '#test/support/wait.ts';

/**
 * The chart on three nodes in three zones, with an image made as the Dockerfile says. One release goes through its life,
 * so the order of the tests matters; each leaves it whole.
 */
const ZONES = ['zone-a', 'zone-b', 'zone-c'];
const ALL = Array.from({ length: 30 }, (_, index) => index + 1);
/** Of a connector; its share of what uninstalling takes, since then no operator is there to say that it may end. */
const GRACE_SECONDS = 30;
/** Has one socket for a time, which must be moved before its connector may go. */
const SINGLE = 30;
const KINDS = ['message', 'edited', 'deleted', 'reaction_added', 'bot_message'] as const;

clusterSuite('the chart on nodes in three zones', (folder) => {
  let relax: RelaxRelease;
  /** SlackBots beside those of RTM. */
  let withApps = 0;

  beforeAll(async () => {
    relax = await RelaxRelease.prepare(folder, ZONES);
  });
  afterAll(() => relax?.stop());

  /** Events flow while `action` runs; all of them must be on the queue, once. */
  async function whileEventsFlow(action: () => Promise<void>): Promise<void> {
    relax.slack.forgetEvents();
    relax.slack.apps.forgetEvents();
    await relax.redis.del(relax.queue);
    const burst = relax.slack.startBurst({ events: 1_000_000, perSecond: 50, kinds: [...KINDS] });
    try {
      await waitFor(() => burst.state().emitted > 50, { what: 'events flow' });
      await action();
    } finally {
      burst.stop();
      await burst.finished;
    }
    await waitFor(() => relax.slack.apps.stats().events.open === 0, { timeoutMs: 60_000, everyMs: 100 });
    const sent = () => [...relax.slack.events(), ...relax.slack.apps.events()];
    const audit = await settledAudit(relax.redis, relax.queue, sent);
    expect(relax.slack.events().filter(isUnheard)).toEqual([]);
    expect(relax.slack.apps.events().filter(({ state }) => state !== 'acked')).toEqual([]);
    expect({ lost: audit.lost.length, duplicated: audit.duplicated.length }).toEqual({ lost: 0, duplicated: 0 });
    expect(audit.sent).toBeGreaterThan(50);
  }

  /** Which bot has its sockets where, and since when. */
  const places = (bots: readonly SlackBot[]) =>
    Object.fromEntries(
      bots.map(({ metadata, status }) => [
        metadata.name,
        status?.connections?.map(({ pod, since }) => `${pod} since ${since}`).sort(),
      ]),
    );
  const zonesOf = (bot: SlackBot) => [...new Set(bot.status?.connections?.map(({ zone }) => zone))].sort();
  /** The places of an app's sockets are in the status of the SlackApp alone. */
  const isSpread = (bot: SlackBot) => isRedundant(bot) && (bot.spec.transport === 'App' || zonesOf(bot).length === 2);
  const isSingle = ({ metadata }: SlackBot) => metadata.name === botNameOf(SINGLE);
  const isLiveOnce = ({ status }: SlackBot) => status?.connectionSummary === '1/1' && status.connections?.length === 1;
  const uids = async (component: 'operator' | 'connector') =>
    (await relax.pods(component)).map(({ metadata }) => metadata.uid).sort();

  it('is ready when helm install returns, a connector in each zone, which it knows by the downward API', async () => {
    const notes = await relax.helm('install', { config: { graceSeconds: GRACE_SECONDS } });
    expect(notes).toContain('3 connectors');
    const connectors = await relax.pods('connector');
    expect(connectors.map(({ metadata }) => metadata.name)).toEqual([0, 1, 2].map((n) => `relax-connector-${n}`));
    const zones: string[] = [];
    for (const pod of [...connectors, ...(await relax.pods('operator'))]) expect(isReady(pod)).toBe(true);
    for (const { metadata, spec } of connectors) {
      const zone = relax.cluster.node(spec.nodeName ?? '').zone;
      expect((await relax.session(metadata.name))?.zone).toBe(zone);
      zones.push(zone);
    }
    expect(zones.sort()).toEqual(ZONES);
    const operators = await relax.pods('operator');
    expect(new Set(operators.map(({ spec }) => spec.nodeName)).size).toBe(2);
  });

  it('brings SlackBots, with apps and without, to 2/2 in two zones, and their events to the queue, each once', async () => {
    await relax.applyBots(ALL);
    withApps = await relax.applyApps();
    await relax.untilBots('2/2 in two zones', isSpread);
    await whileEventsFlow(() => waitFor(() => relax.slack.events().length > 500, { timeoutMs: 30_000 }).then());
  });

  it('gets a deleted connector back under its name, and loses no event', async () => {
    const before = await relax.pod('relax-connector-0');
    await whileEventsFlow(async () => {
      await relax.kubectl('delete', 'pod', 'relax-connector-0', '--timeout=60s');
      await waitFor(
        async () => {
          const pod = await relax.pod('relax-connector-0');
          return pod?.metadata.uid !== before?.metadata.uid && isReady(pod);
        },
        { timeoutMs: 60_000, everyMs: 250, what: 'connector 0 is back' },
      );
    });
    await relax.untilBots('whole after', isSpread);
  });

  it('rolls all connectors without moving a redundant socket and without losing an event of any team', async () => {
    await relax.minutePasses();
    await relax.setReplicas(SINGLE, 1);
    const bots = await relax.untilBots('whole before', (bot) => (isSingle(bot) ? isLiveOnce(bot) : isSpread(bot)));
    const redundant = bots.filter((bot) => !isSingle(bot));
    const old = await uids('connector');
    await whileEventsFlow(async () => {
      await relax.kubectl('rollout', 'restart', 'statefulset/relax-connector');
      await relax.kubectl('rollout', 'status', 'statefulset/relax-connector', '--timeout=180s');
    });
    expect((await uids('connector')).filter((uid) => old.includes(uid))).toEqual([]);
    await relax.setReplicas(SINGLE, 2);
    expect(places(await relax.untilBots('whole after', isSpread))).toMatchObject(places(redundant));
  });

  it('takes an upgrade that concerns operators alone without touching connectors', async () => {
    // Before anything upsets the balance: a pod that comes back empty takes sockets over for minutes.
    await relax.minutePasses();
    const before = await relax.untilBots('whole before', isSpread);
    const [operators, connectors] = [await uids('operator'), await uids('connector')];
    await whileEventsFlow(async () => {
      const config = { graceSeconds: GRACE_SECONDS, watchNamespaces: [relax.botNamespace] };
      await relax.helm('upgrade', { config });
    });
    expect(await uids('connector')).toEqual(connectors);
    expect((await uids('operator')).filter((uid) => operators.includes(uid))).toEqual([]);
    // The new operator is at work, with the rights of a Role.
    await relax.setReplicas(1, 3);
    await relax.untilBots(
      'the change is carried out',
      (bot) => bot.status?.observedGeneration === bot.metadata.generation,
    );
    await relax.setReplicas(1, 2);
    await relax.untilBots('and taken back', isSpread);
    expect(places(await relax.bots())).toMatchObject(Object.fromEntries(Object.entries(places(before)).slice(1)));
  });

  it('moves the sockets of a zone that is cut off, takes it in again, and loses no event', async () => {
    await relax.minutePasses();
    const pod = await relax.pod('relax-connector-0');
    const node = relax.cluster.node(pod?.spec.nodeName ?? '');
    await whileEventsFlow(async () => {
      await relax.cluster.cut(node);
      await relax
        .untilBots('2/2 elsewhere', (bot) => isSpread(bot) && !zonesOf(bot).includes(node.zone), 90_000)
        .finally(() => relax.cluster.repair(node));
      await waitFor(async () => (await relax.session('relax-connector-0')) !== undefined, {
        timeoutMs: 60_000,
        everyMs: 250,
        what: 'its connector is back',
      });
    });
    await relax.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=90s');
    await relax.untilBots('whole after', isSpread);
  });

  it('goes on when a node dies, takes it in again, and loses no event', async () => {
    await relax.minutePasses();
    const pod = await relax.pod('relax-connector-1');
    const node = relax.cluster.node(pod?.spec.nodeName ?? '');
    const incarnation = async () => (await relax.session('relax-connector-1'))?.incarnation;
    const before = await incarnation();
    await whileEventsFlow(async () => {
      await node.kill();
      await relax.untilBots('2/2 elsewhere', (bot) => isSpread(bot) && !zonesOf(bot).includes(node.zone), 90_000);
      await node.revive();
      await waitFor(async () => ![undefined, before].includes(await incarnation()), {
        timeoutMs: 90_000,
        everyMs: 250,
        what: 'its connector is back',
      });
    });
    await relax.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=90s');
    await relax.untilBots('whole after', isSpread);
  });

  it('leaves no SlackBot, no SlackApp and no namespace that cannot be deleted', async () => {
    await relax.uninstall();
    expect(await relax.kubectl('get', 'leases', '-o', 'name')).toBe('');
    const bots = await relax.bots();
    expect(bots).toHaveLength(ALL.length + withApps);
    expect(bots.filter(({ metadata }) => (metadata.finalizers ?? []).length > 0)).toEqual([]);
    for (const { status } of bots) {
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      expect(`${ready?.status} ${ready?.reason} ${status?.connectionSummary}`).toBe('Unknown OperatorGone 0/0');
    }
    await relax.cluster.kubectl.must(['delete', 'namespace', relax.botNamespace, '--timeout=60s']);
    const crds = ['slackbots.relax.dev', 'slackapps.relax.dev'];
    await relax.cluster.kubectl.must(['delete', 'crd', ...crds, '--timeout=30s']);
    await relax.cluster.kubectl.must(['delete', 'namespace', relax.namespace, `--timeout=${GRACE_SECONDS + 60}s`]);
    expect([...relax.slack.sockets(), ...relax.slack.apps.sockets()]).toEqual([]);
  });
});
