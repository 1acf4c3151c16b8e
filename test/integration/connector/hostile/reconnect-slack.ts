/** A Slack over TLS whose every websocket ends, each in another way, until it has ended often enough. */

import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Certificate } from '#slack-simulator/certificate.ts';

export type TransportName = 'rtm' | 'socketMode';

/** @param ends of the slot's sockets; the one after them lives */
export const reconnectToken = (kind: TransportName, n: number, ends: number): string =>
  kind === 'rtm' ? `xoxb-${n}-x${ends}` : `xapp-1-A${n}-1-x${ends}`;
const endsOf = (token: string): number => Number(/x(\d+)$/.exec(token)?.[1]);

/** How a socket of the stand-in ends, or fails to come to life. */
export const ENDS = [
  'close1000',
  'close1001',
  'close1011',
  'end',
  'reset',
  'leaving',
  'halfClosed',
  'badOpcode',
  'refused503',
  'refused409',
  'callFails',
  'closedBeforeHello',
  'leavingAtOnce',
  'keptOpen',
] as const;
/** These wait for a deadline of the connector's, so they are rarer. */
export const SLOW_ENDS = ['noHello', 'deaf', 'noUpgrade', 'refused429'] as const;
export type End = (typeof ENDS)[number] | (typeof SLOW_ENDS)[number];

/** Every 50th end is a slow one. */
const endOf = (n: number): End =>
  (n % 50 === 9 ? SLOW_ENDS[Math.floor(n / 50) % SLOW_ENDS.length] : ENDS[n % ENDS.length]) ?? 'end';

interface Stream {
  /** Sockets asked for, which is what the ends go by. */
  asked: number;
  live: WebSocket | undefined;
  /** Asked to leave: closed once there is another. */
  leaving: WebSocket[];
}

/** Answers `rtm.connect` and `apps.connections.open`; a token is one stream. */
export class ReconnectSlack {
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #streams = new Map<string, Stream>();
  readonly #tcp = new Set<Socket>();
  /** How each socket has ended, by kind. */
  readonly ends = new Map<End, number>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(certificate: Certificate): Promise<ReconnectSlack> {
    const server = createServer({ cert: certificate.cert, key: certificate.key, keepAliveTimeout: 60_000 });
    const slack = new ReconnectSlack(server);
    server.on('connection', (socket: Socket) => {
      slack.#tcp.add(socket);
      socket.on('close', () => slack.#tcp.delete(socket));
      socket.on('error', () => undefined);
    });
    server.on('tlsClientError', () => undefined);
    server.on('request', (request, response) => {
      const answer = slack.#answer(request.url ?? '', request.headers.authorization?.slice('Bearer '.length) ?? '');
      request.resume();
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
    server.on('upgrade', (request, socket: Socket, head) => {
      const [, , name = '', n = '0'] = (request.url ?? '').split('/');
      socket.on('error', () => undefined);
      slack.#upgrade(name, Number(n), socket, (open) => slack.#sockets.handleUpgrade(request, socket, head, open));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return slack;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/`;
  }

  /** Websockets that are open at this end, without those that it has stopped reading: it can't know of their end. */
  get open(): number {
    return [...this.#sockets.clients].filter(({ isPaused }) => !isPaused).length;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#tcp) socket.destroy();
    await closed;
  }

  #answer(path: string, token: string): { status: number; body: unknown } {
    const stream = this.#streams.get(token) ?? { asked: 0, live: undefined, leaving: [] };
    this.#streams.set(token, stream);
    const n = stream.asked;
    stream.asked += 1;
    if (n < endsOf(token) && endOf(n) === 'callFails') {
      this.#ended('callFails');
      return { status: 503, body: {} };
    }
    const url = `wss://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${path.slice('/api/'.length)}/${token}/${n}`;
    return {
      status: 200,
      body: { ok: true, url, self: { id: 'U1', name: 'bot' }, team: { id: 'T1', name: 'Team', domain: 'team' } },
    };
  }

  #upgrade(token: string, n: number, tcp: Socket, accept: (open: (socket: WebSocket) => void) => void): void {
    const stream = this.#streams.get(token);
    if (stream === undefined) throw new Error('a socket that nobody asked for');
    const end = n < endsOf(token) ? endOf(n) : undefined;
    if (end !== undefined) this.#ended(end);
    switch (end) {
      case 'refused503':
      case 'refused409':
        tcp.end(`HTTP/1.1 ${end.slice(-3)} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
        return;
      case 'refused429':
        tcp.end('HTTP/1.1 429 No\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n');
        return;
      case 'noUpgrade':
        return;
      default:
        accept((socket) => this.#opened(stream, socket, tcp, end, token.startsWith('xapp')));
    }
  }

  #opened(stream: Stream, socket: WebSocket, tcp: Socket, end: End | undefined, isApp: boolean): void {
    socket.on('error', () => undefined);
    if (end === 'noHello') return;
    if (end === 'closedBeforeHello') {
      socket.close(1011);
      return;
    }
    socket.send(JSON.stringify(isApp ? { type: 'hello', num_connections: 1 } : { type: 'hello' }));
    for (const old of stream.leaving.splice(0)) old.close(1000);
    stream.live = socket;
    const event = { type: 'message', channel: 'C1', user: 'U2', text: 'hi', ts: `${Date.now() / 1_000}` };
    const envelope = { type: 'events_api', envelope_id: `e-${Math.random()}`, payload: { team_id: 'T1', event } };
    socket.send(JSON.stringify(isApp ? envelope : event));
    if (!isApp) socket.on('message', (text) => this.#pong(socket, String(text), end));
    if (end !== undefined) this.#end(stream, socket, tcp, end, isApp);
  }

  #pong(socket: WebSocket, text: string, end: End | undefined): void {
    const { id } = JSON.parse(text) as { id: number };
    if (end !== 'deaf') socket.send(JSON.stringify({ type: 'pong', reply_to: id }));
  }

  #end(stream: Stream, socket: WebSocket, tcp: Socket, end: End, isApp: boolean): void {
    switch (end) {
      case 'close1000':
      case 'close1001':
      case 'close1011':
        socket.close(Number(end.slice('close'.length)), 'because');
        return;
      case 'end':
        tcp.destroySoon();
        return;
      case 'reset':
        // Below TLS.
        (tcp as Socket & { _parent?: Socket })._parent?.resetAndDestroy();
        tcp.destroy();
        return;
      case 'halfClosed':
        tcp.end();
        return;
      case 'badOpcode':
        tcp.write(Buffer.from([0x83, 0x00]));
        return;
      case 'keptOpen':
        // A close frame by hand: whatever is answered, TCP stays open.
        tcp.write(Buffer.from([0x88, 0x02, 0x03, 0xe8]));
        return;
      case 'leaving':
      case 'leavingAtOnce':
        stream.leaving.push(socket);
        socket.send(JSON.stringify(isApp ? { type: 'disconnect', reason: 'warning' } : { type: 'goodbye' }));
        if (end === 'leavingAtOnce') socket.close(1000);
        return;
      case 'deaf':
        socket.pause();
        return;
      case 'noHello':
      case 'noUpgrade':
      case 'refused503':
      case 'refused409':
      case 'refused429':
      case 'callFails':
      case 'closedBeforeHello':
        return;
      default:
        end satisfies never;
    }
  }

  #ended(end: End): void {
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
  }
}
