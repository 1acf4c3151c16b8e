import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { webApiMethod } from '#core/slack/slack-error.ts';
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

it('a token that no header can hold is a failure like any other, which never reached Slack', async () => {
  const token = 'xoxb-1-s3cr3t\nmore';
  const answer = await webApi.call({ method: METHOD, token, signal: new AbortController().signal });
  expect(answer).toMatchObject({ kind: 'retry', isUnreached: true });
  expect(JSON.stringify(answer)).not.toContain('s3cr3t');
  expect(requests).toEqual([]);
});
