import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commandKeys, rotationKey } from '#core/protocol/keys.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { generatedAppToken } from '#slack-simulator/app.ts';
import type { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet, type Running } from '#test/support/kube/operator-fleet.ts';
import { SlackProxy } from '#test/support/kube/slack-proxy.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { TcpRelay } from '#test/support/tcp-relay.ts';
import { waitFor } from '#test/support/wait.ts';

const CLIENT = { clientID: '1111.2222', clientSecret: 'client-secretpart' };
const OWN = 'A0OWN';
const SHOP = 'A0SHOP';
const COMMANDS = commandKeys('relax:commands');
const EXPIRES_AT = 'relax.dev/token-expires-at';

interface SecretJson {
  metadata: { annotations?: Record<string, string>; labels?: Record<string, string> };
  data: Record<string, string>;
}

kubeBinariesSuite('Rotating tokens on a real API server, with the rights that the chart gives', () => {
  let fleet: OperatorFleet;
  let operator: Running;
  let connector: Running;
  let redis: TestRedis;
  let rights: string;
  /** The operator that reaches Slack through `proxy` only, and the API server not through it. */
  let proxied: RelaxProgram | undefined;
  let proxy: SlackProxy | undefined;
  let relay: TcpRelay | undefined;
  /** Everything that must be seen nowhere. */
  const secrets = new Set([CLIENT.clientSecret]);
  const env = () => ({
    RELAX_SLACK_API_URL: fleet.slack.url,
    RELAX_CREDENTIALS_WRITE_BACK: 'true',
    KUBECONFIG: rights,
  });

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    redis = await connectTo(fleet.redis);
    connector = await fleet.connector('connector-0', 'a');
    rights = await fleet.operatorRights({ config: { credentialsWriteBack: true } });
    operator = await fleet.operator('operator-0', env());
    await Promise.all([addOwn(), addCarried()]);
  });
  afterAll(async () => {
    redis?.close();
    await fleet?.stop();
    await Promise.all([proxy?.stop(), relay?.stop()]);
  });

  const read = async (name: string) => {
    const secret: SecretJson = JSON.parse(await fleet.kubectl.must(['get', 'secret', name, '-o', 'json']));
    const value = (key: string) => Buffer.from(secret.data[key] ?? '', 'base64').toString();
    return { token: value('token'), refreshToken: value('refresh-token'), ...secret };
  };
  const rotationOf = (teamID: string) => {
    const found = fleet.slack.tokens.rotations().find((rotation) => rotation.teamID === teamID);
    if (found === undefined) throw new Error(`no rotation of ${teamID}`);
    secrets.add(found.pair.accessToken).add(found.pair.refreshToken);
    return found;
  };
  /** A team whose token rotates, and its Secret. */
  const addTeam = async (name: string, teamID: string, labelled = true): Promise<string> => {
    fleet.slack.addTeam({ teamID, token: `xoxb-${name}-classic` });
    const data = rotatingSecret({ teamID });
    await fleet.secret(name, { ...data, mine: 'stays' }, labelled);
    return data.token;
  };
  const rotatingSecret = (place: { teamID: string; appID?: string }) => {
    const { accessToken, refreshToken } = fleet.slack.tokens.rotate(place, CLIENT);
    secrets.add(accessToken).add(refreshToken);
    const { clientID, clientSecret } = CLIENT;
    return { token: accessToken, 'refresh-token': refreshToken, 'client-id': clientID, 'client-secret': clientSecret };
  };
  /** The Secret of a team that has installed the app, with a token that has expired. */
  const addInstallation = async (name: string, place: { teamID: string; appID: string }, more = {}): Promise<void> => {
    const { apps, tokens } = fleet.slack;
    secrets.add(generatedAppToken(place.appID, 0));
    apps.add({ appID: place.appID, appToken: generatedAppToken(place.appID, 0) });
    apps.install(place.appID, { teamID: place.teamID, botToken: `xoxb-${name}-classic` });
    const data = rotatingSecret(place);
    tokens.expire(data.token);
    await fleet.secret(name, { ...data, ...more });
  };
  const addOwn = async (): Promise<void> => {
    await addInstallation('own', { teamID: 'T0OWN', appID: OWN }, { 'app-token': generatedAppToken(OWN, 0) });
    await addBot('own', 'T0OWN', { transport: 'SocketMode' });
  };
  const addCarried = async (): Promise<void> => {
    await addInstallation('carried', { teamID: 'T0CARRIED', appID: SHOP });
    await fleet.secret('shop', { 'app-token': generatedAppToken(SHOP, 0) });
    await fleet.apply('shop', { appID: SHOP, credentials: { secretRef: { name: 'shop' } } }, 'bots', 'SlackApp');
    const spec = { transport: 'App', appRef: { name: 'shop' }, credentials: { secretRef: { name: 'carried' } } };
    await fleet.apply('carried', { teamID: 'T0CARRIED', ...spec });
    const command = { type: 'message', id: 'hello', bot: 'bots/carried', channel: 'C1', text: 'hello' };
    await redis.rpush(COMMANDS.commands, JSON.stringify(command));
  };
  const addBot = (name: string, teamID: string, more: object = {}) =>
    fleet.apply(name, { teamID, credentials: { secretRef: { name } }, replicas: 1, ...more });
  const untilWritten = (name: string, teamID: string, refreshes: number) =>
    waitFor(
      async () => {
        const { refreshes: count, pair } = rotationOf(teamID);
        const secret = await read(name);
        return count === refreshes && secret.token === pair.accessToken && secret.refreshToken === pair.refreshToken;
      },
      { timeoutMs: 40_000, everyMs: 100, what: `${name} written after ${refreshes} refreshes` },
    ).catch((cause: unknown) => {
      throw new Error(`last lines:\n${fleet.lines.slice(-30).join('\n')}`, { cause });
    });

  it('refreshes a token that Slack calls expired, and writes its two keys and the time into the Secret', async () => {
    fleet.slack.tokens.expire(await addTeam('acme', 'T0ACME'));
    await addBot('acme', 'T0ACME');
    await fleet.until('acme', 'True Live 1/1', 40_000);
    await untilWritten('acme', 'T0ACME', 1);
    const { data, metadata } = await read('acme');
    expect(Object.keys(data).sort()).toEqual(['client-id', 'client-secret', 'mine', 'refresh-token', 'token']);
    expect(Buffer.from(data.mine ?? '', 'base64').toString()).toBe('stays');
    expect(metadata.labels).toEqual({ 'relax.dev/credentials': 'true' });
    const leftMs = Date.parse(metadata.annotations?.[EXPIRES_AT] ?? '') - Date.now();
    expect(leftMs / 3_600_000).toBeCloseTo(12, 1);
    expect(await fleet.condition('acme', 'CredentialsValid')).toMatch(/^True Accepted/);
  });

  it('refreshes 2 hours before the time that the Secret gives, without a gap', async () => {
    await addTeam('noted', 'T0NOTED');
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    await fleet.kubectl.must(['annotate', 'secret', 'noted', `${EXPIRES_AT}=${soon}`]);
    await addBot('noted', 'T0NOTED');
    await untilWritten('noted', 'T0NOTED', 1);
    await fleet.until('noted', 'True Live 1/1');
  });

  it('writes over no change of a person, and tries again with what it finds', async () => {
    await addTeam('edited', 'T0EDITED', false);
    await addBot('edited', 'T0EDITED');
    await fleet.until('edited', 'True Live 1/1');
    // The operator reads an unlabelled Secret every 5 minutes, so it does not know of this version.
    const patch = JSON.stringify({ stringData: { mine: 'changed' } });
    await fleet.kubectl.must(['patch', 'secret', 'edited', '--type=merge', '-p', patch]);
    const { token } = await read('edited');
    fleet.slack.tokens.expire(token);
    fleet.slack.inflict({ teamID: 'T0EDITED' }, { kind: 'drop' });
    await untilWritten('edited', 'T0EDITED', 1);
    const { data } = await read('edited');
    expect(Buffer.from(data.mine ?? '', 'base64').toString()).toBe('changed');
    const metrics = await (await fetch(`http://127.0.0.1:${operator.port}/metrics`)).text();
    expect(metrics).toMatch(/^relax_secret_writes_total\{result="changed"\} [1-9]/m);
    expect(metrics).toMatch(/^relax_token_refreshes_total\{result="refreshed"\} [1-9]/m);
  });

  it('does all of it for a SlackBot over Socket Mode, whose sockets are opened by a token that does not rotate', async () => {
    await untilWritten('own', 'T0OWN', 1);
    await fleet.until('own', 'True Live 1/1');
    expect(await fleet.condition('own', 'CredentialsValid')).toMatch(/^True Accepted/);
  });

  it('does all of it for a SlackBot that an app carries, whose message waits for the token', async () => {
    await untilWritten('carried', 'T0CARRIED', 1);
    await waitFor(async () => (await redis.get(COMMANDS.result('hello')))?.includes('"state":"sent"'), {
      timeoutMs: 20_000,
      what: 'the message',
    });
    const sentWith = createHash('sha256').update(rotationOf('T0CARRIED').pair.accessToken).digest('hex');
    expect(fleet.slack.posts.list('T0CARRIED')).toMatchObject([{ text: 'hello', tokenDigest: sentWith }]);
    await waitFor(async () => (await fleet.condition('carried', 'CredentialsValid')).startsWith('True Accepted'), {
      what: 'good credentials',
    });
  });

  it('says what is missing of a Secret that can not be refreshed, and runs it', async () => {
    fleet.slack.addTeam({ teamID: 'T0HALF', token: 'xoxb-half-secretpart' });
    await fleet.secret('half', { token: 'xoxb-half-secretpart', 'refresh-token': 'xoxe-1-half-secretpart' });
    await addBot('half', 'T0HALF');
    await fleet.until('half', 'True Live 1/1');
    expect(await fleet.condition('half', 'CredentialsValid')).toMatch(
      /^True Accepted.*has token and refresh-token but not client-id and client-secret/,
    );
  });

  it('says in an Event and in the status that Slack refuses the refresh, while the sockets stay', async () => {
    await addTeam('refused', 'T0REFUSED');
    const data = { 'client-secret': 'another-secretpart' };
    await fleet.kubectl.must([
      'patch',
      'secret',
      'refused',
      '--type=merge',
      '-p',
      JSON.stringify({ stringData: data }),
    ]);
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    await fleet.kubectl.must(['annotate', 'secret', 'refused', `${EXPIRES_AT}=${soon}`]);
    await addBot('refused', 'T0REFUSED');
    await waitFor(async () => (await fleet.condition('refused', 'CredentialsValid')).includes('bad_client_secret'), {
      timeoutMs: 20_000,
      what: 'the warning',
    });
    await fleet.until('refused', 'True Live 1/1');
    const events = await waitFor(
      async () => {
        const { items } = JSON.parse(await fleet.kubectl.must(['get', 'events.events.k8s.io', '-o', 'json']));
        const found = items.filter(({ reason }: { reason: string }) => reason === 'RefreshRefused');
        return found.length > 0 && found;
      },
      { what: 'the Event' },
    );
    expect(events[0]).toMatchObject({ type: 'Warning', regarding: { name: 'refused' } });
    expect(events[0].note).toContain('bad_client_secret');
  });

  it('loses nothing when the API server is away between Redis and the Secret, and the operator restarts then', async () => {
    const before = rotationOf('T0ACME').pair.accessToken;
    await fleet.api.killApi();
    fleet.slack.tokens.expire(before);
    fleet.slack.inflict({ teamID: 'T0ACME' }, { kind: 'drop' });
    const key = rotationKey('T0ACME', tokenDigest(CLIENT.clientID));
    await waitFor(
      async () => {
        const { refreshes, pair } = rotationOf('T0ACME');
        const record = JSON.parse((await redis.hget(key, 'pair')) ?? '{}');
        return refreshes === 2 && record.tokenDigest === tokenDigest(pair.accessToken);
      },
      { timeoutMs: 30_000, what: 'the new pair in Redis' },
    );
    await waitFor(() => fleet.slack.sockets('T0ACME').length === 1, { timeoutMs: 30_000, what: 'live again' });
    await Promise.all([operator.stop(), fleet.api.restartApi()]);
    expect((await read('acme')).token).toBe(before);
    // Nobody could release it, and its expiry is not what this is about.
    await fleet.kubectl.must(['delete', 'lease', 'relax-operator', '-n', 'relax']);
    await startProxied();
    await untilWritten('acme', 'T0ACME', 2);
    await fleet.until('acme', 'True Live 1/1', 40_000);
  });

  /** HTTPS_PROXY excludes neither Slack nor the API server, as the operator reaches them. */
  const startProxied = async (): Promise<void> => {
    proxy = await SlackProxy.start(fleet.slack.url);
    relay = await TcpRelay.start(Number(new URL(fleet.api.url).port), '127.0.0.2');
    const config = JSON.parse(readFileSync(rights, 'utf8'));
    Object.assign(config.clusters[0].cluster, {
      server: `https://127.0.0.2:${relay.port}`,
      'tls-server-name': 'kubernetes',
    });
    const kubeconfig = join(fleet.api.folder, 'proxied.kubeconfig');
    writeFileSync(kubeconfig, JSON.stringify(config));
    proxied = fleet.operatorProgram('operator-1', { ...env(), ...proxy.env, KUBECONFIG: kubeconfig });
  };

  it('asks Slack through HTTPS_PROXY, and the API server without it', async () => {
    fleet.slack.tokens.expire(rotationOf('T0NOTED').pair.accessToken);
    fleet.slack.inflict({ teamID: 'T0NOTED' }, { kind: 'drop' });
    await untilWritten('noted', 'T0NOTED', 2);
    expect(proxy?.asked()).toEqual(['slack.test:443']);
  });

  it('keeps the pair for a while when the SlackBot is gone', async () => {
    await fleet.kubectl.must(['delete', 'slackbot', 'acme', '--timeout=40s']);
    const key = rotationKey('T0ACME', tokenDigest(CLIENT.clientID));
    await waitFor(async () => Number(await redis.call('pttl', key)) > 0, { what: 'the pair has a time to live' });
  });

  it('reveals no token, refresh token or client secret in any log, status, Event, metric or plain Redis value', async () => {
    const { port } = (await proxied?.logged('starting operator')) ?? {};
    const texts = [
      ...fleet.lines,
      JSON.stringify(proxied?.lines),
      proxied?.text ?? '',
      await fleet.kubectl.must(['get', 'slackbots', '-o', 'json']),
      await fleet.kubectl.must(['get', 'events.events.k8s.io', '-o', 'json']),
      await fleet.everythingInRedis(),
      await fleet.kubectl.must(['describe', 'slackbots,slackapps']),
      await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
      await (await fetch(`http://127.0.0.1:${connector.port}/metrics`)).text(),
    ];
    expect(texts.join('\n').length).toBeGreaterThan(10_000);
    expect(secrets.size).toBeGreaterThan(16);
    for (const secret of [...secrets, 'secretpart']) {
      const base64 = Buffer.from(secret).toString('base64');
      expect(texts.filter((text) => text.includes(secret) || text.includes(base64))).toEqual([]);
    }
  });
});
