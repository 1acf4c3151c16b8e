import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { Agent, createServer as createSecureServer, request, type Server as SecureServer } from 'node:https';
import { type AddressInfo, connect, type LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { proxyTo } from '#core/slack/egress-proxy.ts';
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
let other: SecureServer;
let otherPeer: RawPeer;
let asked: { place: string; authorization: string | undefined }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relax-proxy-'));
  caFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const subject = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`, '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const certify = async (certFile: string) => {
    const made = await runCommand('openssl', ['req', '-x509', ...key, ...subject, '-out', certFile]);
    if (made.code !== 0) throw new Error(made.stderr);
    return { cert: await readFile(certFile), key: await readFile(keyFile) };
  };
  const tls = await certify(caFile);
  peer = await RawPeer.start(tls);
  const answer: RequestListener = (_request, response) => response.end('{"ok":false,"error":"account_inactive"}');
  api = createSecureServer(tls, answer);
  await once(api.listen(0, '127.0.0.1'), 'listening');
  const untrusted = await certify(join(folder, 'untrusted.pem'));
  otherPeer = await RawPeer.start(untrusted);
  other = createSecureServer(untrusted, answer);
  await once(other.listen(0, '127.0.0.1'), 'listening');
  proxy = createServer().on('connect', (request, socket, head) => {
    asked.push({ place: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    const far = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      far.write(head);
      far.pipe(socket).pipe(far);
    });
    far.on('error', () => undefined).on('close', () => socket.destroy());
    socket.on('error', () => undefined).on('close', () => far.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
});
beforeEach(() => {
  asked = [];
});
afterAll(async () => {
  await Promise.all([peer.stop(), otherPeer.stop()]);
  for (const server of [api, other, proxy]) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

const portOf = (server: Server | SecureServer): number => (server.address() as AddressInfo).port;

describe.each(['node', 'bun'])('HTTPS_PROXY, on %s', (runtime) => {
  async function run(program: string, args: string[], extra: Record<string, string> = {}): Promise<unknown> {
    const unset = ['HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy', 'NODE_USE_ENV_PROXY'].flatMap((name) => [
      '-u',
      name,
    ]);
    const env = { HTTPS_PROXY: proxyUrl(), NODE_EXTRA_CA_CERTS: caFile, ...extra };
    const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const command = [join(root, 'node_modules', '.bin', runtime), join(root, program), ...args];
    const { stdout, stderr } = await runCommand('env', [...unset, ...set, ...command]);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout);
  }
  const proxyUrl = (credentials = ''): string => `http://${credentials}127.0.0.1:${portOf(proxy)}`;
  const dial = (url: string, extra?: Record<string, string>) => run('test/contract/dial.ts', [url], extra);
  const ask = (host: string, extra?: Record<string, string>, port = portOf(api)) =>
    run(
      'test/integration/connector/transport/rtm/ask.ts',
      [`https://${host}:${port}/api/`, 'xoxb-egress-proxy'],
      extra,
    );
  const socketUrl = (host: string, to = peer): string => to.url.replace('127.0.0.1', host);
  const places = (): (string | undefined)[] => asked.map(({ place }) => place.split(':')[0]);

  it('is used for sockets and rtm.connect, with TLS end to end', async () => {
    expect(await dial(socketUrl(HOST))).toMatchObject({ opened: true, kind: 'closed' });
    expect(await ask(HOST)).toMatchObject({ kind: 'terminal', error: 'account_inactive' });
    expect(places()).toEqual([HOST, HOST]);
    expect(asked.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  });

  it('may name a user and a password, which only the proxy gets to see', async () => {
    const env = { HTTPS_PROXY: proxyUrl('us%40er:p%3Aword@') };
    expect(await dial(socketUrl(HOST), env)).toMatchObject({ opened: true, kind: 'closed' });
    expect(await ask(HOST, env)).toMatchObject({ kind: 'terminal', error: 'account_inactive' });
    const authorization = `Basic ${Buffer.from('us@er:p:word').toString('base64')}`;
    expect(asked.map((each) => each.authorization)).toEqual([authorization, authorization]);
  });

  it('does not change which servers are trusted', async () => {
    expect(await dial(socketUrl('other.test'))).toMatchObject({ opened: false, kind: 'failed' });
    expect(await ask('other.test')).toMatchObject({ kind: 'retry', message: expect.stringMatching(/certificate/i) });
    expect(await dial(socketUrl(HOST, otherPeer))).toMatchObject({ opened: false, kind: 'failed' });
    expect(await ask(HOST, {}, portOf(other))).toMatchObject({
      kind: 'retry',
      message: expect.stringMatching(/self.signed/),
    });
    expect(asked).toHaveLength(4);
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

it.each([
  ['slack.test', ''],
  ['slack.test', 'slack.test'],
  ['slack.test', 'SLACK.test'],
  ['SLACK.test', 'slack.test'],
  ['wss.slack.test', 'slack.test'],
  ['wss.slack.test', '.slack.test'],
  ['slack.test', '.slack.test'],
  ['notslack.test', '.slack.test'],
  ['wss.slack.test', '*.slack.test'],
  ['slack.test', '*.slack.test'],
  ['slack.test', 'other.test'],
  ['slack.test', '*'],
  ['slack.test', 'slack.test:PORT'],
  ['slack.test', 'slack.test:1'],
  ['127.0.0.9', '127.0.0.1-127.0.0.20'],
  ['127.0.0.30', '127.0.0.1-127.0.0.20'],
  ['127.0.0.9', '127.0.0.20-127.0.0.1'],
  ['127.0.0.9', '127.0.0.9-127.0.0.9'],
  ['127.0.0.9', '127.0.0.0/8'],
  ['[::1]', '::1'],
  ['[::1]', '[::1]'],
])('a socket to %s with NO_PROXY %j takes the way of a call by this runtime', async (host, except) => {
  const port = portOf(api);
  const proxyEnv = { HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}`, NO_PROXY: except.replace('PORT', `${port}`) };
  const url = new URL(`https://${host}:${port}/`);
  const agent = new Agent({ proxyEnv });
  // No name leads anywhere but through the proxy.
  const lookup: LookupFunction = (_name, _options, done) => done(new Error('no name is known here'), '');
  const call = request(url, { agent, lookup, rejectUnauthorized: false });
  call.on('response', (response) => response.resume()).on('error', () => undefined);
  await new Promise((resolve) => call.on('close', resolve).end());
  agent.destroy();
  expect(proxyTo(proxyEnv, url) !== undefined).toBe(asked.length > 0);
});
