import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RawPeer } from '#test/contract/raw-peer.ts';
import { runCommand } from '#test/support/command.ts';

/** A name that only the proxy knows, as in a network whose machines have no way out but the proxy. */
const HOST = 'slack.test';
const root = join(import.meta.dirname, '..', '..', '..', '..');

let folder: string;
let caFile: string;
let peer: RawPeer;
let api: SecureServer;
let proxy: Server;
let asked: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relax-proxy-'));
  caFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const subject = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`, '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const made = await runCommand('openssl', ['req', '-x509', ...key, ...subject, '-out', caFile]);
  if (made.code !== 0) throw new Error(made.stderr);
  const tls = { cert: await readFile(caFile), key: await readFile(keyFile) };
  peer = await RawPeer.start(tls);
  api = createSecureServer(tls, (_request, response) => response.end('{"ok":false,"error":"account_inactive"}'));
  await once(api.listen(0, '127.0.0.1'), 'listening');
  proxy = createServer().on('connect', (request, socket, head) => {
    asked.push(request.url ?? '');
    const far = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      far.write(head);
      far.pipe(socket).pipe(far);
    });
    far.on('error', () => socket.destroy());
    socket.on('error', () => far.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
});
beforeEach(() => {
  asked = [];
});
afterAll(async () => {
  await peer.stop();
  for (const server of [api, proxy]) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

const portOf = (server: Server | SecureServer): number => (server.address() as AddressInfo).port;

describe('HTTPS_PROXY', () => {
  async function run(program: string, args: string[], extra: Record<string, string> = {}): Promise<unknown> {
    const unset = ['HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy', 'NODE_USE_ENV_PROXY'].flatMap((name) => [
      '-u',
      name,
    ]);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}`, NODE_EXTRA_CA_CERTS: caFile, ...extra };
    const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const command = [join(root, 'node_modules', '.bin', 'node'), join(root, program), ...args];
    const { stdout, stderr } = await runCommand('env', [...unset, ...set, ...command]);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout);
  }
  const dial = (url: string, extra?: Record<string, string>) => run('test/contract/dial.ts', [url], extra);
  const ask = (host: string, extra?: Record<string, string>) =>
    run(
      'test/integration/connector/transport/rtm/ask.ts',
      [`https://${host}:${portOf(api)}/api/`, 'xoxb-egress-proxy'],
      extra,
    );
  const socketUrl = (host: string): string => peer.url.replace('127.0.0.1', host);

  it('is used for sockets and rtm.connect, with TLS end to end', async () => {
    expect(await dial(socketUrl(HOST))).toMatchObject({ opened: true, kind: 'closed' });
    expect(await ask(HOST)).toMatchObject({ kind: 'terminal', error: 'account_inactive' });
    expect(asked.map((host) => host.split(':')[0])).toEqual([HOST, HOST]);
  });

  it('does not change which servers are trusted', async () => {
    expect(await dial(socketUrl('other.test'))).toMatchObject({ opened: false, kind: 'failed' });
    expect(await ask('other.test')).toMatchObject({ kind: 'retry', message: expect.stringMatching(/certificate/i) });
    expect(asked).toHaveLength(2);
  });

  it('is not used for hosts in NO_PROXY, nor for this machine', async () => {
    expect(await dial(socketUrl(HOST), { NO_PROXY: HOST })).toMatchObject({ opened: false, kind: 'failed' });
    expect(await ask(HOST, { NO_PROXY: HOST })).toMatchObject({ kind: 'retry' });
    await dial(socketUrl('localhost'));
    await ask('localhost');
    await ask('127.0.0.1');
    expect(asked).toEqual([]);
  });
});
