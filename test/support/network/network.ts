import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { localCertificate } from '#slack-simulator/certificate.ts';
import { nameLine } from './names.ts';

/**
 * Where the name by which a connector knows Slack leads to. Each is an address of this machine at which
 * something else happens on Slack's port, so that nothing stands between a connector and Slack while all is well.
 */
export const NETWORK = {
  well: '127.0.0.1',
  refused: '127.0.0.3',
  /** Accepts and says nothing: a TLS handshake that hangs. */
  silent: '127.0.0.4',
  reset: '127.0.0.5',
  otherCertificate: '127.0.0.6',
  /** SYNs are dropped, as where a firewall drops them or a route leads nowhere. */
  blackhole: '127.0.0.7',
  noName: 'ENOTFOUND',
  noNameServer: 'EAI_AGAIN',
} as const;
export type Network = keyof typeof NETWORK;

export { NAMES_FILE as NETWORK_FILE } from './names.ts';

/** By which a connector knows Slack; Bun asks nobody where `localhost` leads to. */
export const SLACK_NAME = 'slack.test';

export const setNetwork = (file: string, network: Network): void =>
  writeFileSync(file, [SLACK_NAME, 'localhost'].map((name) => nameLine(name, NETWORK[network])).join(''));

/** Opens the addresses at which things go wrong. @param port Slack's @returns ends them */
export async function openNetwork(port: number, folder: string): Promise<() => Promise<void>> {
  const { cert, key } = await localCertificate(`${folder}/other`);
  const servers: [Network, Server][] = [
    ['silent', createServer(() => undefined)],
    ['reset', createServer((socket) => socket.resetAndDestroy())],
    ['otherCertificate', createTlsServer({ cert, key })],
  ];
  for (const [name, server] of servers) {
    server.on('connection', (socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen({ port, host: NETWORK[name], backlog: 4096 }, resolve));
  }
  const blackhole = await openBlackhole(port);
  return async () => {
    await blackhole();
    for (const [, server] of servers) server.close();
  };
}

/** A listener whose thread never accepts, and whose queue we fill: Linux then drops every further SYN. */
async function openBlackhole(port: number): Promise<() => Promise<void>> {
  const code = `
    const { createServer, connect } = require('node:net');
    const { parentPort, workerData: { port, host } } = require('node:worker_threads');
    const server = createServer();
    server.listen({ port, host, backlog: 1 }, () => {
      const fill = () => { const socket = connect({ port, host }); socket.on('error', () => {}); };
      for (let n = 0; n < 8; n += 1) fill();
      setImmediate(() => {
        parentPort.postMessage('full');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      });
    });`;
  const worker = new Worker(code, { eval: true, workerData: { port, host: NETWORK.blackhole } });
  await new Promise((resolve) => worker.once('message', resolve));
  return async () => void (await worker.terminate());
}
