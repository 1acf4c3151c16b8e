import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { chainCertificate, localCertificate } from '../../slack-simulator/certificate.ts';
import { generatedTeam } from '../../slack-simulator/team.ts';
import { answerParent } from '../fleet/asked-child.ts';
import { type EventTemplate, eventTemplate } from './event-template.ts';
import { OPCODE, readClientFrames, serverFrame } from './frame.ts';
import { dueAfter, type Pace } from './pace.ts';

/**
 * A Slack that does little and takes little, because it shares the machine with what is measured: rtm.connect, RTM sockets over
 * TLS that answer pings, and message events at an exact pace, up to 20,000 a second. Forked by `slack.ts`. Everything else
 * that Slack does is done by slack-simulator.
 */
export type CertificateKind = 'small' | 'chain';

export interface LoadPlan {
  teams: number;
  certificate: CertificateKind;
  /** How often each socket is pinged; 0: never. */
  pingEveryMs: number;
}

export interface Burst extends Pace {
  /** Of a frame's payload. */
  bytes: number;
}

export type LoadRequest =
  | { do: 'start'; plan: LoadPlan }
  | { do: 'burst'; burst: Burst }
  /** Ends sockets without a close frame. @param count undefined: all */
  | { do: 'drop'; count?: number }
  /** Says goodbye and closes each, as Slack does to a socket that is old. */
  | { do: 'refresh'; count: number }
  | { do: 'look' };

export interface LoadStarted {
  url: string;
  caFile: string;
}

export interface LoadView {
  /** Sockets that were told hello and are open. */
  live: number;
  /** Hellos since the start. */
  hellos: number;
  connects: number;
  /** When the first hello was sent since the last look that saw none, in microseconds of the monotonic clock; 0: none. */
  firstHelloMicros: number;
  /** Events that were to go to a team without a socket. */
  unsent: number;
  /** Payload bytes of an event of the last burst. */
  eventBytes: number;
  /** Bytes that TLS has not taken yet. */
  waitingBytes: number;
  /** The latest that an event was sent after its time, of the last burst. */
  latestMs: number;
}

/** Events that fall due within this are sent together. */
const TICK_MS = 2;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const HELLO = serverFrame(OPCODE.text, Buffer.from('{"type":"hello"}'));
const GOODBYE = serverFrame(OPCODE.text, Buffer.from('{"type":"goodbye"}'));
const PING = serverFrame(OPCODE.ping, Buffer.from('load'));
const CLOSE = serverFrame(OPCODE.close, Buffer.from([1000 >> 8, 1000 & 0xff]));

const monotonicMicros = (): number => Number(process.hrtime.bigint() / 1000n);

const teamByToken = new Map<string, number>();
/** Team -> its sockets, the newest last; an event goes to each. */
const sockets: Socket[][] = [];
let live = 0;
let hellos = 0;
let connects = 0;
let firstHelloMicros = 0;
let unsent = 0;
let numbered = 0;
let lastTsMicros = 0;
let latestMs = 0;
let eventBytes = 0;
let origin = '';

function answerCall(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.setEncoding('latin1');
  request.on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    const token =
      request.headers.authorization?.slice('Bearer '.length) ?? new URLSearchParams(body).get('token') ?? '';
    const team = teamByToken.get(token);
    const answer =
      request.url === '/api/rtm.connect' && team !== undefined ? connected(team) : { ok: false, error: 'invalid_auth' };
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(answer));
  });
}

function connected(n: number): object {
  connects += 1;
  const { teamID, botUserID, name } = generatedTeam(n);
  const url = `wss://${origin}/rtm/${n}/${randomBytes(12).toString('hex')}`;
  return { ok: true, url, team: { id: teamID, name, domain: `load-${n}` }, self: { id: botUserID, name: 'bot' } };
}

function upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  const team = Number(request.url?.split('/')[2]);
  socket.setNoDelay(true);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.write(HELLO);
  if (firstHelloMicros === 0) firstHelloMicros = monotonicMicros();
  hellos += 1;
  live += 1;
  const ofTeam = sockets[team] ?? [];
  sockets[team] = ofTeam;
  ofTeam.push(socket);
  let rest: Buffer = head;
  const take = (bytes: Buffer): void => {
    const read = readClientFrames(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]));
    rest = read.rest;
    for (const { opcode, payload } of read.frames) answerFrame(socket, opcode, payload);
  };
  socket.on('data', take);
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    live -= 1;
    ofTeam.splice(ofTeam.indexOf(socket), 1);
  });
}

