import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { appsConnectionsOpen } from '#connector/transport/socket-mode/apps-connections-open.ts';
import { createWebApi } from '#core/slack/web-api.ts';

const TOKEN = 'xapp-1-A01-123-abc';

let server: Server;
let requests: IncomingMessage[];
beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    response.end('{"ok":true,"url":"ws://127.0.0.1:1/link/?ticket=t&app_id=a"}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

it('Slack is asked by POST with the token in the header and an empty form, as its own client asks', async () => {
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
  const answer = await appsConnectionsOpen(createWebApi({ apiUrl }))(TOKEN, new AbortController().signal);
  expect(answer).toMatchObject({ kind: 'ok' });
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({ method: 'POST', url: '/api/apps.connections.open' });
  expect(requests[0]?.headers).toMatchObject({
    authorization: `Bearer ${TOKEN}`,
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': '0',
  });
});
