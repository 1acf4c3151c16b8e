import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet, type Running } from '#test/support/kube/operator-fleet.ts';
import { waitFor } from '#test/support/wait.ts';

kubeBinariesSuite('The operator on a real API server, with connectors and a Slack stand-in', () => {
  let fleet: OperatorFleet;
  let operator: Running;
  let rights: string;

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    await fleet.connector('connector-0', 'a');
    await fleet.connector('connector-1', 'b');
    rights = await fleet.operatorRights();
    operator = await fleet.operator('operator-0', { KUBECONFIG: rights });
  });
  afterAll(() => fleet?.stop());

  const gone = async (name: string) => {
    const { code, stderr } = await fleet.kubectl.run(['get', 'slackbot', name]);
    return code !== 0 && stderr.includes('NotFound');
  };
  const http = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${operator.port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };

  it('makes a SlackBot two live sockets in two zones, and says so', async () => {
    await fleet.addBot('acme', 'T0ACME');
    await fleet.until('acme', 'True Live 2/2', 60_000);
    expect(fleet.slack.sockets('T0ACME')).toHaveLength(2);
    const { status, metadata } = await fleet.read('acme');
    expect(status?.conditions?.map(({ type, status: value, reason }) => `${type} ${value} ${reason}`)).toEqual([
      'Ready True Live',
      'Redundant True AllLive',
      'Assigned True Placed',
      'Connected True Live',
      'CredentialsValid True Accepted',
    ]);
    expect(status?.connections?.map(({ pod, zone }) => `${pod} ${zone}`)).toEqual(['connector-0 a', 'connector-1 b']);
    expect(status).toMatchObject({ observedGeneration: 1, teamName: 'Team T0ACME', botUserID: 'U0ACMEBOT' });
    expect(metadata.finalizers).toEqual(['relax.dev/sockets']);
  });

  it('records one Event for the change', async () => {
    const events = await waitFor(
      async () => {
        const { items } = JSON.parse(await fleet.kubectl.must(['get', 'events.events.k8s.io', '-o', 'json']));
        return items.length > 0 && items;
      },
      { what: 'an Event' },
    );
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ reason: 'Ready', type: 'Normal', regarding: { name: 'acme' } });
  });

  it('writes nothing while nothing changes', async () => {
    const version = async () => (await fleet.read('acme')).metadata.resourceVersion;
    const before = await version();
    await fleet.addBot('other', 'T0OTHER');
    await fleet.until('other', 'True Live 2/2', 60_000);
    expect(await version()).toBe(before);
  });

  describe('with credentials that are wrong', () => {
    const bot = (team: string, secret: string) => ({ teamID: team, credentials: { secretRef: { name: secret } } });
    const says = async (name: string, reason: string, words: RegExp) => {
      await fleet.until(name, new RegExp(`^False ${reason} 0/`));
      const condition = await fleet.condition(name, 'CredentialsValid');
      expect(condition).toMatch(words);
      expect(condition).not.toContain('secretpart');
    };

    it('names the missing Secret, and takes it at once when it comes labelled', async () => {
      await fleet.apply('late', bot('T0LATE', 'late'));
      await says(
        'late',
        'SecretMissing',
        /Secret late does not exist: create it in the namespace of the SlackBot: kubectl create secret/,
      );
      fleet.slack.addTeam({ teamID: 'T0LATE', token: 'xoxb-late-secretpart' });
      await fleet.secret('late', { token: 'xoxb-late-secretpart' });
      await fleet.until('late', 'True Live 2/2', 10_000);
    });

    it('names the missing key and those that are there', async () => {
      await fleet.secret('keyless', { tokn: 'xoxb-keyless-secretpart' });
      await fleet.apply('keyless', bot('T0KEY', 'keyless'));
      await says('keyless', 'KeyMissing', /no key token \(it has tokn\)/);
    });

    it('sends nothing that is no bot token to anybody', async () => {
      const before = JSON.stringify(fleet.slack.stats().connects);
      await fleet.secret('wrong', { token: 'xapp-1-wrong-secretpart' });
      await fleet.apply('wrong', bot('T0WRONG', 'wrong'));
      await says('wrong', 'TokenWrongKind', /holds an app-level token \(xapp-\)/);
      expect(JSON.stringify(fleet.slack.stats().connects)).toBe(before);
    });

    it("passes on Slack's own refusal with its remedy", async () => {
      await fleet.secret('refused', { token: 'xoxb-unknown-secretpart' });
      await fleet.apply('refused', bot('T0REFUSED', 'refused'));
      await says('refused', 'TokenInvalid', /^False TokenInvalid: .+/);
    });

    it('names the team mismatch', async () => {
      await fleet.apply('mismatch', bot('T0MISMATCH', 'acme'));
      await says('mismatch', 'TeamMismatch', /T0ACME/);
    });
  });

  it('lets the younger of two that are the same bot wait, and run when the older is deleted', async () => {
    await fleet.addBot('first', 'T0TWICE', { replicas: 1 });
    await fleet.until('first', 'True Live 1/1');
    await fleet.apply('second', { teamID: 'T0TWICE', credentials: { secretRef: { name: 'first' } }, replicas: 1 });
    await fleet.until('second', 'False DuplicateBot 0/0');
    expect(await fleet.condition('second', 'Ready')).toContain('SlackBot first has the same team and token');
    await fleet.kubectl.must(['delete', 'slackbot', 'first', '--timeout=30s']);
    await fleet.until('second', 'True Live 1/1');
  });

  it('closes the sockets of a suspended bot, and opens them again', async () => {
    await fleet.addBot('paused', 'T0PAUSED', { replicas: 1 });
    await fleet.until('paused', 'True Live 1/1');
    const suspend = (value: boolean) =>
      fleet.kubectl.must(['patch', 'slackbot', 'paused', '--type=merge', '-p', `{"spec":{"suspend":${value}}}`]);
    await suspend(true);
    await fleet.until('paused', 'False Suspended 0/0');
    await waitFor(() => fleet.slack.sockets('T0PAUSED').length === 0, { what: 'sockets closed' });
    await suspend(false);
    await fleet.until('paused', 'True Live 1/1');
  });

  it('brings a token that is rotated in a labelled Secret into use within 10 s', async () => {
    const [before] = fleet.slack.sockets('T0OTHER');
    fleet.slack.addToken('T0OTHER', 'xoxb-rotated-secretpart');
    await fleet.secret('other', { token: 'xoxb-rotated-secretpart' });
    const sinceMs = performance.now();
    await waitFor(() => fleet.slack.sockets('T0OTHER').every(({ id }) => id !== before?.id), {
      timeoutMs: 10_000,
      what: 'sockets of the new token',
    });
    expect(performance.now() - sinceMs).toBeLessThan(10_000);
    await fleet.until('other', 'True Live 2/2');
  });

  it('keeps the sockets while a Secret is replaced by deleting and creating it', async () => {
    const sockets = () => fleet.slack.sockets('T0ACME').map(({ id }) => id);
    const before = sockets();
    await fleet.kubectl.must(['delete', 'secret', 'acme']);
    await fleet.until('acme', /^False SecretMissing 2/);
    await fleet.secret('acme', { token: 'xoxb-t0acme-secretpart' });
    await fleet.until('acme', 'True Live 2/2');
    expect(sockets()).toEqual(before);
  });

  it('closes the sockets of a deleted bot, then removes its finalizer', async () => {
    await fleet.kubectl.must(['delete', 'slackbot', 'paused', '--timeout=30s']);
    expect(fleet.slack.sockets('T0PAUSED')).toEqual([]);
  });

  it('is ready and alive, and measures itself under the names of controller-runtime', async () => {
    expect(await http('/readyz')).toMatchObject({ status: 200 });
    expect(await http('/healthz')).toMatchObject({ status: 200 });
    const { text } = await http('/metrics');
    expect(text).toMatch(/^leader_election_master_status\{name="relax-operator"\} 1$/m);
    expect(text).toMatch(/^controller_runtime_reconcile_total\{controller="slackbot",result="success"\} [1-9]/m);
    expect(text).toMatch(/^controller_runtime_reconcile_panics_total\{controller="slackbot"\} 0$/m);
    expect(text).toMatch(/^workqueue_depth\{name="slackbot",controller="slackbot"\} 0$/m);
    expect(text).toMatch(/^rest_client_requests_total\{code="200",method="PATCH",host="127.0.0.1:\d+"\} [1-9]/m);
    expect(text).toMatch(/^relax_bots\{state="ready"\} [1-9]/m);
    expect(text).toMatch(/^relax_pods\{state="up"\} 2$/m);
  });

  it('writes no status for a Redis that is away and comes back empty, and says so', async () => {
    const versions = () =>
      fleet.kubectl.must(['get', 'slackbots', '-o', 'jsonpath={.items[*].metadata.resourceVersion}']);
    const before = { versions: await versions(), sockets: fleet.slack.sockets().map(({ id }) => id) };
    await fleet.redis.kill();
    await waitFor(async () => (await http('/readyz')).status === 503, { what: 'not ready' });
    expect(JSON.parse((await http('/readyz')).text).reasons).toEqual(['Redis is unreachable: check RELAX_REDIS_URL']);
    await waitFor(() => fleet.lines.some((line) => line.includes('could not renew the session lease')), {
      what: 'a lost lease',
    });
    await fleet.redis.restart();
    await waitFor(() => fleet.lines.some((line) => line.includes('restoring it from memory')), {
      what: 'the state of the fleet written again',
    });
    await waitFor(async () => (await http('/readyz')).status === 200, { what: 'ready again' });
    expect({ versions: await versions(), sockets: fleet.slack.sockets().map(({ id }) => id) }).toEqual(before);
  });

  it('says that the API server does not answer, and changes nothing for the sockets', async () => {
    const before = fleet.slack.sockets().map(({ id }) => id);
    await fleet.api.killApi();
    await waitFor(async () => (await http('/readyz')).status === 503, { timeoutMs: 30_000, what: 'not ready' });
    expect(await http('/readyz')).toMatchObject({ text: expect.stringContaining('not being watched') });
    expect(await http('/healthz')).toMatchObject({ status: 200 });
    const leads = async () =>
      (await http('/metrics')).text.includes('leader_election_master_status{name="relax-operator"} 1');
    await waitFor(async () => !(await leads()), { timeoutMs: 30_000, what: 'the lease lost' });
    await fleet.api.restartApi();
    await waitFor(leads, { timeoutMs: 60_000, what: 'leading again' });
    expect(operator.ended()).toBeUndefined();
    await waitFor(async () => (await http('/readyz')).status === 200, { timeoutMs: 60_000, what: 'ready again' });
    await fleet.addBot('after', 'T0AFTER');
    await fleet.until('after', 'True Live 2/2', 60_000);
    expect(fleet.slack.sockets().map(({ id }) => id)).toEqual(expect.arrayContaining(before));
  });

  it('hands over at once when it is stopped gracefully, without a socket moved or a status changed', async () => {
    const before = fleet.slack.sockets().map(({ id }) => id);
    const { metadata } = await fleet.read('acme');
    const next = await fleet.operator('operator-2', { KUBECONFIG: rights });
    await operator.stop();
    operator = next;
    await fleet.kubectl.must(['patch', 'slackbot', 'after', '--type=merge', '-p', '{"spec":{"queueNamespace":"n"}}']);
    await waitFor(async () => (await fleet.read('after')).status?.observedGeneration === 2, { timeoutMs: 20_000 });
    expect(fleet.slack.sockets().map(({ id }) => id)).toEqual(before);
    expect((await fleet.read('acme')).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  it('takes its finalizer off everything before an uninstall, though an operator still runs', async () => {
    await fleet.releaseFinalizers(await fleet.operatorRights({}, 'uninstall'));
    const { items } = JSON.parse(await fleet.kubectl.must(['get', 'slackbots', '-o', 'json']));
    expect(items.length).toBeGreaterThan(3);
    for (const { metadata } of items) {
      expect(metadata.finalizers ?? [], metadata.name).toEqual([]);
      expect(metadata.annotations?.['relax.dev/operator']).toBeUndefined();
      expect(await fleet.shows(metadata.name)).toBe('Unknown OperatorGone 0/0');
    }
    await fleet.kubectl.must(['delete', 'slackbots', '--all', '--timeout=20s']);
    expect(await gone('acme')).toBe(true);
  });

  it('has revealed no token in any log, status, Event or plain Redis value', async () => {
    const texts = [
      ...fleet.lines,
      await fleet.kubectl.must(['get', 'events.events.k8s.io', '-o', 'json']),
      await fleet.everythingInRedis(),
      (await http('/metrics').catch(() => ({ text: '' }))).text,
    ];
    expect(texts.join('\n').length).toBeGreaterThan(10_000);
    expect(texts.filter((text) => text.includes('secretpart'))).toEqual([]);
  });
});
