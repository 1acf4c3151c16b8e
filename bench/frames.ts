import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import { CONNECTOR_FLAGS, runtimeHas } from '../core/process/runtime.ts';
import { localCertificate } from '../slack-simulator/certificate.ts';

/**
 * What a websocket weighs and a frame costs, by each client that the connector could use, over TLS:
 * `node bench/frames.ts [SOCKETS [FRAMES_PER_SECOND]]`. Bun puts a client of its own in the place of `ws`; the package can be
 * had there by its path. Server and clients are processes of their own. Compare ratios within a round (ADR 0024).
 */
const [, , first = '1000', second = '5000', port = ''] = process.argv;
const ROOT = join(import.meta.dirname, '..');
const SECONDS = 6;
const PACKAGE = join(ROOT, 'node_modules/ws/wrapper.mjs');
const FRAME = JSON.stringify({ type: 'message', channel: 'C0', user: 'U0', text: 'x'.repeat(300), ts: '1.000100' });
const BUN = [join(ROOT, 'node_modules/.bin/bun'), ...CONNECTOR_FLAGS.bun];

interface Form {
  name: string;
  command: readonly string[];
  /** Whether the package is taken whatever the runtime has in its place. */
  isPackage: boolean;
}
const FORMS: readonly Form[] = [
  { name: "Bun, its own client in the place of 'ws'", command: BUN, isPackage: false },
  { name: 'Bun, the package ws', command: BUN, isPackage: true },
  { name: 'Bun --smol, its own', command: [...BUN, '--smol'], isPackage: false },
  { name: 'Node, the package ws', command: [process.execPath, ...CONNECTOR_FLAGS.node], isPackage: true },
];

interface Sample {
  frames: number;
  cpuMicros: number;
  rssBytes: number;
}

/** In a process of its own: sends frames over all of its sockets in turn, as often a second as it is told. */
async function serve(): Promise<void> {
  const { key, cert } = await localCertificate();
  const server = createServer({ key, cert });
  const { clients } = new WebSocketServer({ server, perMessageDeflate: false });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  process.send?.((server.address() as AddressInfo).port);
  process.on('message', async (perSecond: number) => {
    const sockets = [...clients];
    const startedMs = performance.now();
    for (let sent = 0; sent < perSecond * SECONDS; await sleep(2)) {
      const due = Math.min(perSecond * SECONDS, ((performance.now() - startedMs) / 1_000) * perSecond);
      for (; sent < due; sent += 1) sockets[sent % sockets.length]?.send(FRAME);
    }
    process.send?.('done');
  });
}

/** In a process of its own: opens the sockets, counts frames, and answers each message with a sample. */
async function receive(isPackage: boolean, sockets: number, to: string): Promise<void> {
  const Client: typeof WebSocket = isPackage ? (await import(PACKAGE)).WebSocket : WebSocket;
  const shares = !isPackage && !runtimeHas.tlsContextByHand;
  const options: ClientOptions = {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    autoPong: false,
    ...(shares ? {} : { secureContext: createSecureContext() }),
  };
  let frames = 0;
  const open = async (): Promise<void> => {
    const socket = new Client(`wss://127.0.0.1:${to}`, options);
    socket.on('message', () => {
      frames += 1;
    });
    await once(socket, 'open');
  };
  for (let left = sockets; left > 0; left -= 50) await Promise.all(Array.from({ length: Math.min(50, left) }, open));
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ frames, cpuMicros: user + system, rssBytes: process.memoryUsage.rss() } satisfies Sample);
  });
  process.send?.('open');
}

async function measure({ name, command: [file = '', ...flags], isPackage }: Form, caFile: string): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const server = fork(self, ['serve']);
  const [at] = await once(server, 'message');
  const client = spawn(file, [...flags, self, isPackage ? 'package' : 'own', first, String(at)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: caFile },
  });
  const sample = async (): Promise<Sample> => {
    client.send('sample');
    const [taken] = await once(client, 'message');
    return taken as Sample;
  };
  await once(client, 'message');
  await sleep(5_000);
  const idle = await sample();
  server.send(Number(second));
  await once(server, 'message');
  await sleep(1_000);
  const after = await sample();
  for (const child of [client, server]) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  const micros = (after.cpuMicros - idle.cpuMicros) / (after.frames - idle.frames);
  const [before, then] = [idle, after].map(({ rssBytes }) => Math.round(rssBytes / 2 ** 20));
  console.log(`${name}: ${before} MiB idle, ${then} after; ${micros.toFixed(1)} µs of CPU a frame`);
}

if (first === 'serve') await serve();
else if (first === 'package' || first === 'own') await receive(first === 'package', Number(second), port);
else {
  const { caFile } = await localCertificate();
  for (let round = 1; round <= 2; round += 1) for (const form of FORMS) await measure(form, caFile);
}
