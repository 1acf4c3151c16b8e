import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { type HttpPostResult, httpPost } from '#core/slack/http-post.ts';
import { localCertificate } from '#slack-simulator/certificate.ts';
import { runCommand } from '#test/support/command.ts';

/**
 * Whether a call that failed can have reached the server decides if a message may be sent again: `isUnconnected` must never be
 * true once the server may have read it. On each runtime.
 */
const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => once(server.close(), 'close')));
});

async function serverThat(serve: (socket: Socket, nth: number) => void): Promise<number> {
  let nth = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    nth += 1;
    serve(socket, nth);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

const post = (url: string, timeoutMs = 5_000): Promise<HttpPostResult> =>
  httpPost({
    url: new URL(url),
    headers: {},
    body: 'text=hello',
    timeoutMs,
    maxBytes: 1_000,
    signal: new AbortController().signal,
  });

const resetOnData = (socket: Socket): void => void socket.once('data', () => socket.resetAndDestroy());

it('a port that nobody listens on was not reached', async () => {
  expect(await post('http://127.0.0.1:1/')).toMatchObject({ failure: { how: 'network', isUnconnected: true } });
  expect(await post('https://127.0.0.1:1/')).toMatchObject({ failure: { how: 'network', isUnconnected: true } });
});

it('nor was a name that does not exist', async () => {
  expect(await post('https://slack.invalid/')).toMatchObject({ failure: { how: 'network', isUnconnected: true } });
});

it('nor a server that resets, closes or says nothing in the TLS handshake', async () => {
  const resets = await serverThat(resetOnData);
  expect(await post(`https://127.0.0.1:${resets}/`)).toMatchObject({
    failure: { how: 'network', isUnconnected: true },
  });
  const closes = await serverThat((socket) => void socket.once('data', () => socket.end()));
  expect(await post(`https://127.0.0.1:${closes}/`)).toMatchObject({
    failure: { how: 'network', isUnconnected: true },
  });
  const silent = await serverThat(() => undefined);
  expect(await post(`https://127.0.0.1:${silent}/`, 300)).toMatchObject({
    failure: { how: 'timeout', isUnconnected: true },
  });
});

it('nor one whose certificate is not trusted', async () => {
  const { key, cert } = await localCertificate();
  const read: Buffer[] = [];
  const port = await serverThat((socket) => {
    const inside = new TLSSocket(socket, { isServer: true, key, cert });
    inside.on('error', () => undefined).on('data', (chunk) => read.push(chunk));
  });
  expect(await post(`https://127.0.0.1:${port}/`)).toMatchObject({ failure: { how: 'network', isUnconnected: true } });
  expect(read).toEqual([]);
});

it('one that took the request may have read it, whatever it does then', async () => {
  const resets = await serverThat(resetOnData);
  expect(await post(`http://127.0.0.1:${resets}/`)).toMatchObject({ failure: { isUnconnected: false } });
  const closes = await serverThat((socket) => void socket.once('data', () => socket.end()));
  expect(await post(`http://127.0.0.1:${closes}/`)).toMatchObject({ failure: { isUnconnected: false } });
  const silent = await serverThat(() => undefined);
  expect(await post(`http://127.0.0.1:${silent}/`, 300)).toMatchObject({
    failure: { how: 'timeout', isUnconnected: false },
  });
});

it('so may one whose connection was kept from the call before', async () => {
  const port = await serverThat((socket) => {
    let requests = 0;
    socket.on('data', () => {
      requests += 1;
      if (requests > 1) socket.resetAndDestroy();
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
    });
  });
  expect(await post(`http://127.0.0.1:${port}/`)).toMatchObject({ answer: { status: 200, body: '{}' } });
  expect(await post(`http://127.0.0.1:${port}/`)).toMatchObject({ failure: { how: 'network', isUnconnected: false } });
});

it.each(['reset', 'silence'] as const)('over TLS, a %s after the request', async (fault) => {
  const { key, cert, caFile } = await localCertificate();
  const port = await serverThat((socket) => {
    const inside = new TLSSocket(socket, { isServer: true, key, cert });
    inside
      .on('error', () => undefined)
      .once('data', () => {
        if (fault === 'reset') socket.resetAndDestroy();
      });
  });
  const program = join(import.meta.dirname, 'post-program.ts');
  const env = `NODE_EXTRA_CA_CERTS=${caFile}`;
  const { stdout, stderr } = await runCommand('env', [env, process.execPath, program, `https://127.0.0.1:${port}/`]);
  expect(stdout, stderr).not.toBe('');
  expect(JSON.parse(stdout)).toMatchObject({
    failure: { how: fault === 'reset' ? 'network' : 'timeout', isUnconnected: false },
  });
});
