import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import { rootCertificates } from 'node:tls';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import { runtimeHas } from '../core/process/runtime.ts';

/**
 * The least that brings Slack's events to a queue once: a websocket a token, JSON.parse, one script a batch. No session,
 * ping, budget, identity, filter, route, buffer limit or metric; envelopes are acknowledged as they come. What connector.ts
 * compares the connector with. Arguments: Redis URL, Slack API URL, file with a token a line, the method that opens sockets.
 * Prints "live" when all sockets have said hello.
 */
const [redisUrl = '', apiUrl = '', tokenFile = '', method = 'rtm.connect'] = process.argv.slice(2);
const redis = new Redis(redisUrl);
const LUA = `for i = 1, #ARGV, 2 do
  if redis.call('HSETNX', KEYS[2], ARGV[i], '1') == 1 then redis.call('RPUSH', KEYS[1], ARGV[i + 1]) end
end`;
redis.defineCommand('put', { numberOfKeys: 2, lua: LUA });
const put = (redis as unknown as { put(...args: string[]): Promise<unknown> }).put.bind(redis);

let batch: string[] = [];
type Frame = { channel?: string; ts?: string; envelope_id?: string; payload?: { event_id?: string } };
function take(text: string, socket: WebSocket): void {
  const frame = JSON.parse(text) as Frame;
  if (frame.envelope_id !== undefined) socket.send(JSON.stringify({ envelope_id: frame.envelope_id }));
  const id = frame.payload?.event_id ?? (frame.ts === undefined ? undefined : `${frame.channel}/${frame.ts}`);
  if (id === undefined) return;
  batch.push(id, text);
  if (batch.length === 2) setTimeout(flush, 5);
  if (batch.length >= 100) flush();
}
function flush(): void {
  const [full] = [batch];
  batch = [];
  if (full.length > 0) void put('baseline:events', 'baseline:marks', ...full);
}

const extra = process.env.NODE_EXTRA_CA_CERTS;
const ca = [...rootCertificates, ...(extra === undefined ? [] : [readFileSync(extra, 'utf8')])];
// Bun shares by itself, and better.
const trust = runtimeHas.tlsContextByHand ? { secureContext: tls.createSecureContext({ ca }) } : {};
const tokens = readFileSync(tokenFile, 'utf8').trim().split('\n');
const all = tokens.length;
let live = 0;

async function connect(token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = (await (await fetch(`${apiUrl}${method}`, { method: 'POST', headers })).json()) as { url: string };
  const options = { perMessageDeflate: false, ...trust };
  const socket = new WebSocket(answer.url, options);
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data) => {
      const text = data.toString();
      if (!text.startsWith('{"type":"hello"')) return take(text, socket);
      live += 1;
      if (live === all) process.stdout.write('live\n');
      resolve();
    });
  });
}

const worker = async (): Promise<void> => {
  for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) await connect(token);
};
await Promise.all(Array.from({ length: 16 }, worker));
process.once('SIGTERM', () => process.exit(0));
