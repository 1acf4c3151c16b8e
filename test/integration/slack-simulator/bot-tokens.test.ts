import { afterEach, describe, expect, it } from 'vitest';
import { type Control, controlOf } from '#slack-simulator/control.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { callApi, openSocket } from './raw-client.ts';
import { openAppSocket } from './socket-mode/app-client.ts';

let slack: Simulator;
let control: Control;
const start = async (): Promise<void> => {
  slack = await startSimulator({ control: true, connectBurst: 9 });
  control = controlOf(slack.url);
  slack.addTeam({ teamID: 'T1', token: 'xoxb-one', botUserID: 'U1BOT' });
  slack.apps.add({ appID: 'A1', appToken: 'xapp-1-A1-1-abc' });
  slack.apps.install('A1', { teamID: 'T7', botToken: 'xoxb-seven', botUserID: 'U7BOT' });
};
afterEach(async () => {
  await control.close();
  await slack.stop();
});

const client = { clientID: '1.2', clientSecret: 'a secret: with +' };
const inForm = { client_id: client.clientID, client_secret: client.clientSecret };
const refresh = async (refreshToken: string, more: Record<string, string> = inForm) =>
  (
    await callApi(slack, 'oauth.v2.access', undefined, {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      ...more,
    })
  ).body;
const errorOf = async (token: string, method = 'auth.test') =>
  (await callApi(slack, method, token, { channel: 'C1', text: 'hi' })).body.error;

describe.each([
  ['a classic bot', { teamID: 'T1' }],
  ["an app's bot", { teamID: 'T7', appID: 'A1' }],
])('rotating tokens of %s', (_, bot) => {
  it('are exchanged for new ones, three of which are one too many', async () => {
    await start();
    const first = await control.tokens.rotate(bot, client);
    expect(await errorOf(first.accessToken)).toBeUndefined();
    const second = await refresh(first.refreshToken);
    expect(second).toMatchObject({ ok: true, expires_in: 43_200, token_type: 'bot', team: { id: bot.teamID } });
    expect(await errorOf(first.accessToken)).toBeUndefined();
    expect(await errorOf(String(second.access_token))).toBeUndefined();
    await refresh(String(second.refresh_token));
    expect(await errorOf(first.accessToken)).toBe('token_revoked');
    expect(await errorOf(String(second.access_token))).toBeUndefined();
    expect(await control.tokens.rotations()).toMatchObject([{ ...bot, refreshes: 2, reuses: 0 }]);
    expect((await control.stats()).calls['oauth.v2.access']).toEqual({ ok: 2 });
  });

  it('expire', async () => {
    await start();
    const { accessToken } = await control.tokens.rotate(bot, client);
    await control.tokens.expire(accessToken);
    expect(await errorOf(accessToken)).toBe('token_expired');
    expect(await errorOf(accessToken, 'chat.postMessage')).toBe('token_expired');
    if (bot.teamID === 'T1') expect(await errorOf(accessToken, 'rtm.connect')).toBe('token_expired');
  });

  it('may be exchanged though the answer is lost, and then again within the grace period', async () => {
    await start();
    const { refreshToken } = await control.tokens.rotate(bot, { ...client, reuse: 'same' });
    const fault = { at: 'method', method: 'oauth.v2.access', teamID: bot.teamID, times: 1 } as const;
    await control.setFault({ ...fault, answer: { kind: 'answerLost' } });
    await expect(refresh(refreshToken)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    const [lost] = await control.tokens.rotations();
    expect(lost).toMatchObject({ refreshes: 1 });
    expect(await refresh(refreshToken)).toMatchObject({ ok: true, access_token: lost?.pair.accessToken });
    await control.setFault({ ...fault, answer: { kind: 'ratelimited', retryAfterSeconds: 3 } });
    expect(await refresh(refreshToken)).toEqual({ ok: false, error: 'ratelimited' });
    expect(await control.tokens.rotations()).toMatchObject([{ refreshes: 2, reuses: 1 }]);
  });
});

describe('oauth.v2.access', () => {
  it('takes the client by HTTP Basic, too', async () => {
    await start();
    const { refreshToken } = await control.tokens.rotate({ teamID: 'T1' }, client);
    const basic = Buffer.from([client.clientID, client.clientSecret].map(encodeURIComponent).join(':'));
    const response = await fetch(`${slack.url}oauth.v2.access`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic.toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    });
    expect(await response.json()).toMatchObject({ ok: true });
  });

  it('refuses what it does not know', async () => {
    await start();
    const { refreshToken } = await control.tokens.rotate({ teamID: 'T1' }, client);
    const answers = await Promise.all([
      refresh('xoxe-1-nobody'),
      refresh(refreshToken, { ...inForm, client_secret: 'wrong' }),
      refresh(refreshToken, { client_id: '9.9', client_secret: client.clientSecret }),
      refresh(refreshToken, { ...inForm, grant_type: 'moonlight' }),
    ]);
    expect(answers.map(({ error }) => error)).toEqual([
      'invalid_refresh_token',
      'bad_client_secret',
      'invalid_client_id',
      'invalid_grant_type',
    ]);
  });
});

