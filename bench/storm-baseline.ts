import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext, rootCertificates } from 'node:tls';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { WebSocket } from 'ws';

/**
 * The least that keeps a websocket for each token open: it asks for a URL, dials, and begins anew when the socket ends, with
 * so many connects at once. No budget, report, ping, event or state. What storm.ts compares the connector with, so it has the
 * same measure of the event loop, at /metrics. Arguments: Slack API URL, file with a token a line, connects at once.
 * Prints its port.
 */
const [apiUrl = '', tokenFile = '', atOnce = '50'] = process.argv.slice(2);
const extra = process.env.NODE_EXTRA_CA_CERTS;
const ca = [...rootCertificates, ...(extra === undefined ? [] : [readFileSync(extra, 'utf8')])];
const secureContext = createSecureContext({ ca });
const waiting = readFileSync(tokenFile, 'utf8').trim().split('\n');
let connecting = 0;

function connectMore(): void {
  while (connecting < Number(atOnce)) {
    const token = waiting.shift();
    if (token === undefined) return;
    connecting += 1;
    void connect(token).finally(() => {
      connecting -= 1;
      connectMore();
    });
  }
}

/** Resolves at hello, or when there will be none. */
async function connect(token: string): Promise<void> {
  const again = async (): Promise<void> => {
    await sleep(Math.random() * 1_000);
    waiting.push(token);
    connectMore();
  };
  try {
    const headers = { authorization: `Bearer ${token}` };
    const answer = (await (await fetch(`${apiUrl}rtm.connect`, { method: 'POST', headers })).json()) as { url: string };
    const options = { perMessageDeflate: false, secureContext };
    const socket = new WebSocket(answer.url, options);
    await new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        if (data.toString().startsWith('{"type":"hello"')) resolve();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        void again();
        resolve();
      });
    });
  } catch {
    void again();
  }
}

const registry = new Registry();
collectDefaultMetrics({ register: registry });
const server = createServer(async (_request, response) => void response.end(await registry.metrics()));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
connectMore();
