import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Frame } from './frames.ts';
import type { ApiAnswer, ApiCall } from './web-api.ts';

const maxBodyBytes = 1024 * 1024;

type DoorOptions = {
  host: string;
  port: number;
  /** PEM; without it the door speaks plain HTTP. */
  tls: { cert: Buffer; key: Buffer } | undefined;
  api(call: ApiCall): ApiAnswer;
  /** An answer to a response URL; undefined if the path is of none. */
  respond(path: string, body: unknown): string | undefined;
  upgrade(request: IncomingMessage, tcp: Duplex, head: Buffer): void;
  /** Answers what is under `/_control/`. `path` begins after it; undefined: there is no control API here. */
  control: ((method: string, path: string, body: string) => Promise<{ status: number; body: unknown }>) | undefined;
};

export type Door = { port: number; stop(): Promise<void> };

/**
 * The one port of the simulator: Web API, websocket handshakes and the control API.
 * @throws Error naming the address and the remedy when it can't listen there
 */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const secure = options.tls !== undefined;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    serve(options, request, response).catch(() => response.destroy());
  };
  const server: Server =
    options.tls === undefined ? createHttpServer(onRequest) : createHttpsServer(options.tls, onRequest);
  // Hundreds of programs may dial in the same moment; a call that hangs on purpose must not be cut off.
  server.requestTimeout = 0;
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, tcp: Duplex, head: Buffer) => {
    sockets.add(tcp);
    tcp.on('close', () => sockets.delete(tcp));
    tcp.on('error', () => tcp.destroy());
    options.upgrade(request, tcp, head);
  });
  server.on(secure ? 'tlsClientError' : 'clientError', (_error, socket) => (socket as Socket).destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new Error(listenFault(options, cause), { cause })));
    server.listen({ port: options.port, host: options.host, backlog: 4096 }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listenFault({ host, port }: DoorOptions, cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `${host} port ${port} is taken by another process: choose another port, or 0 for any free one`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine: listen on one that is, such as 127.0.0.1`;
    default:
      return `can't listen on ${host} port ${port} (${cause.message})`;
  }
}

async function serve(options: DoorOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://slack');
  const body = await readBody(request);
  if (body === undefined) {
    response.writeHead(413, { connection: 'close' }).end();
    return;
  }
  if (options.control !== undefined && url.pathname.startsWith('/_control/')) {
    const path = url.pathname.slice('/_control/'.length) + url.search;
    const answer = await options.control(request.method ?? 'GET', path, body);
    sendJson(response, answer.status, answer.body);
    return;
  }
  const method = /^\/api\/([a-z0-9.]+)$/i.exec(url.pathname)?.[1];
  if (method === undefined) {
    const isPost = request.method === 'POST';
    const fields = parseArguments(request.headers['content-type'], body);
    giveVerdict(isPost ? options.respond(url.pathname, fields) : undefined, response);
    return;
  }
  const args = { ...Object.fromEntries(url.searchParams), ...parseArguments(request.headers['content-type'], body) };
  const inHeader = bearer(request.headers.authorization);
  const inArguments = typeof args.token === 'string' ? args.token : undefined;
  delete args.token;
  const scheme = options.tls === undefined ? 'ws' : 'wss';
  const host = request.headers.host ?? `127.0.0.1:${request.socket.localPort}`;
  const call = {
    method,
    verb: request.method ?? 'GET',
    token: inHeader ?? inArguments,
    tokenInHeader: inHeader !== undefined,
    client: basic(request.headers.authorization),
    args,
    origin: `${scheme}://${host}`,
  };
  give(options, options.api(call), request, response);
}

/** On an answer to a response URL: `ok`, what is wrong with the URL, or undefined where there is none. */
function giveVerdict(verdict: string | undefined, response: ServerResponse): void {
  if (verdict === 'ok') response.writeHead(200, { 'content-type': 'text/html' }).end('ok');
  else if (verdict !== undefined) sendJson(response, 404, { ok: false, error: verdict });
  else response.writeHead(404, { 'content-type': 'text/html' }).end('<html><body>Not found</body></html>');
}

function give(options: DoorOptions, answer: ApiAnswer, request: IncomingMessage, response: ServerResponse): void {
  switch (answer.kind) {
    case 'json':
      sendJson(response, answer.status, answer.body);
      return;
    case 'error':
      sendJson(response, 200, { ok: false, error: answer.error });
      return;
    case 'ratelimited':
      response.setHeader('retry-after', String(answer.retryAfterSeconds));
      sendJson(response, 429, { ok: false, error: 'ratelimited' });
      return;
    case 'http':
      response
        .writeHead(answer.status, { 'content-type': 'text/html' })
        .end(`<html><head><title>${answer.status}</title></head><body><h1>upstream error</h1></body></html>`);
      return;
    case 'notJson':
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end('{"ok":true,"url":');
      return;
    case 'hang':
      return;
    case 'reset':
      reset(options, request.socket);
      return;
    case 'answerLost':
      if (answer.by !== 'hang') reset(options, request.socket);
      return;
  }
}

/** Only a bare TCP handle can send a reset; under TLS the peer sees a close without an answer. */
function reset({ tls }: DoorOptions, socket: Socket): void {
  if (tls === undefined) socket.resetAndDestroy();
  else socket.destroy();
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

/** Undefined if the body is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBodyBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Form or JSON, as Slack takes both; what can't be read is no argument. */
function parseArguments(contentType: string | undefined, body: string): Frame {
  if (contentType?.startsWith('application/json') !== true) return Object.fromEntries(new URLSearchParams(body));
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** Client id and secret, each as in a form (RFC 6749, section 2.3.1). */
function basic(header: string | undefined): ApiCall['client'] {
  const encoded = /^Basic\s+(\S+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [, id = '', secret = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  return { id: unescaped(id), secret: unescaped(secret) };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

const bearer = (header: string | undefined): string | undefined => /^Bearer\s+(\S+)$/i.exec(header ?? '')?.[1];