function answerFrame(socket: Socket, opcode: number, payload: Buffer): void {
  if (opcode === OPCODE.close) socket.end(CLOSE);
  else if (opcode === OPCODE.ping) socket.write(serverFrame(OPCODE.pong, payload));
  else if (opcode === OPCODE.text) {
    const { id, type } = JSON.parse(payload.toString()) as { id?: number; type?: string };
    if (type === 'ping') socket.write(serverFrame(OPCODE.text, Buffer.from(`{"type":"pong","reply_to":${id}}`)));
  }
}

/** Resolves when the last event has been handed to TLS. */
function burst({ bytes, ...pace }: Burst): Promise<void> {
  const template = eventTemplate(bytes);
  eventBytes = template.bytes;
  latestMs = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = dueAfter(pace, performance.now() - startMs);
    if (due > sent) latestMs = Math.max(latestMs, performance.now() - startMs - (sent * 1000) / pace.perSecond);
    for (; sent < due; sent += 1) sendEvent(template);
    if (sent < pace.events) return;
    clearInterval(timer);
    resolve();
  }, TICK_MS);
  return promise;
}

/** One to each team in turn. */
function sendEvent(template: EventTemplate): void {
  const team = (numbered % teamByToken.size) + 1;
  const ofTeam = sockets[team];
  lastTsMicros = Math.max(lastTsMicros + 1, Date.now() * 1000);
  const place = { team, number: numbered, tsMicros: lastTsMicros, sentMicros: monotonicMicros() };
  numbered += 1;
  if (ofTeam === undefined || ofTeam.length === 0) {
    unsent += 1;
    return;
  }
  const frame = template.frameFor(place);
  for (const socket of ofTeam) socket.write(frame);
}

/** A few at each tick, so that no second has them all. */
function keepPinging(everyMs: number): void {
  const STEPS = 200;
  let step = 0;
  setInterval(() => {
    for (let team = step; team < sockets.length; team += STEPS)
      for (const socket of sockets[team] ?? []) socket.write(PING);
    step = (step + 1) % STEPS;
  }, everyMs / STEPS);
}

let oldest = 0;
/** The next ones in turn. */
function nextSockets(count: number): Socket[] {
  const found: Socket[] = [];
  for (let looked = 0; looked < sockets.length && found.length < count; looked += 1) {
    oldest = (oldest % (sockets.length - 1)) + 1;
    const [first] = sockets[oldest] ?? [];
    if (first !== undefined) found.push(first);
  }
  return found;
}

function refresh(count: number): void {
  for (const socket of nextSockets(count)) {
    socket.write(GOODBYE);
    // The connector leaves once it has a new one; Slack waits only so long.
    setTimeout(() => socket.end(CLOSE), 10_000).unref();
  }
}

async function start({ teams, certificate, pingEveryMs }: LoadPlan): Promise<LoadStarted> {
  for (let n = 1; n <= teams; n += 1) teamByToken.set(generatedTeam(n).token, n);
  const { cert, key, caFile } = await (certificate === 'chain' ? chainCertificate() : localCertificate());
  const server = createServer({ cert, key }, answerCall);
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  server.on('upgrade', upgrade);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
  origin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (pingEveryMs > 0) keepPinging(pingEveryMs);
  return { url: `https://${origin}/api/`, caFile };
}

function look(): LoadView {
  let waitingBytes = 0;
  for (const ofTeam of sockets) for (const { writableLength } of ofTeam ?? []) waitingBytes += writableLength;
  return { live, hellos, connects, firstHelloMicros, unsent, eventBytes, waitingBytes, latestMs };
}

async function answer(request: LoadRequest): Promise<unknown> {
  switch (request.do) {
    case 'start':
      return start(request.plan);
    case 'burst':
      return burst(request.burst);
    case 'drop':
      for (const socket of nextSockets(request.count ?? Number.POSITIVE_INFINITY)) socket.destroy();
      return undefined;
    case 'refresh':
      return refresh(request.count);
    case 'look':
      return look();
    default:
      return request satisfies never;
  }
}

answerParent(answer);
