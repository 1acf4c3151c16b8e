import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import { rootCertificates } from 'node:tls';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';

/**
 * The least that brings Slack's events to a queue once: a websocket a team, JSON.parse, one script a batch. No session,
 * ping, budget, identity, filter, buffer limit or metric. What connector.ts compares the connector with.
 * Arguments: Redis URL, Slack API URL, file with a token a line. Prints "live" when all sockets have said hello.
 */
const [redisUrl = '', apiUrl = '', tokenFile = ''] = process.argv.slice(2);
const redis = new Redis(redisUrl);
const LUA = `for i = 1, #ARGV, 2 do
  if redis.call('HSETNX', KEYS[2], ARGV[i], '1') == 1 then redis.call('RPUSH', KEYS[1], ARGV[i + 1]) end
end`;
redis.defineCommand('put', { numberOfKeys: 2, lua: LUA });
const put = (redis as unknown as { put(...args: string[]): Promise<unknown> }).put.bind(redis);

let batch: string[] = [];
function take(text: string): void {
  const frame = JSON.parse(text) as { type?: string; channel?: string; ts?: string };
  if (frame.ts === undefined) return;
  batch.push(`${frame.channel}/${frame.ts}`, text);
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
const secureContext = tls.createSecureContext({ ca });
const tokens = readFileSync(tokenFile, 'utf8').trim().split('\n');
const all = tokens.length;
let live = 0;

async function connect(token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = (await (await fetch(`${apiUrl}rtm.connect`, { method: 'POST', headers })).json()) as { url: string };
  const options = { perMessageDeflate: false, secureContext };
  const socket = new WebSocket(answer.url, options);
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data) => {
      const text = data.toString();
      if (!text.startsWith('{"type":"hello"')) return take(text);
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
