import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { KubeObject } from '#operator/kube/object.ts';
import { createServerCertificate } from './pki.ts';

/** What the server does to one request instead of answering it well. */
export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** The connection is cut: before the answer, or (a watch) after the headers. */
  | { kind: 'reset' }
  /** A watch is accepted, and then nothing comes; a list is not even accepted. */
  | { kind: 'silence' }
  /** A watch that sends these lines and then stays open. */
  | { kind: 'lines'; lines: string[] };

interface Watch {
  response: Http2ServerResponse;
  request: Http2ServerRequest;
  silent: boolean;
}

/**
 * Speaks as much of the Kubernetes API as a list and a watch of one resource need, over HTTPS with HTTP/2, and fails on
 * demand in the ways in which API servers and the networks before them fail.
 */
export class FaultServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'relax-fault-server-'));
  readonly objects = new Map<string, KubeObject>();
  /** Requests as `METHOD path?query`, in order. */
  readonly requests: string[] = [];
  /** Each is used once, by the next request of its sort. */
  readonly listFaults: Fault[] = [];
  readonly watchFaults: Fault[] = [];
  readonly callFaults: Fault[] = [];
  readonly acceptedTokens = new Set(['first-token']);
  /** How the watched objects changed, so that a watch can start anywhere. */
  readonly #history: { version: number; line: string }[] = [];
  readonly #watches = new Set<Watch>();
  readonly #sockets = new Set<Socket>();
  readonly #server: ReturnType<typeof createSecureServer>;
  #version = 100;
  /** Versions before this are gone. */
  #compactedAt = 0;
  #port = 0;
  tlsConnections = 0;

  private constructor(key: Buffer, cert: Buffer) {
    this.#server = createSecureServer({ key, cert, allowHTTP1: true });
    this.#server.on('request', (request, response) => this.#answer(request, response));
    this.#server.on('secureConnection', () => {
      this.tlsConnections += 1;
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    this.#server.on('sessionError', () => undefined);
  }

  static async start(): Promise<FaultServer> {
    const folder = mkdtempSync(join(tmpdir(), 'relax-fault-pki-'));
    await createServerCertificate(folder, 'server');
    const [key, cert] = [readFileSync(join(folder, 'server.key')), readFileSync(join(folder, 'server.crt'))];
    rmSync(folder, { recursive: true });
    const server = new FaultServer(key, cert);
    writeFileSync(server.caFile, cert);
    writeFileSync(server.tokenFile, 'first-token\n');
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    const address = server.#server.address();
    server.#port = typeof address === 'object' && address !== null ? address.port : 0;
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get caFile(): string {
    return join(this.folder, 'ca.crt');
  }

  get tokenFile(): string {
    return join(this.folder, 'token');
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  get version(): string {
    return String(this.#version);
  }

  /** As in a pod: CA and token from files. */
  config(port = this.#port): KubeConfig {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: 'c', server: `https://127.0.0.1:${port}`, caFile: this.caFile, skipTLSVerify: false }],
      users: [{ name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile: this.tokenFile } } }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    });
    return config;
  }

  put(name: string, labels: Record<string, string> = {}): void {
    const previous = this.objects.get(name);
    this.#version += 1;
    const metadata = { name, namespace: 'ns', uid: previous?.metadata.uid ?? `uid-${this.#version}`, labels };
    const object = { metadata: { ...metadata, resourceVersion: this.version } };
    this.objects.set(name, object);
    this.#emit(previous === undefined ? 'ADDED' : 'MODIFIED', object);
  }

  remove(name: string): void {
    const object = this.objects.get(name);
    if (object === undefined) return;
    this.#version += 1;
    this.objects.delete(name);
    this.#emit('DELETED', { metadata: { ...object.metadata, resourceVersion: this.version } });
  }

  bookmark(): void {
    this.#version += 1;
    this.#emit('BOOKMARK', { metadata: { resourceVersion: this.version } });
  }

  /** Forgets the past: a watch from a version before now answers 410. */
  compact(): void {
    this.#compactedAt = this.#version;
    this.#history.length = 0;
  }

  /** Sends a raw line to every watch. */
  sendLine(line: string): void {
    for (const watch of this.#watches) watch.response.write(`${line}\n`);
  }

  /** Ends every watch as the server does at timeoutSeconds. */
  endWatches(): void {
    for (const watch of this.#watches) watch.response.end();
  }

  resetWatches(): void {
    for (const watch of this.#watches) cut(watch.request);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
    rmSync(this.folder, { recursive: true, force: true });
  }

  #emit(type: string, object: unknown): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    this.#history.push({ version: this.#version, line });
    for (const watch of this.#watches) if (!watch.silent) watch.response.write(line);
  }

  #answer(request: Http2ServerRequest, response: Http2ServerResponse): void {
    request.resume();
    const url = new URL(request.url, 'https://127.0.0.1');
    this.requests.push(`${request.method} ${request.url}`);
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    if (!this.acceptedTokens.has(token)) sendStatus(response, 401, 'Unauthorized');
    else if (url.searchParams.get('watch') === 'true') this.#watch(url, request, response);
    else if (url.pathname.endsWith('/things')) this.#list(url, request, response);
    else this.#call(request, response);
  }

  #list(url: URL, request: Http2ServerRequest, response: Http2ServerResponse): void {
    if (failed(this.listFaults.shift(), request, response)) return;
    const items = [...this.objects.values()];
    const limit = Number(url.searchParams.get('limit') ?? items.length);
    const from = Number(url.searchParams.get('continue') ?? 0);
    const next = from + limit < items.length ? { continue: String(from + limit) } : {};
    const page = items.slice(from, from + limit);
    sendJson(response, 200, { metadata: { resourceVersion: this.version, ...next }, items: page });
  }

  #watch(url: URL, request: Http2ServerRequest, response: Http2ServerResponse): void {
    const fault = this.watchFaults.shift();
    if (fault?.kind === 'status' && failed(fault, request, response)) return;
    const from = Number(url.searchParams.get('resourceVersion'));
    if (from < this.#compactedAt) {
      sendStatus(response, 410, 'Expired');
      return;
    }
    const watch: Watch = { response, request, silent: fault?.kind === 'silence' };
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
    response.writeHead(200, { 'content-type': 'application/json' });
    if ('flushHeaders' in response && typeof response.flushHeaders === 'function') response.flushHeaders();
    if (fault?.kind === 'reset') cut(request);
    if (fault?.kind === 'lines') for (const line of fault.lines) response.write(`${line}\n`);
    if (fault !== undefined) return;
    for (const { version, line } of this.#history) if (version > from) response.write(line);
  }

  #call(request: Http2ServerRequest, response: Http2ServerResponse): void {
    if (failed(this.callFaults.shift(), request, response)) return;
    sendJson(response, 200, { metadata: { name: 'any', uid: 'u', resourceVersion: this.version } });
  }
}

/** @returns whether the request is dealt with */
function failed(fault: Fault | undefined, request: Http2ServerRequest, response: Http2ServerResponse): boolean {
  if (fault === undefined) return false;
  if (fault.kind === 'reset') cut(request);
  if (fault.kind === 'status') {
    response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
    response.end(
      fault.body ?? JSON.stringify({ kind: 'Status', code: fault.status, reason: 'Injected', message: 'fault' }),
    );
  }
  return true;
}

function cut(request: Http2ServerRequest): void {
  const session = request.httpVersionMajor === 2 ? request.stream.session : undefined;
  if (session === undefined) request.socket.destroy();
  else session.destroy();
}

function sendStatus(response: Http2ServerResponse, code: number, reason: string): void {
  sendJson(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: reason });
}

function sendJson(response: Http2ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
