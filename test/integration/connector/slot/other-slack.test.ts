import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { waitFor } from '#test/support/wait.ts';
import { specOf, TestSlot } from './test-slot.ts';

/** A Slack that is not our simulator, and does what ours does not but Slack's documentation allows. */
let server: Server;
let wss: WebSocketServer;
let url: string;
let slot: TestSlot;
let peers: WebSocket[];
let pings: number;
/** What it says when a socket opens. */
let greeting: string[];

beforeEach(async () => {
  peers = [];
  pings = 0;
  greeting = ['{"type":"hello","start":true,"region":"eu","host_id":"h1","num_connections":1}'];
  server = createServer((_request, response) => {
    const { port } = server.address() as { port: number };
    const self = { id: 'UBOT', name: 'bot', prefs: {}, created: 1 };
    const answer = {
      ok: true,
      url: `ws://localhost:${port}/link?ticket=t`,
      self,
      team: { id: 'T1', name: 'Acme', x: [] },
    };
    response.setHeader('content-type', 'text/html').end(JSON.stringify({ ...answer, warning: 'superfluous_charset' }));
  });
  wss = new WebSocketServer({ server, perMessageDeflate: true });
  wss.on('connection', (peer) => {
    peers.push(peer);
    peer.on('message', (data) => {
      const { type } = JSON.parse(String(data));
      if (type !== 'ping') return;
      pings += 1;
      peer.send('{"type":"pong"}');
    });
    for (const text of greeting) peer.send(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/api/`;
  slot = new TestSlot({ url }, specOf('xoxb-1-abc'));
});
afterEach(async () => {
  await slot.running.stop();
  for (const peer of peers) peer.terminate();
  wss.close();
  await new Promise((resolve) => server.close(resolve));
});

const message = (n: number): string =>
  JSON.stringify({ type: 'message', channel: 'C1', user: 'U1', text: `t${n}`, ts: `1700000000.${n}` });
const texts = (): string[] => slot.events().map(({ item }) => item.text);

it('events before hello are read, and a hello with more fields than documented is one', async () => {
  greeting = [message(1), message(2), ...greeting];
  await slot.live();
  expect(texts()).toEqual(['t1', 't2']);
});

it('a pong that names no ping is an answer, and many frames in one packet are read one by one', async () => {
  await slot.live();
  const [peer] = peers;
  const raw = (peer as unknown as { _socket: { cork(): void; uncork(): void } })._socket;
  raw.cork();
  for (let n = 0; n < 500; n += 1) peer?.send(message(n));
  raw.uncork();
  peer?.send('{"type":"message","channel":"C1",', { fin: false });
  peer?.send('"user":"U1","text":"in pieces","ts":"1700000001.1"}', { fin: true });
  await waitFor(() => texts().length === 501);
  expect(texts().at(-1)).toBe('in pieces');
  // A peer that answers none is given up after two.
  await waitFor(() => pings === 3, { timeoutMs: 25_000 });
  expect(slot.states).toEqual(['live']);
  expect(peers).toHaveLength(1);
});

it('ids that are numbers become texts in a queue item', async () => {
  await slot.live();
  peers[0]?.send('{"type":"message","channel":17,"user":4,"text":5,"ts":1700000000.0001}');
  await waitFor(() => slot.events().length === 1);
  expect(slot.events()[0]?.item).toMatchObject({ channel_uid: '17', user_uid: '4', text: '5' });
});
