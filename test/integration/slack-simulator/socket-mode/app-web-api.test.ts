import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { SimulatorOptions } from '#slack-simulator/simulator-api.ts';
import { waitFor } from '#test/support/wait.ts';
import { callApi } from '../raw-client.ts';
import { openAppSocket } from './app-client.ts';

let slack: Simulator;
const appToken = 'xapp-1-A1-one';
const start = async (options: SimulatorOptions = {}): Promise<void> => {
  slack = await startSimulator(options);
  slack.addTeam({ teamID: 'T9', token: 'xoxb-classic' });
  slack.apps.add({ appID: 'A1', appToken, name: 'Deployer' });
  slack.apps.install('A1', { teamID: 'T1', name: 'Acme', botToken: 'xoxb-a1-t1', botUserID: 'U1BOT' });
};
afterEach(() => slack.stop());

const ask = async (method: string, token?: string, args?: Record<string, string>) =>
  (await callApi(slack, method, token, args)).body;
const open = 'apps.connections.open';

describe('apps.connections.open', () => {
  it.each([
    ['no token', undefined, 'not_authed'],
    ['one that nobody knows', 'xapp-1-A1-nobody', 'invalid_auth'],
    ['a bot token of the app', 'xoxb-a1-t1', 'not_allowed_token_type'],
    ['a bot token of a classic app', 'xoxb-classic', 'not_allowed_token_type'],
  ])('refuses %s', async (_, token, error) => {
    await start();
    expect(await ask(open, token)).toEqual({ ok: false, error });
  });

  it('refuses a revoked token, and those of an app that is gone', async () => {
    await start();
    slack.apps.addToken('A1', 'xapp-1-A1-two');
    slack.apps.revokeToken(appToken);
    expect(await ask(open, appToken)).toEqual({ ok: false, error: 'token_revoked' });
    expect(await ask(open, 'xapp-1-A1-two')).toMatchObject({ ok: true });
    slack.apps.remove('A1');
    expect(await ask(open, 'xapp-1-A1-two')).toEqual({ ok: false, error: 'invalid_auth' });
    expect(await ask('auth.test', 'xoxb-a1-t1')).toEqual({ ok: false, error: 'invalid_auth' });
  });

  it('takes the token in the header only, and only a POST', async () => {
    await start();
    expect(await ask(open, undefined, { token: appToken })).toEqual({ ok: false, error: 'invalid_auth' });
    const got = await fetch(`${slack.url}${open}`, { headers: { authorization: `Bearer ${appToken}` } });
    expect(await got.json()).toEqual({ ok: false, error: 'insecure_request' });
  });

  it('is limited for each app, over all its tokens, and says for how long', async () => {
    await start({ appConnectBurst: 2, appConnectPerMinute: 30 });
    slack.apps.addToken('A1', 'xapp-1-A1-two');
    slack.apps.add({ appID: 'A2', appToken: 'xapp-1-A2-one' });
    for (const token of [appToken, 'xapp-1-A1-two', 'xapp-1-A2-one']) expect((await ask(open, token)).ok).toBe(true);
    expect(await callApi(slack, open, appToken)).toMatchObject({
      status: 429,
      retryAfter: '2',
      body: { ok: false, error: 'ratelimited' },
    });
    expect(slack.stats().apps.opens).toEqual({ A1: { ok: 2, ratelimited: 1 }, A2: { ok: 1 } });
  });
});

