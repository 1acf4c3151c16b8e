import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { generatedApp, generatedInstallation } from '#slack-simulator/app.ts';
import { type Control, controlOf } from '#slack-simulator/control.ts';
import { waitFor } from '#test/support/wait.ts';
import { callApi, dial } from '../raw-client.ts';
import { acknowledge, connectionURL } from './app-client.ts';

const BIN = join(import.meta.dirname, '../../../../bin/relax.mjs');
const endings: (() => Promise<void>)[] = [];

/** `relax slack` with two apps in two teams each, and no team for RTM. */
async function drive(...args: string[]): Promise<{ url: string; control: Control; apps: number }> {
  const flags = ['slack', '--json', '--control', '--teams', '0', '--apps', '2', '--app-teams', '2', ...args];
  const child = spawn(process.execPath, [BIN, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { url, apps } = JSON.parse(line) as { url: string; apps: number };
  const control = controlOf(url);
  endings.push(async () => {
    await control.close();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return { url, control, apps };
}
afterEach(async () => {
  await Promise.all(endings.splice(0).map((end) => end()));
});

const { appID, appToken } = generatedApp(1);
const { teamID } = generatedInstallation(1, 1);
const open = async (url: string, token = appToken) => {
  const socket = dial(await connectionURL({ url }, token));
  const hello = await socket.frame(({ type }) => type === 'hello');
  return { ...socket, hello };
};

describe('relax slack with apps', () => {
  it('has the apps and the teams that it was asked for', async () => {
    const { url, control, apps } = await drive();
    expect(apps).toBe(2);
    const list = await control.apps.list();
    expect(list.map((app) => [app.appID, app.tokens])).toEqual(
      [1, 2].map((n) => [generatedApp(n).appID, [generatedApp(n).appToken]]),
    );
    expect(list[1]?.installations.map((installation) => installation.teamID)).toEqual(
      [1, 2].map((n) => generatedInstallation(2, n).teamID),
    );
    expect((await callApi({ url }, 'auth.test', appToken)).body).toMatchObject({ app_id: appID });
  });

  it('keeps to its options', async () => {
    const flags = ['--max-websockets', '1', '--ack-timeout', '0.05', '--retry-delays', '0,0', '--same-envelope-id'];
    const { url, control } = await drive(...flags, '--connection-seconds', '600', '--app-burst', '2');
    const socket = await open(url);
    expect(socket.hello).toMatchObject({ debug_info: { approximate_connection_time: 600 } });
    const second = dial(await connectionURL({ url }, appToken));
    await second.frame(({ reason }) => reason === 'too_many_websockets');
    await second.closed;
    expect((await callApi({ url }, 'apps.connections.open', appToken)).status).toBe(429);
    await control.apps.emitEvent(appID, teamID, 'message');
    await waitFor(async () => (await control.apps.events({ appID, state: 'givenUp' })).length === 1);
    expect((await control.apps.deliveries(appID)).map(({ attempt }) => attempt)).toEqual([0, 1, 2]);
    expect(new Set((await control.apps.deliveries()).map(({ envelopeID }) => envelopeID)).size).toBe(1);
  });
});

describe('the control API of apps', () => {
  it('adds, installs, rotates, revokes, uninstalls and removes', async () => {
    const { url, control } = await drive();
    const identity = async (token: string) => (await callApi({ url }, 'auth.test', token)).body;
    await control.apps.add({ appID: 'A9', appToken: 'xapp-1-A9-one', name: 'Ninth' });
    await control.apps.install('A9', {
      teamID: 'T9',
      botToken: 'xoxb-nine',
      isEnterpriseInstall: true,
      enterpriseID: 'E9',
    });
    expect(await identity('xoxb-nine')).toMatchObject({ team_id: 'T9', enterprise_id: 'E9' });
    const { token } = await control.apps.rotateToken('A9');
    expect(await identity(token)).toMatchObject({ app_id: 'A9', app_name: 'Ninth' });
    expect(await identity('xapp-1-A9-one')).toMatchObject({ error: 'token_revoked' });
    await control.apps.addToken('A9', 'xapp-1-A9-two');
    await control.apps.revokeToken('xapp-1-A9-two');
    expect(await identity('xapp-1-A9-two')).toMatchObject({ error: 'token_revoked' });
    await control.apps.uninstall('A9', 'T9');
    expect(await identity('xoxb-nine')).toMatchObject({ error: 'invalid_auth' });
    await control.apps.remove('A9');
    expect(await identity(token)).toMatchObject({ error: 'invalid_auth' });
  });

  it('emits all that an app is told of, and tells what became of it', async () => {
    const { url, control } = await drive();
    const socket = await open(url);
    const event = await control.apps.emitEvent(appID, teamID, 'reaction_added', { channel: 'C7', outer: { a: 1 } });
    await control.apps.emit(appID, teamID, { type: 'assistant_thread_started' });
    await control.apps.emitCommand(appID, teamID, { command: '/deploy' });
    await control.apps.emitInteractive(appID, teamID, 'view_submission', { callbackID: 'settings' });
    await control.apps.emitEnvelope(appID, {
      type: 'events_api',
      payload: { type: 'app_rate_limited', team_id: teamID },
    });
    await waitFor(() => socket.frames.length === 6);
    for (const envelope of socket.frames.slice(1)) acknowledge(socket, envelope, { text: 'yes' });
    await waitFor(async () => (await control.stats()).apps.events.acked === 5);
    expect(socket.frames[1]).toMatchObject({
      payload: { event_id: event.eventID, event: { item: { channel: 'C7' } }, a: 1 },
    });
    expect((await control.apps.events({ appID })).map(({ envelope, type }) => [envelope, type])).toEqual([
      ['events_api', 'reaction_added'],
      ['events_api', 'assistant_thread_started'],
      ['slash_commands', '/deploy'],
      ['interactive', 'view_submission'],
      ['events_api', 'app_rate_limited'],
    ]);
    expect((await control.stats()).apps).toMatchObject({
      opens: { [appID]: { ok: 1 } },
      handshakes: { [appID]: { ok: 1 } },
      sockets: { registered: 1, live: 1, ghosts: 0 },
      events: { emitted: 5, acked: 5, deliveries: 5 },
      acks: { payloadsIgnored: 3 },
      ackLatency: { count: 5 },
    });
    await control.apps.forgetEvents();
    expect([await control.apps.events(), await control.apps.deliveries()]).toEqual([[], []]);
  });

  it('strikes sockets, switches Socket Mode off and on, and sets faults for an app', async () => {
    const { url, control } = await drive();
    const socket = await open(url);
    const [view] = await control.apps.sockets(appID);
    expect(view).toMatchObject({ appID, state: 'live' });
    const target = { appID, socketID: view?.id };
    expect(await control.apps.inflict(target, { kind: 'ghost', forMs: 60_000 })).toEqual({ struck: [view?.id] });
    await socket.closed;
    expect((await open(url)).hello).toMatchObject({ num_connections: 2 });
    await control.apps.setSocketMode(appID, false);
    expect((await callApi({ url }, 'apps.connections.open', appToken)).body).toEqual({
      ok: false,
      error: 'forbidden_team',
    });
    await control.apps.setSocketMode(appID, true);
    await control.setFault({ appID, at: 'upgrade', answer: { kind: 'http', status: 409 } });
    await dial(await connectionURL({ url }, appToken)).closed;
    await open(url, generatedApp(2).appToken);
    expect((await control.stats()).apps.handshakes[appID]).toEqual({ ok: 2, http_409: 1 });
  });

  it('runs a burst for an app', async () => {
    const { url, control } = await drive();
    const socket = await open(url);
    const { id } = await control.startBurst({ events: 40, perSecond: 4_000, apps: [appID] });
    await waitFor(async () => (await control.burst(id)).done);
    await waitFor(() => socket.frames.length === 41);
    const teams = socket.frames.slice(1).map(({ payload }) => (payload as { team_id: string }).team_id);
    expect(new Set(teams)).toEqual(new Set([1, 2].map((n) => generatedInstallation(1, n).teamID)));
  });

  it('refuses bad input in words that name the field', async () => {
    const { url, control } = await drive();
    await expect(control.apps.emitEvent('A404', teamID, 'message')).rejects.toThrow('no app A404 here: add it first');
    await expect(control.apps.emitEvent(appID, 'T404', 'message')).rejects.toThrow('install it first');
    await expect(control.apps.emitCommand(appID, teamID, { command: 'deploy' })).rejects.toThrow('command');
    const answer = await fetch(new URL('/_control/apps/interactions', url), {
      method: 'POST',
      body: JSON.stringify({ appID, teamID, kind: 'dance' }),
    });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('view_submission')]);
  });
});
