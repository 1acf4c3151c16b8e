import { afterAll, beforeAll, expect, it } from 'vitest';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet, type Running } from '#test/support/kube/operator-fleet.ts';
import { waitFor } from '#test/support/wait.ts';

/** RELAX_WATCH_NAMESPACES (config.watchNamespaces) loses a namespace that has SlackBots. */
kubeBinariesSuite('A SlackBot of a namespace that is not watched any more', () => {
  let fleet: OperatorFleet;
  let operator: Running;

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    for (const namespace of ['old', 'older']) await fleet.kubectl.must(['create', 'namespace', namespace]);
    await fleet.connector('connector-0', 'a');
    await fleet.connector('connector-1', 'b');
    await fleet.addBot('acme', 'T0ACME');
    await fleet.addBot('left', 'T0LEFT', {}, 'old');
    await fleet.addBot('stuck', 'T0STUCK', {}, 'older');
    operator = await fleet.operator('operator-0', { RELAX_WATCH_NAMESPACES: 'bots,old,older' });
    for (const bot of ['acme', 'old/left', 'older/stuck']) await fleet.until(bot, 'True Live 2/2', 60_000);
  });
  afterAll(() => fleet?.stop());

  const note = async () => {
    const lease = JSON.parse(await fleet.kubectl.must(['get', 'lease', 'relax-operator', '-n', 'relax', '-o', 'json']));
    return lease.metadata.annotations?.['relax.dev/watched-namespaces'] as string | undefined;
  };
  const noted = (watched: string, timeoutMs = 60_000) =>
    waitFor(async () => (await note()) === watched, { timeoutMs, everyMs: 250, what: `noted as watched: ${watched}` });
  const readyz = async () => {
    const answer = await fetch(`http://127.0.0.1:${operator.port}/readyz`);
    return { status: answer.status, text: await answer.text() };
  };
  const sockets = (team: string) => fleet.slack.sockets(team).map(({ id }) => id);

  it('is noted as watched by the leader before', async () => {
    await noted('bots,old,older');
  });

  it('is released by the next leader where it has the permissions: status, finalizer, claim, sockets', async () => {
    const before = sockets('T0ACME');
    await operator.stop();
    operator = await fleet.operator('operator-1', { RELAX_WATCH_NAMESPACES: 'bots,older' });
    await fleet.until('old/left', 'Unknown NotWatched 0/0', 60_000);
    const { metadata } = await fleet.read('old/left');
    expect(metadata.finalizers ?? []).toEqual([]);
    expect(metadata.annotations?.['relax.dev/operator']).toBeUndefined();
    await waitFor(() => sockets('T0LEFT').length === 0, { timeoutMs: 60_000, what: 'its sockets are closed' });
    await noted('bots,older');
    await fleet.kubectl.must(['delete', 'namespace', 'old', '--wait=false']);
    await fleet.kubectl.must(['delete', 'slackbot', 'left', '-n', 'old', '--timeout=20s']);
    expect(sockets('T0ACME')).toEqual(before);
  });

  it('keeps its sockets, where the next leader has no rights, and readiness says what to do', async () => {
    const before = sockets('T0STUCK');
    await operator.stop();
    const rights = await fleet.operatorRights({ config: { watchNamespaces: ['bots'] } });
    operator = await fleet.operator('operator-2', { KUBECONFIG: rights, RELAX_WATCH_NAMESPACES: 'bots' });
    await waitFor(async () => (await readyz()).text.includes('namespace older is no longer watched'), {
      timeoutMs: 60_000,
      what: 'not ready',
    });
    expect((await readyz()).text).toContain('relax operator --release-finalizers --keep-namespaces bots');
    // Longer than a leader looks before it judges: the planner works, and this bot keeps what it has.
    await fleet.addBot('fresh', 'T0FRESH');
    await fleet.until('fresh', 'True Live 2/2', 60_000);
    await fleet.kubectl.must(['delete', 'slackbot', 'fresh', '--timeout=60s']);
    expect(sockets('T0FRESH')).toEqual([]);
    expect(sockets('T0STUCK')).toEqual(before);
    expect(await fleet.shows('older/stuck')).toBe('True Live 2/2');
    expect(await note()).toBe('bots,older');
  });

  it('is released by the command that readiness names; the next leader closes its sockets', {
    timeout: 240_000,
  }, async () => {
    const flags = { 'keep-namespaces': 'bots' };
    await fleet.releaseFinalizers(fleet.api.kubeconfigPath, { flags });
    expect(await fleet.shows('older/stuck')).toBe('Unknown NotWatched 0/0');
    expect((await fleet.read('older/stuck')).metadata.finalizers ?? []).toEqual([]);
    expect((await fleet.read('acme')).metadata.finalizers).toEqual(['relax.dev/sockets']);
    expect(await note()).toBe('bots');
    await operator.stop();
    const rights = await fleet.operatorRights({ config: { watchNamespaces: ['bots'] } });
    operator = await fleet.operator('operator-3', { KUBECONFIG: rights, RELAX_WATCH_NAMESPACES: 'bots' });
    await waitFor(() => sockets('T0STUCK').length === 0, { timeoutMs: 150_000, what: 'its sockets are closed' });
    await waitFor(async () => (await readyz()).status === 200, { timeoutMs: 30_000, what: 'ready' });
    expect(await fleet.shows('acme')).toBe('True Live 2/2');
  });

  it('takes no Lease from the operators when there is nothing to release', async () => {
    const holder = () =>
      fleet.kubectl.must(['get', 'lease', 'relax-operator', '-n', 'relax', '-o', 'jsonpath={.spec.holderIdentity}']);
    const before = await holder();
    await fleet.releaseFinalizers(fleet.api.kubeconfigPath, { flags: { 'keep-namespaces': 'bots' } });
    expect(await holder()).toBe(before);
    expect(operator.ended()).toBeUndefined();
  });
});

kubeBinariesSuite('A namespace that is watched by a Role in it', () => {
  let fleet: OperatorFleet;

  beforeAll(async () => {
    // With a controller manager, since it is what deletes what is in a namespace: the Role as well, and in no order.
    fleet = await OperatorFleet.start({ controllerManager: true });
    await fleet.kubectl.must(['create', 'namespace', 'doomed']);
    await fleet.connector('connector-0', 'a');
    await fleet.connector('connector-1', 'b');
    const rights = await fleet.operatorRights({ config: { watchNamespaces: ['bots', 'doomed'] } });
    await fleet.operator('operator-0', { KUBECONFIG: rights, RELAX_WATCH_NAMESPACES: 'bots,doomed' });
    for (const name of ['one', 'two', 'three']) await fleet.addBot(name, `T0${name.toUpperCase()}`, {}, 'doomed');
    for (const name of ['one', 'two', 'three']) await fleet.until(`doomed/${name}`, 'True Live 2/2', 60_000);
  });
  afterAll(() => fleet?.stop());

  it('can be deleted with the SlackBots in it, though the Role goes first', async () => {
    await fleet.kubectl.must(['delete', 'namespace', 'doomed', '--timeout=60s']);
    expect(fleet.slack.sockets()).toEqual([]);
  });
});
