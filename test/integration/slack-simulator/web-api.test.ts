import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { SimulatorOptions } from '#slack-simulator/simulator-api.ts';
import { connectErrors } from '#test/support/connect-errors.ts';
import { waitFor } from '#test/support/wait.ts';
import { callApi, connectURL, dial, openSocket } from './raw-client.ts';

let slack: Simulator;
const start = async (options: SimulatorOptions = {}): Promise<void> => {
  slack = await startSimulator(options);
  slack.addTeam({ teamID: 'T1', token: 'xoxb-one', botUserID: 'U1BOT', name: 'Acme Inc' });
  slack.addTeam({ teamID: 'T2', token: 'xoxb-two' });
};
afterEach(() => slack.stop());

describe('rtm.connect', () => {
  it.each(['rtm.connect', 'rtm.start'])('%s answers who we are, where, and a websocket URL', async (method) => {
    await start();
    const { status, body } = await callApi(slack, method, 'xoxb-one');
    expect(status).toBe(200);
    expect(body).toEqual({
      ok: true,
      url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/rtm\/T1\/[0-9a-f-]{36}$/),
      self: { id: 'U1BOT', name: 'relaxbot' },
      team: { id: 'T1', name: 'Acme Inc', domain: 'acme-inc' },
    });
  });

  it('takes the token as an argument, too', async () => {
    await start();
    expect((await callApi(slack, 'rtm.connect', undefined, { token: 'xoxb-one' })).body).toMatchObject({ ok: true });
  });

  it('is granted three times at once for each token, then says for how long not', async () => {
    await start();
    for (let n = 0; n < 3; n += 1) expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).body.ok).toBe(true);
    expect(await callApi(slack, 'rtm.connect', 'xoxb-one')).toMatchObject({
      status: 429,
      retryAfter: expect.stringMatching(/^(60|59)$/),
      body: { ok: false, error: 'ratelimited' },
    });
    expect((await callApi(slack, 'rtm.connect', 'xoxb-two')).body.ok).toBe(true);
    slack.addToken('T1', 'xoxb-fresh');
    expect((await callApi(slack, 'rtm.connect', 'xoxb-fresh')).body.ok).toBe(true);
    expect(slack.stats().connects).toEqual({ T1: { ok: 4, ratelimited: 1 }, T2: { ok: 1 } });
  });

  it('counts all tokens of a team together where the simulator is told so', async () => {
    await start({ connectLimitBy: 'team', connectBurst: 1 });
    slack.addToken('T1', 'xoxb-fresh');
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).status).toBe(200);
    expect((await callApi(slack, 'rtm.connect', 'xoxb-fresh')).status).toBe(429);
  });

  it('grants again after a while', async () => {
    await start({ connectBurst: 1, connectPerMinute: 600 });
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).status).toBe(200);
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).status).toBe(429);
    await waitFor(async () => (await callApi(slack, 'rtm.connect', 'xoxb-one')).status === 200);
  });

  it('refuses tokens that it should not take', async () => {
    await start();
    slack.addToken('T1', 'xoxb-granular', { granular: true });
    const errorFor = async (token?: string) => (await callApi(slack, 'rtm.connect', token)).body;
    expect(await errorFor()).toEqual({ ok: false, error: 'not_authed' });
    expect(await errorFor('xoxb-nobody')).toEqual({ ok: false, error: 'invalid_auth' });
    expect(await errorFor('xapp-1-A1-1-abc')).toEqual({ ok: false, error: 'not_allowed_token_type' });
    expect(await errorFor('xoxb-granular')).toEqual({ ok: false, error: 'not_allowed_token_type' });
    expect(slack.stats().connects).toEqual({
      '-': { not_authed: 1, invalid_auth: 1, not_allowed_token_type: 1 },
      T1: { not_allowed_token_type: 1 },
    });
  });

  it('names the team that a misplaced token really belongs to', async () => {
    await start();
    slack.moveToken('xoxb-one', 'T2');
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).body.team).toMatchObject({ id: 'T2' });
  });

  it('refuses a revoked token, closes its sockets and voids its URLs, and spares the other token', async () => {
    await start({ connectBurst: 9 });
    slack.addToken('T1', 'xoxb-fresh');
    const old = await openSocket(slack, 'xoxb-one');
    const fresh = await openSocket(slack, 'xoxb-fresh');
    const unused = await connectURL(slack, 'xoxb-one');
    slack.revokeToken('xoxb-one');
    expect(await old.closed).toBe(1000);
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).body).toEqual({ ok: false, error: 'token_revoked' });
    expect(await dial(unused).frame(() => true)).toMatchObject({ type: 'error', error: { code: 1 } });
    const { id } = slack.emitMessage('T1');
    await fresh.frame((frame) => frame.client_msg_id === id);
  });

  it('of a removed team is refused, and its sockets close', async () => {
    await start();
    const socket = await openSocket(slack, 'xoxb-one');
    slack.removeTeam('T1');
    await socket.closed;
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).body).toEqual({ ok: false, error: 'invalid_auth' });
    expect(() => slack.emitMessage('T1')).toThrow('no team T1 here');
  });
});

