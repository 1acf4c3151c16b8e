import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { HostileSocket } from './hostile-socket.ts';
import { type HttpRequest, RequestReader } from './http-bytes.ts';
import { Line } from './line.ts';
import { ApiCall, UpgradeCall } from './slack-call.ts';

/** The websockets' address, unless the API is reached by a name: so a connection's purpose is known before TLS. */
const SOCKET_HOST = '127.0.0.3';
const API_HOST = '127.0.0.1';
/** Reached past a proxy. */
export const DIRECT_HOST = '127.0.0.2';

/** A TCP connection: the `nth` to the API, or to a websocket. */
export interface Connection {
  isSocket: boolean;
  nth: number;
}

/** What a stand-in does in Slack's place. Whatever a script leaves out is done properly; `nth` counts from 1. */
export interface SlackScript {
  /** Before TLS. @returns false: the script has taken the connection over */
  connected?(line: Line, of: Connection): boolean;
  /** Undefined: the good one. */
  certificate?(of: Connection): SecureContext | undefined;
  /** `call.nth` counts those with the same token, as for upgrades. `grant` is the proper answer. */
  api?(call: ApiCall): void;
  /** `greet` is the proper answer. */
  upgrade?(call: UpgradeCall): void;
  /** Once a socket has been greeted properly. */
  live?(socket: HostileSocket): void;
}

/**
 * Slack on one port of TLS: Web API and websockets, written by hand on the bytes of each connection. One for each row, so
 * that all that it counts is of that row.
 */
export class HostileSlack {
  /** One for each address, all on one port. */
  readonly #servers: Server[] = [];
  #port = 0;
  readonly #script: SlackScript;
  readonly #good: SecureContext;
  readonly #lines = new Set<Line>();
  readonly #tokens = new Map<string, { calls: number; upgrades: number }>();
  readonly #tickets = new Map<string, string>();
  readonly sockets: HostileSocket[] = [];
  #apiConnections = 0;
  #socketConnections = 0;
  /** When the fault began, if that was not with the first connection; see `faultBegins`. */
  faultAtMs: number | undefined;

  private constructor(script: SlackScript, good: SecureContext) {
    this.#script = script;
    this.#good = good;
  }

  static async start(script: SlackScript, good: SecureContext): Promise<HostileSlack> {
    const slack = new HostileSlack(script, good);
    for (const host of [API_HOST, DIRECT_HOST, SOCKET_HOST]) await slack.#listen(host);
    return slack;
  }

  async #listen(host: string): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (tcp) => this.#accept(tcp));
    await once(server.listen({ port: this.#port, host, backlog: 4_096 }), 'listening');
    this.#servers.push(server);
    this.#port = (server.address() as AddressInfo).port;
  }

  get port(): number {
    return this.#port;
  }

  apiUrl(host = API_HOST): string {
    return `https://${host}:${this.port}/api/`;
  }

  /** Those that the other end still holds. */
  get heldConnections(): number {
    return [...this.#lines].filter(({ isHeld }) => isHeld).length;
  }

  /** Calls of the Web API. @param token of one only */
  calls(token?: string): number {
    return this.#sum(token, ({ calls }) => calls);
  }

  /** Requests for a websocket. */
  upgrades(token?: string): number {
    return this.#sum(token, ({ upgrades }) => upgrades);
  }

  /** What no log line and no status may hold. */
  get secrets(): string[] {
    return [...this.#tokens.keys(), ...this.#tickets.keys()];
  }

  /** For a fault in the life of a socket. */
  faultBegins(): void {
    this.faultAtMs ??= performance.now();
  }

  async stop(): Promise<void> {
    const closed = this.#servers.map((server) => once(server.close(), 'close'));
    for (const line of this.#lines) line.reset();
    await Promise.all(closed);
  }

  #sum(token: string | undefined, of: (counts: { calls: number; upgrades: number }) => number): number {
    const counts = [...this.#tokens].filter(([each]) => token === undefined || each === token);
    return counts.reduce((sum, [, each]) => sum + of(each), 0);
  }

  #accept(tcp: Socket): void {
    const line = new Line(tcp);
    const isSocket = line.address === SOCKET_HOST;
    const nth = isSocket ? ++this.#socketConnections : ++this.#apiConnections;
    const of: Connection = { isSocket, nth };
    this.#lines.add(line);
    line.on('close', () => this.#lines.delete(line));
    if (this.#script.connected?.(line, of) === false) return;
    const tls = new TLSSocket(line, {
      isServer: true,
      secureContext: this.#script.certificate?.(of) ?? this.#good,
    });
    tls.on('error', () => line.destroy());
    tls.on('close', () => line.destroy());
    const requests = new RequestReader();
    let socket: HostileSocket | undefined;
    tls.on('data', (chunk: Buffer) => {
      if (socket !== undefined) return socket.received(chunk);
      const request = requests.read(chunk);
      if (request !== undefined) socket = this.#serve(request, line, tls);
    });
  }

  #serve(request: HttpRequest, line: Line, tls: TLSSocket): HostileSocket | undefined {
    if (request.verb === 'POST') {
      this.#serveApi(request, line, tls);
      return undefined;
    }
    const token = this.#tickets.get(request.path) ?? '';
    const counts = this.#countsOf(token);
    counts.upgrades += 1;
    const socket = new HostileSocket({ line, tls, slack: this, token, nth: counts.upgrades });
    this.sockets.push(socket);
    const live = (): void => this.#script.live?.(socket);
    const call = new UpgradeCall({ request, line, tls, token, nth: counts.upgrades, slack: this, socket, live });
    if (this.#script.upgrade === undefined) call.greet();
    else this.#script.upgrade(call);
    return socket;
  }

  #serveApi(request: HttpRequest, line: Line, tls: TLSSocket): void {
    const token = /^Bearer (\S+)$/.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
    const counts = this.#countsOf(token);
    counts.calls += 1;
    const path = `/link/s3cr3t-${this.#tickets.size}-${this.port}?ticket=s3cr3t`;
    this.#tickets.set(path, token);
    const [host = ''] = (request.headers.get('host') ?? '').split(':');
    const call = new ApiCall({
      request,
      line,
      tls,
      token,
      nth: counts.calls,
      slack: this,
      socketUrl: `wss://${host === API_HOST ? SOCKET_HOST : host}:${this.port}${path}`,
    });
    if (this.#script.api === undefined) call.grant();
    else this.#script.api(call);
  }

  #countsOf(token: string): { calls: number; upgrades: number } {
    const counts = this.#tokens.get(token) ?? { calls: 0, upgrades: 0 };
    this.#tokens.set(token, counts);
    return counts;
  }
}