describe('the other methods', () => {
  it('auth.test tells an app who it is, and a bot of an app where, too', async () => {
    await start();
    expect(await ask('auth.test', appToken)).toEqual({ ok: true, app_id: 'A1', app_name: 'Deployer' });
    expect(await ask('auth.test', 'xoxb-a1-t1')).toMatchObject({
      ok: true,
      team: 'Acme',
      team_id: 'T1',
      user_id: 'U1BOT',
      bot_id: slack.apps.list()[0]?.installations[0]?.botID,
      is_enterprise_install: false,
    });
  });

  it('bots.info tells which app a bot is of', async () => {
    await start();
    const { bot_id: bot } = await ask('auth.test', 'xoxb-a1-t1');
    expect(await ask('bots.info', 'xoxb-a1-t1', { bot: String(bot) })).toMatchObject({
      ok: true,
      bot: { id: bot, app_id: 'A1', user_id: 'U1BOT' },
    });
    expect(await ask('bots.info', 'xoxb-a1-t1', { bot: 'B404' })).toEqual({ ok: false, error: 'bot_not_found' });
  });

  it('an app-level token may call no method of a bot, and a bot of an app has no RTM', async () => {
    await start();
    for (const method of ['chat.postMessage', 'bots.info', 'rtm.connect']) {
      expect(await ask(method, appToken)).toEqual({ ok: false, error: 'not_allowed_token_type' });
    }
    expect(await ask('rtm.connect', 'xoxb-a1-t1')).toEqual({ ok: false, error: 'not_allowed_token_type' });
  });

  it('chat.postMessage comes back to the app as a message of its own bot', async () => {
    await start();
    const socket = await openAppSocket(slack, appToken);
    const { ts } = await ask('chat.postMessage', 'xoxb-a1-t1', { channel: 'D1', text: 'hello' });
    const envelope = await socket.frame(({ type }) => type === 'events_api');
    expect(envelope).toMatchObject({
      payload: {
        team_id: 'T1',
        event: { type: 'message', user: 'U1BOT', app_id: 'A1', channel: 'D1', channel_type: 'im', text: 'hello', ts },
      },
    });
  });

  it('views.open takes a trigger id once', async () => {
    await start();
    const { id } = slack.apps.emitCommand('A1', 'T1');
    const args = { trigger_id: id, view: JSON.stringify({ type: 'modal', callback_id: 'settings' }) };
    expect(await ask('views.open', 'xoxb-a1-t1', { trigger_id: id })).toEqual({
      ok: false,
      error: 'invalid_arguments',
    });
    expect(await ask('views.open', 'xoxb-a1-t1', args)).toMatchObject({
      ok: true,
      view: { type: 'modal', callback_id: 'settings', app_id: 'A1', team_id: 'T1' },
    });
    expect(await ask('views.open', 'xoxb-a1-t1', args)).toEqual({ ok: false, error: 'exchanged_trigger_id' });
  });

  it('a response URL takes JSON by POST, and says when it is used up', async () => {
    await start();
    const socket = await openAppSocket(slack, appToken);
    const { id } = slack.apps.emitCommand('A1', 'T1');
    const { payload } = await socket.frame(({ type }) => type === 'slash_commands');
    const url = String((payload as { response_url: string }).response_url);
    const post = async () => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(url, { method: 'POST', headers, body: '{"text":"done"}' });
      return [response.status, await response.text()];
    };
    for (let n = 0; n < 5; n += 1) expect(await post()).toEqual([200, 'ok']);
    expect(await post()).toEqual([404, '{"ok":false,"error":"used_url"}']);
    expect((await fetch(url)).status).toBe(404);
    expect(slack.apps.responses()).toHaveLength(5);
    expect(slack.apps.responses()[0]).toMatchObject({ id, appID: 'A1', body: { text: 'done' } });
  });

  it('a bot that is uninstalled is nobody’s', async () => {
    await start();
    slack.apps.uninstall('A1', 'T1');
    expect(await ask('auth.test', 'xoxb-a1-t1')).toEqual({ ok: false, error: 'invalid_auth' });
    expect(() => slack.apps.emitEvent('A1', 'T1', 'message')).toThrow('app A1 is not installed in team T1');
  });
});

describe('an event over RTM and one over Socket Mode', () => {
  it('are told of in a burst side by side, each its own way', async () => {
    await start();
    const socket = await openAppSocket(slack, appToken);
    const { finished } = slack.startBurst({ events: 20, perSecond: 2_000 });
    await finished;
    await waitFor(() => socket.frames.length === 11);
    expect([slack.events().length, slack.apps.events().length]).toEqual([10, 10]);
    await slack.startBurst({ events: 4, perSecond: 2_000, apps: ['A1'] }).finished;
    expect([slack.events().length, slack.apps.events().length]).toEqual([10, 14]);
  });
});