describe('tokens that Slack withdraws', () => {
  it.each([
    ['tokens_revoked', { tokens: { oauth: [], bot: ['U1BOT'] } }, 'token_revoked'],
    ['app_uninstalled', {}, 'account_inactive'],
    ['team_access_revoked', { team_ids: ['T1'] }, 'account_inactive'],
  ] as const)('are announced over RTM by %s, and refused from then on', async (how, fields, error) => {
    await start();
    const { refreshToken } = await control.tokens.rotate({ teamID: 'T1' }, client);
    const sockets = [await openSocket(slack, 'xoxb-one'), await openSocket(slack, 'xoxb-one')];
    await control.tokens.withdraw({ teamID: 'T1' }, how);
    for (const socket of sockets) {
      expect(await socket.frame(({ type }) => type === how)).toMatchObject(fields);
      expect(await socket.closed).toBe(1000);
    }
    expect(await errorOf('xoxb-one', 'rtm.connect')).toBe(error);
    expect((await refresh(refreshToken)).error).toBe('invalid_refresh_token');
  });

  it('leave their sockets open, if told so', async () => {
    await start();
    const socket = await openSocket(slack, 'xoxb-one');
    await control.tokens.withdraw({ teamID: 'T1' }, 'tokens_revoked', { keepSockets: true });
    const { id } = slack.emitMessage('T1');
    await socket.frame((frame) => frame.client_msg_id === id);
  });

  it.each([
    ['tokens_revoked', 'token_revoked'],
    ['app_uninstalled', 'account_inactive'],
    ['team_access_revoked', 'account_inactive'],
  ] as const)('are announced over Socket Mode by %s, and refused from then on', async (how, error) => {
    await start();
    const socket = await openAppSocket(slack, 'xapp-1-A1-1-abc');
    await control.tokens.withdraw({ teamID: 'T7', appID: 'A1' }, how);
    const envelope = await socket.frame(({ type }) => type === 'events_api');
    expect(envelope).toMatchObject({ payload: { team_id: 'T7', api_app_id: 'A1', event: { type: how } } });
    expect(await errorOf('xoxb-seven')).toBe(error);
    expect(slack.apps.list()).toMatchObject([{ installations: how === 'tokens_revoked' ? [{ teamID: 'T7' }] : [] }]);
  });
});

describe('a deaf socket', () => {
  it('over RTM answers pings and messages, and withholds events until its time is over', async () => {
    await start();
    const [oldest, newest] = [await openSocket(slack, 'xoxb-one'), await openSocket(slack, 'xoxb-one')];
    const target = { teamID: 'T1', count: 1, first: 'newest' } as const;
    const { struck } = await control.inflict(target, { kind: 'deaf' });
    expect(slack.sockets('T1')).toMatchObject([{ state: 'live' }, { state: 'deaf', id: struck[0] }]);
    const { id, record } = slack.emitMessage('T1');
    await oldest.frame((frame) => frame.client_msg_id === id);
    newest.ws.send(JSON.stringify({ id: 1, type: 'ping' }));
    await newest.frame(({ reply_to }) => reply_to === 1);
    newest.ws.send(JSON.stringify({ id: 2, type: 'message', channel: 'C1', text: 'hi' }));
    expect(await newest.frame(({ reply_to }) => reply_to === 2)).toMatchObject({ ok: true });
    const pong = new Promise((resolve) => newest.ws.once('pong', resolve));
    newest.ws.ping();
    await pong;
    expect(newest.frames.filter(({ type }) => type === 'message')).toEqual([]);
    expect(record).toMatchObject({ sockets: 1, swallowed: 1 });
    await control.inflict(target, { kind: 'deaf', forMs: 1 });
    await expect.poll(() => slack.sockets('T1').map(({ state }) => state)).toEqual(['live', 'live']);
    const heard = slack.emitMessage('T1').id;
    await newest.frame((frame) => frame.client_msg_id === heard);
  });

  it('over RTM may be every new one, as long as a fault stands', async () => {
    await start();
    await control.setFault({ at: 'hello', teamID: 'T1', times: 1, answer: { kind: 'deaf' } });
    await openSocket(slack, 'xoxb-one');
    await openSocket(slack, 'xoxb-one');
    expect(slack.sockets('T1').map(({ state }) => state)).toEqual(['deaf', 'live']);
  });

  it("over Socket Mode takes its share of the envelopes, and still passes Slack's notice on", async () => {
    await start();
    const socket = await openAppSocket(slack, 'xapp-1-A1-1-abc');
    await control.apps.inflict({ appID: 'A1', first: 'newest', count: 1 }, { kind: 'deaf' });
    const { record } = slack.apps.emitEvent('A1', 'T7', 'message');
    expect(record).toMatchObject({ swallowed: 1, deliveries: 0 });
    await control.apps.inflict({ appID: 'A1' }, { kind: 'disconnect', reason: 'warning', closeAfterMs: 0 });
    await socket.frame(({ type }) => type === 'disconnect');
    expect(socket.frames.filter(({ type }) => type === 'events_api')).toEqual([]);
  });

  it('over Socket Mode may be every new one, as long as a fault stands', async () => {
    await start();
    await control.setFault({ at: 'hello', appID: 'A1', answer: { kind: 'deaf' } });
    await openAppSocket(slack, 'xapp-1-A1-1-abc');
    expect(slack.apps.sockets('A1').map(({ state }) => state)).toEqual(['deaf']);
  });
});
