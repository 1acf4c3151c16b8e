import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { type Control, controlOf } from '#slack-simulator/control.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { waitFor } from '#test/support/wait.ts';
import { callApi, dial } from './raw-client.ts';

const BIN = join(import.meta.dirname, '../../../bin/relax.mjs');
const children: ChildProcess[] = [];
const controls: Control[] = [];

async function run(...args: string[]): Promise<{ child: ChildProcess; url: string; caFile?: string; teams: number }> {
  const child = spawn(process.execPath, [BIN, 'slack', '--json', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, ...JSON.parse(line) };
}

async function drive(...args: string[]): Promise<{ url: string; control: Control }> {
  const { url, caFile } = await run('--control', '--teams', '3', '--burst', '10', ...args);
  const control = controlOf(url, { caFile });
  controls.push(control);
  return { url, control };
}

const open = async (url: string, token: string) => {
  const { body } = await callApi({ url }, 'rtm.connect', token);
  const socket = dial(String(body.url));
  await socket.frame(({ type }) => type === 'hello');
  return socket;
};

afterEach(async () => {
  await Promise.all(controls.splice(0).map((control) => control.close()));
  for (const child of children.splice(0)) {
    if (child.exitCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

const team = generatedTeam(1);

describe('relax slack for another program', () => {
  it('prints where it is, has the teams that it was asked for, and ends on SIGTERM', async () => {
    const { child, url, teams } = await run('--teams', '500');
    expect(teams).toBe(500);
    const last = generatedTeam(500);
    expect((await callApi({ url }, 'auth.test', last.token)).body).toMatchObject({ team_id: last.teamID });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('has no control API unless told', async () => {
    const { url } = await run();
    expect((await fetch(new URL('/_control/stats', url))).status).toBe(404);
  });

  it.each([
    ['--port', 'x'],
    ['--port', '65536'],
    ['--burst', '0'],
    ['--limit-by', 'moon'],
    ['--app-teams', '0'],
    ['--retry-delays', '0,soon'],
    ['--no-such-option', '1'],
  ])('refuses %s %s with status 2', async (...args) => {
    const child = spawn(process.execPath, [BIN, 'slack', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const said = child.stderr.toArray();
    expect(await once(child, 'exit')).toEqual([2, null]);
    expect(String((await said).join(''))).toContain(args[0]);
  });

  it('says that its port is taken, and what to do', async () => {
    const { url } = await run();
    const args = [BIN, 'slack', '--port', new URL(url).port];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const said = child.stderr.toArray();
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(String((await said).join(''))).toMatch(/port \d+ is taken.*0 for any free one/);
  });

  it.each(['127.0.0.1', 'localhost'])('can be driven over TLS, too, at %s', async (host) => {
    const { control } = await drive('--tls', '--host', host);
    expect((await control.teams()).map(({ teamID }) => teamID)).toContain(team.teamID);
  });
});

describe('the control API', () => {
  it('adds, rotates, revokes, moves and removes', async () => {
    const { url, control } = await drive();
    const identity = async (token: string) => (await callApi({ url }, 'auth.test', token)).body;
    await control.addTeam({ teamID: 'T9', token: 'xoxb-nine' });
    expect(await identity('xoxb-nine')).toMatchObject({ team_id: 'T9' });
    const { token } = await control.rotateToken('T9');
    expect(await identity(token)).toMatchObject({ team_id: 'T9' });
    expect(await identity('xoxb-nine')).toMatchObject({ error: 'token_revoked' });
    await control.rotateToken('T9', { token: 'xoxb-third', revokeOld: false });
    expect(await identity(token)).toMatchObject({ ok: true });
    await control.moveToken('xoxb-third', team.teamID);
    expect(await identity('xoxb-third')).toMatchObject({ team_id: team.teamID });
    await control.revokeToken(token);
    expect(await identity(token)).toMatchObject({ error: 'token_revoked' });
    await control.addToken('T9', 'xoxb-granular', { granular: true });
    expect((await callApi({ url }, 'rtm.connect', 'xoxb-granular')).body.error).toBe('not_allowed_token_type');
    await control.removeTeam('T9');
    expect(await identity('xoxb-granular')).toMatchObject({ error: 'invalid_auth' });
  });

  it('emits, tells who heard, and strikes sockets', async () => {
    const { url, control } = await drive();
    const unheard = await control.emitEvent(team.teamID, 'message');
    const socket = await open(url, team.token);
    const { id, ts } = await control.emitEvent(team.teamID, 'reaction_added', { channel: 'C7' });
    expect(await socket.frame(({ event_ts }) => event_ts === ts)).toMatchObject({ item: { channel: 'C7' } });
    await control.emit(team.teamID, { type: 'anything', at: 'all' });
    await socket.frame(({ type, at }) => type === 'anything' && at === 'all');
    expect((await control.events()).map(({ sockets }) => sockets)).toEqual([0, 1, 1]);
    expect((await control.unheard()).map((record) => record.id)).toEqual([unheard.id]);
    expect(id).toBe(`${team.teamID}/${ts}`);

    const [view] = await control.sockets(team.teamID);
    expect(view).toMatchObject({ state: 'live', delivered: 2 });
    expect(await control.stats()).toMatchObject({
      connects: { [team.teamID]: { ok: 1 } },
      sockets: { open: 1, live: 1 },
      events: { emitted: 3, deliveries: 2, unheard: 1 },
      deliveriesBySocket: { [view?.id ?? '']: 2 },
    });
    const struck = await control.inflict({ teamID: team.teamID, socketID: view?.id }, { kind: 'close', code: 1012 });
    expect(struck).toEqual({ struck: [view?.id] });
    expect(await socket.closed).toBe(1012);
    await control.forgetEvents();
    expect(await control.events()).toEqual([]);
  });

  it('sets faults and deletes them', async () => {
    const { url, control } = await drive();
    const answer = { kind: 'error', error: 'fatal_error' } as const;
    const { id } = await control.setFault({ teamID: team.teamID, at: 'method', method: 'rtm.connect', answer });
    await control.setFault({ at: 'upgrade', answer: { kind: 'http', status: 503 } });
    expect((await callApi({ url }, 'rtm.connect', team.token)).body.error).toBe('fatal_error');
    expect((await control.faults()).map((fault) => fault.id)).toContain(id);
    await control.clearFault(id);
    expect((await callApi({ url }, 'rtm.connect', team.token)).body.ok).toBe(true);
    await expect(control.clearFault(id)).rejects.toThrow('no fault');
    await control.clearFaults();
    expect(await control.faults()).toEqual([]);
  });

  it('runs a burst and stops one', async () => {
    const { url, control } = await drive();
    const socket = await open(url, team.token);
    const { id } = await control.startBurst({
      events: 300,
      perSecond: 3000,
      teams: [team.teamID],
      kinds: ['message', 'team_join'],
    });
    await waitFor(async () => (await control.burst(id)).done);
    await waitFor(() => socket.frames.length === 301);
    expect(socket.frames.filter(({ type }) => type === 'team_join')).toHaveLength(150);
    const endless = await control.startBurst({ events: 1_000_000, perSecond: 10 });
    await control.stopBurst(endless.id);
    await waitFor(async () => (await control.burst(endless.id)).done);
  });

  it('refuses bad input in words that name the field', async () => {
    const { url, control } = await drive();
    await expect(control.emitEvent('T404', 'message')).rejects.toThrow('no team T404 here: add it first');
    await expect(control.startBurst({ events: 0, perSecond: 1 })).rejects.toThrow('events');
    const response = await fetch(new URL('/_control/faults', url), { method: 'POST', body: '{"at":"nowhere"}' });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('at')]);
    const ofNoKind = await fetch(new URL('/_control/events', url), {
      method: 'POST',
      body: '{"teamID":"T1","kind":"x"}',
    });
    expect(await ofNoKind.text()).toContain('team_join');
    const unknown = await fetch(new URL('/_control/nothing', url));
    expect([unknown.status, await unknown.text()]).toEqual([
      404,
      expect.stringContaining('POST /_control/teams/:id/rotate'),
    ]);
  });
});
