import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { namesError } from '#core/slack/classify-answer.ts';
import { webApiMethod } from '#core/slack/slack-error.ts';
import { refreshTokens } from '#core/slack/token-refresh.ts';
import { createWebApi, type WebApi } from '#core/slack/web-api.ts';

const METHOD = webApiMethod('chat.postMessage', 'Put a bot token into the Secret.');

let server: Server;
let webApi: WebApi;
let requests: { url: string | undefined; headers: IncomingHttpHeaders; body: string }[];
let reply: { status: number; headers: Record<string, string>; body: string };
beforeEach(async () => {
  requests = [];
  reply = { status: 200, headers: {}, body: '{"ok":true,"ts":"1.2"}' };
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push({ url: request.url, headers: request.headers, body });
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  webApi = createWebApi({ apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/` });
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const call = () => webApi.call({ method: METHOD, token: 'xoxb-1-abcd', signal: new AbortController().signal });

it('a method is called as an empty form, with the token in the header alone', async () => {
  expect(await call()).toEqual({ kind: 'ok', body: { ok: true, ts: '1.2' } });
  const [request] = requests;
  expect(request?.url).toBe('/api/chat.postMessage');
  expect(request?.headers).toMatchObject({
    authorization: 'Bearer xoxb-1-abcd',
    'content-type': 'application/x-www-form-urlencoded',
  });
  expect(request?.body).toBe('');
});

it('a rate limit of a method says how long to wait', async () => {
  reply = { status: 429, headers: { 'retry-after': '7' }, body: '{"ok":false,"error":"ratelimited"}' };
  expect(await call()).toEqual({ kind: 'rateLimited', retryAfterMs: 7_000 });
});

it('a refusal names the method that was refused', async () => {
  reply.body = '{"ok":false,"error":"account_inactive"}';
  expect(await call()).toMatchObject({
    kind: 'terminal',
    reason: 'AccountInactive',
    message: expect.stringContaining('chat.postMessage'),
  });
});

it('an app that calls as itself sends its id and its secret in the header alone', async () => {
  const client = { id: '111.222', secret: 'client-secretpart' };
  const params = { grant_type: 'refresh_token', refresh_token: 'xoxe-1-abcd' };
  await webApi.call({ method: METHOD, client, params, signal: new AbortController().signal });
  const [request] = requests;
  const basic = Buffer.from('111.222:client-secretpart').toString('base64');
  expect(request?.headers.authorization).toBe(`Basic ${basic}`);
  expect(request?.body).toBe('grant_type=refresh_token&refresh_token=xoxe-1-abcd');
});

describe('a refresh', () => {
  const request = { clientID: '111.222', clientSecret: 'client-secretpart', refreshToken: 'xoxe-1-abcd' };
  const refresh = () => refreshTokens(webApi, request, new AbortController().signal);
  const good = { ok: true, access_token: 'xoxe.xoxb-1-abcd', refresh_token: 'xoxe-1-efgh', expires_in: 43_200 };

  it('gives the next pair and how long it lives, if Slack says so', async () => {
    reply.body = JSON.stringify(good);
    const pair = { kind: 'ok', token: 'xoxe.xoxb-1-abcd', refreshToken: 'xoxe-1-efgh' };
    expect(await refresh()).toEqual({ ...pair, lifetimeMs: 43_200_000 });
    for (const expires_in of [undefined, 0, -1, 'soon', null]) {
      reply.body = JSON.stringify({ ...good, expires_in });
      expect(await refresh()).toEqual({ ...pair, lifetimeMs: undefined });
    }
  });

  it.each([
    ['without a refresh token', { ...good, refresh_token: undefined }],
    ['without a token', { ...good, access_token: '' }],
    ['with another kind of token', { ...good, access_token: 'xapp-1-abcd' }],
    ['of an installation', { ...good, refresh_token: 'xoxb-1-abcd' }],
  ])('is tried again when the answer is one %s', async (_, body) => {
    reply.body = JSON.stringify(body);
    expect(await refresh()).toMatchObject({ kind: 'retry', message: expect.stringContaining('RELAX_SLACK_API_URL') });
  });

  it.each([
    ['invalid_refresh_token', true],
    ['token_revoked', true],
    ['bad_client_secret', false],
    ['invalid_client_id', false],
    ['token_rotation_not_enabled', false],
  ])('that is refused with %s names the error and the remedy', async (error, isOfToken) => {
    reply.body = JSON.stringify({ ok: false, error });
    const answer = await refresh();
    expect(answer).toMatchObject({ kind: 'refused', error, isOfToken, message: expect.stringContaining(`(${error})`) });
    expect(answer.kind === 'refused' && namesError(answer.message, error)).toBe(true);
    expect(JSON.stringify(answer)).not.toMatch(/secretpart|abcd/);
  });

  it('that is limited waits as long as Slack says', async () => {
    reply = { status: 429, headers: { 'retry-after': '7' }, body: '' };
    expect(await refresh()).toMatchObject({ kind: 'retry', retryAfterMs: 7_000 });
  });

  it('that meets an error which nobody knows is tried again', async () => {
    reply.body = '{"ok":false,"error":"brand_new"}';
    expect(await refresh()).toMatchObject({ kind: 'retry' });
  });
});

it('a token that no header can hold is a failure like any other, which never reached Slack', async () => {
  const token = 'xoxb-1-s3cr3t\nmore';
  const answer = await webApi.call({ method: METHOD, token, signal: new AbortController().signal });
  expect(answer).toMatchObject({ kind: 'retry', isUnreached: true });
  expect(JSON.stringify(answer)).not.toContain('s3cr3t');
  expect(requests).toEqual([]);
});
