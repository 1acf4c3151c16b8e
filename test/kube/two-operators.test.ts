import { afterAll, beforeAll, expect, it } from 'vitest';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet, type Running } from '#test/support/kube/operator-fleet.ts';
import { waitFor } from '#test/support/wait.ts';

/** Two releases in one cluster, each with its connectors, and each watching all namespaces. */
kubeBinariesSuite('Two operators that see the same SlackBots', () => {
  const OURS = { RELAX_CLUSTER: 'test', RELAX_LEADER_NAMESPACE: 'relax' };
  const THEIRS = { RELAX_CLUSTER: 'other', RELAX_LEADER_NAMESPACE: 'other' };
  let fleet: OperatorFleet;
  let ours: Running;
  let theirs: Running;

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    await fleet.kubectl.must(['create', 'namespace', 'other']);
    for (const zone of ['a', 'b']) {
      await fleet.connector(`connector-${zone}`, zone, { RELAX_CLUSTER: 'test' });
      await fleet.connector(`other-${zone}`, zone, { RELAX_CLUSTER: 'other' });
    }
    ours = await fleet.operator('operator-0', OURS);
    await fleet.addBot('acme', 'T0ACME');
    await fleet.until('acme', 'True Live 2/2', 60_000);
    theirs = await fleet.operator('other-0', THEIRS);
    await waitFor(() => fleet.lines.some((line) => line.includes('claimed by another operator')), {
      timeoutMs: 30_000,
      what: 'the second one has seen the bot',
    });
  });
  afterAll(() => fleet?.stop());

  const claimOf = async (name: string) => (await fleet.read(name)).metadata.annotations?.['relax.dev/operator'];
  const podsOf = async (name: string) => ((await fleet.read(name)).status?.connections ?? []).map(({ pod }) => pod);
  const version = async (name: string) => (await fleet.read(name)).metadata.resourceVersion;
  const saysOther = (line: string) => line.includes('claimed by another operator') && line.includes('bots/acme');

  /** Neither writes for as long as a fight would take to show many writes. */
  async function isLeftAlone(name: string): Promise<void> {
    const before = await version(name);
    const untilMs = performance.now() + 5_000;
    await waitFor(() => performance.now() > untilMs, { everyMs: 250 });
    expect(await version(name)).toBe(before);
  }

  it('leave it to the one that has claimed it, and the other says whose it is, once', async () => {
    expect(await claimOf('acme')).toBe('relax/relax-operator');
    await isLeftAlone('acme');
    expect(await fleet.shows('acme')).toBe('True Live 2/2');
    expect(fleet.slack.sockets('T0ACME')).toHaveLength(2);
    expect(fleet.lines.filter(saysOther)).toHaveLength(1);
    const events = await waitFor(
      async () => {
        const json = await fleet.kubectl.must(['get', 'events.events.k8s.io', '-o', 'json']);
        const { items } = JSON.parse(json) as { items: { reason: string; note: string }[] };
        const told = items.filter(({ reason }) => reason === 'OtherOperator');
        return told.length > 0 && told;
      },
      { what: 'an Event' },
    );
    expect(events).toHaveLength(1);
    expect(events[0]?.note).toContain('kubectl -n bots annotate slackbot acme relax.dev/operator-');
  });

  it('are both ready', async () => {
    for (const { port } of [ours, theirs]) {
      await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200, { what: 'ready' });
    }
  });

  it('share new ones, good and bad, and write nothing more once those are settled', async () => {
    const names = ['one', 'two', 'three', 'four'];
    for (const name of names) await fleet.addBot(name, `T0${name.toUpperCase()}`);
    await fleet.apply('bad', { teamID: 'T0BAD', credentials: { secretRef: { name: 'missing' } } });
    for (const name of names) await fleet.until(name, 'True Live 2/2', 60_000);
    await fleet.until('bad', 'False SecretMissing 0/2');
    for (const name of [...names, 'bad']) {
      const holder = await claimOf(name);
      expect(['relax/relax-operator', 'other/relax-operator']).toContain(holder);
      const pods = await podsOf(name);
      expect(new Set(pods.map((pod) => pod.startsWith('other-')))).toHaveLength(pods.length > 0 ? 1 : 0);
      expect(fleet.slack.sockets(`T0${name.toUpperCase()}`)).toHaveLength(name === 'bad' ? 0 : 2);
    }
    for (const name of ['one', 'bad']) await isLeftAlone(name);
  });

  it('hand it over when the claim is given to the other: its sockets end, and no fence holds its events up', async () => {
    const annotations = ['relax.dev/operator=other/relax-operator', 'relax.dev/cluster=other'];
    await fleet.kubectl.must(['annotate', '--overwrite', 'slackbot', 'acme', ...annotations]);
    await waitFor(async () => (await podsOf('acme')).filter((pod) => pod.startsWith('other-')).length === 2, {
      timeoutMs: 60_000,
      everyMs: 250,
      what: 'two sockets of the other',
    });
    await waitFor(() => fleet.slack.sockets('T0ACME').length === 2, { timeoutMs: 30_000, what: 'ours are closed' });
    expect(await fleet.everythingInRedis()).not.toContain('{relax:events}:fence');
    expect((await fleet.read('acme')).metadata.finalizers).toEqual(['relax.dev/sockets']);
  });

  it('have an app and its SlackBots as one: these go to the operator that has the app', async () => {
    const app = 'slackapp/bots/shop';
    const until = (name: string, operator: string) =>
      waitFor(async () => (await claimOf(name)) === operator, { timeoutMs: 30_000, what: `${name} of ${operator}` });
    const give = (operator: string, cluster: string) =>
      fleet.kubectl.must([
        'annotate',
        '--overwrite',
        'slackapp',
        'shop',
        `relax.dev/operator=${operator}`,
        `relax.dev/cluster=${cluster}`,
      ]);
    await fleet.secret('shop', { 'app-token': 'xapp-1-A0SHOP-secretpart' });
    await fleet.apply('shop', { appID: 'A0SHOP', credentials: { secretRef: { name: 'shop' } } }, 'bots', 'SlackApp');
    await waitFor(() => claimOf(app), { timeoutMs: 30_000, what: 'a claim on the app' });
    await fleet.apply('carried', { teamID: 'T0CARRIED', transport: 'App', appRef: { name: 'shop' } });
    for (const [operator, cluster] of [
      ['relax/relax-operator', 'test'],
      ['other/relax-operator', 'other'],
      ['relax/relax-operator', 'test'],
    ] as const) {
      await give(operator, cluster);
      await until('carried', operator);
    }
    const untilMs = performance.now() + 3_000;
    await waitFor(() => performance.now() > untilMs, { everyMs: 250 });
    expect(await claimOf('carried')).toBe('relax/relax-operator');
  });

  it('keep what is theirs when the other is uninstalled, and take what it leaves', async () => {
    const before = (await fleet.read('acme')).metadata;
    await ours.stop();
    await fleet.releaseFinalizers(fleet.api.kubeconfigPath, { env: OURS });
    const { metadata } = await fleet.read('acme');
    expect(metadata.finalizers).toEqual(before.finalizers);
    expect(metadata.annotations?.['relax.dev/operator']).toBe('other/relax-operator');
    for (const name of ['one', 'two', 'three', 'four', 'bad']) {
      await waitFor(async () => (await claimOf(name)) === 'other/relax-operator', {
        timeoutMs: 30_000,
        what: `${name} is taken over`,
      });
    }
    await fleet.until('one', 'True Live 2/2', 60_000);
  });

  it('leave nothing that cannot be deleted, even when the definition goes before the finalizers (crds.keep=false)', async () => {
    await theirs.stop();
    await fleet.kubectl.must(['delete', 'crd', 'slackbots.relax.dev', '--wait=false']);
    await fleet.releaseFinalizers(fleet.api.kubeconfigPath, { env: THEIRS });
    await fleet.kubectl.must(['wait', '--for=delete', 'crd/slackbots.relax.dev', '--timeout=60s']);
    const { metadata } = await fleet.read('slackapp/bots/shop');
    expect([metadata.finalizers ?? [], metadata.annotations?.['relax.dev/operator']]).toEqual([[], undefined]);
  });
});