describe('a fault of rtm.connect', () => {
  const at = { at: 'method', method: 'rtm.connect', teamID: 'T1' } as const;

  it('may be any of the documented errors, for one team', async () => {
    await start({ connectBurst: 100 });
    for (const error of connectErrors) {
      const fault = slack.setFault({ ...at, answer: { kind: 'error', error } });
      expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).body).toEqual({ ok: false, error });
      expect(slack.clearFault(fault)).toBe(true);
    }
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).body.ok).toBe(true);
  });

  it('leaves other teams alone', async () => {
    await start();
    slack.setFault({ ...at, answer: { kind: 'error', error: 'fatal_error' } });
    expect((await callApi(slack, 'rtm.connect', 'xoxb-two')).body.ok).toBe(true);
  });

  it('that Slack itself answers costs a call of the budget, one of a proxy does not', async () => {
    await start({ connectBurst: 1 });
    slack.setFault({ ...at, times: 1, answer: { kind: 'notJson' } });
    await expect(callApi(slack, 'rtm.connect', 'xoxb-one')).rejects.toThrow('JSON');
    slack.setFault({ ...at, times: 1, answer: { kind: 'error', error: 'migration_in_progress' } });
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).body.error).toBe('migration_in_progress');
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).status).toBe(429);
    expect(slack.stats().connects.T1).toEqual({ notJson: 1, migration_in_progress: 1, ratelimited: 1 });
  });

  it('may be a Retry-After of any length', async () => {
    await start();
    slack.setFault({ ...at, answer: { kind: 'ratelimited', retryAfterSeconds: 7 } });
    expect(await callApi(slack, 'rtm.connect', 'xoxb-one')).toMatchObject({ status: 429, retryAfter: '7' });
  });

  it.each([502, 503])('may be an HTML page with status %i', async (status) => {
    await start();
    slack.setFault({ ...at, answer: { kind: 'http', status } });
    const response = await fetch(`${slack.url}rtm.connect`, {
      method: 'POST',
      headers: { authorization: 'Bearer xoxb-one' },
    });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('text/html');
    expect(await response.text()).toContain('<html>');
  });

  it('may be a call that never ends, or a connection reset', async () => {
    await start();
    const hanging = slack.setFault({ ...at, answer: { kind: 'hang' } });
    const call = (signal?: AbortSignal) =>
      fetch(`${slack.url}rtm.connect`, {
        method: 'POST',
        headers: { authorization: 'Bearer xoxb-one' },
        signal: signal ?? null,
      });
    await expect(call(AbortSignal.timeout(300))).rejects.toMatchObject({ name: 'TimeoutError' });
    slack.clearFault(hanging);
    slack.setFault({ ...at, answer: { kind: 'reset' } });
    await expect(call()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(slack.stats().connects.T1).toEqual({ hang: 1, reset: 1 });
  });
});

describe('the other methods', () => {
  it('auth.test returns the identity', async () => {
    await start();
    expect((await callApi(slack, 'auth.test', 'xoxb-one')).body).toMatchObject({
      ok: true,
      team_id: 'T1',
      user_id: 'U1BOT',
      team: 'Acme Inc',
    });
  });

  it('api.test needs no token and errs on request', async () => {
    await start();
    expect((await callApi(slack, 'api.test', undefined, { foo: 'bar' })).body).toEqual({
      ok: true,
      args: { foo: 'bar' },
    });
    expect((await callApi(slack, 'api.test', undefined, { error: 'my_error' })).body).toMatchObject({
      ok: false,
      error: 'my_error',
    });
  });

  it('chat.postMessage reaches every socket of the team as a message of the bot itself', async () => {
    await start({ postBurst: 1 });
    const sockets = [await openSocket(slack, 'xoxb-one'), await openSocket(slack, 'xoxb-one')];
    const post = async (text: string) =>
      (await callApi(slack, 'chat.postMessage', 'xoxb-one', { channel: 'C1', text })).body;
    const first = await post('hello');
    const second = await post('again');
    expect(first).toMatchObject({ ok: true, channel: 'C1', message: { text: 'hello', user: 'U1BOT' } });
    expect(second.ts).not.toBe(first.ts);
    for (const socket of sockets) {
      const frame = await socket.frame(({ ts }) => ts === second.ts);
      expect(frame).toMatchObject({ type: 'message', channel: 'C1', user: 'U1BOT', text: 'again' });
    }
  });

  it('chat.postMessage under a name of its own is a bot_message', async () => {
    await start();
    const socket = await openSocket(slack, 'xoxb-one');
    await callApi(slack, 'chat.postMessage', 'xoxb-one', { channel: 'C1', text: 'hi', username: 'Herald' });
    await socket.frame(({ subtype, username }) => subtype === 'bot_message' && username === 'Herald');
  });

  it.each([
    [{ text: 'hi' }, 'channel_not_found'],
    [{ channel: 'C1' }, 'no_text'],
  ])('chat.postMessage with %j answers %s', async (args, error) => {
    await start();
    expect((await callApi(slack, 'chat.postMessage', 'xoxb-one', args)).body).toEqual({ ok: false, error });
  });

  it('an unknown one says so', async () => {
    await start();
    expect((await callApi(slack, 'chat.shout', 'xoxb-one')).body).toEqual({ ok: false, error: 'unknown_method' });
  });
});
