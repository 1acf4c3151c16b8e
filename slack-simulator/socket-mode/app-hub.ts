import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { urlNameOf } from '../app.ts';
import type { AppSocketFault, FaultBoard } from '../fault.ts';
import { breakHandshake, handshakeOutcome, refuseHandshake } from '../handshake.ts';
import type { Ticket, TicketBook } from '../ticket.ts';
import { AppSocket, type AppSocketHost, type AppSocketView } from './app-socket.ts';
import type { Carried } from './delivery-desk.ts';
import { type ConnectionFacts, helloFrame, tooManyFrame } from './envelope.ts';
import { createSpread, type Spread } from './spread.ts';

const maxClientFrameBytes = 1024 * 1024;
/** How long a socket lives whose URL was given `&debug_reconnects=true`. */
const debugReconnectSeconds = 360;
const hostName = 'applink-2';

/** Which sockets a fault is for: one by its id, or all of an app, at most `count` of them, the oldest first unless told. */
export type AppSocketTarget = {
  appID: string;
  socketID?: string | undefined;
  count?: number | undefined;
  first?: 'oldest' | 'newest' | undefined;
};

type HubOptions = {
  tickets: TicketBook;
  faults: FaultBoard;
  host: Pick<AppSocketHost, 'acknowledged'>;
  /** Sockets of an app that Slack registers. */
  maxWebsockets: number;
  approximateConnectionSeconds: number;
  /** How long a socket stays registered whose client went without a close frame. */
  ghostAfterDropMs: number;
  spread: Spread;
  pingEveryMs: number;
  /** The app of a socket URL. */
  appOf(urlName: string): string | undefined;
  /** Called once for each handshake, with what became of it. `-`: of no app. */
  onHandshake(appID: string, outcome: string): void;
};

/** A socket URL names the app by a digest, so that a fault finds it even when the ticket is void. */
export const appPath = ({ ownerID, id }: Ticket): string => `/link/?ticket=${id}&app_id=${urlNameOf(ownerID)}`;

/** All Socket Mode sockets: opens them against tickets and gives each envelope to one of its app's. */
export class AppHub {
  readonly #options: HubOptions;
  readonly #byApp = new Map<string, Set<AppSocket>>();
  readonly #pick: (appID: string, count: number) => number;
  // Compression only if the client offers it, and then only for large frames: without a context of its own each frame may
  // go as it is. Compressing every envelope would take longer than a burst allows.
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: maxClientFrameBytes,
    perMessageDeflate: { threshold: 16 * 1024, serverNoContextTakeover: true, clientNoContextTakeover: true },
  });
  readonly #started = new Date().toISOString().replace('T', ' ').slice(0, 23);
  readonly #pinger: NodeJS.Timeout;
  readonly #refused = { oversized: 0, bad: 0 };
  #lastID = 0;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#pick = createSpread(options.spread);
    this.#pinger = setInterval(() => {
      for (const socket of this.#all()) socket.keepAlive();
    }, options.pingEveryMs);
  }

  /** A handshake at a path that `appPath` made. */
  upgrade(request: IncomingMessage, tcp: Duplex, head: Buffer): void {
    const { searchParams } = new URL(request.url ?? '/', 'http://slack');
    const appID = this.#options.appOf(searchParams.get('app_id') ?? '');
    const fault = this.#options.faults.upgradeAnswer({ appID }, Date.now());
    if (fault !== undefined) {
      this.#options.onHandshake(appID ?? '-', handshakeOutcome(fault));
      breakHandshake(tcp, fault);
      return;
    }
    const ticket = this.#options.tickets.redeem(appID ?? '-', searchParams.get('ticket') ?? '', Date.now());
    if (ticket === undefined) {
      this.#options.onHandshake(appID ?? '-', 'expired');
      refuseHandshake(tcp, 408);
      return;
    }
    const isDebug = searchParams.get('debug_reconnects') === 'true';
    const lifeSeconds = isDebug ? debugReconnectSeconds : this.#options.approximateConnectionSeconds;
    this.#server.handleUpgrade(request, tcp, head, (ws) => this.#opened(ticket, { ws, tcp }, lifeSeconds));
  }

  /** Gives an envelope to one of the app's sockets, or to the one that is named. @returns its id, if there is one */
  carry(appID: string, carried: Carried, socketID?: string): string | undefined {
    const takers = this.#of(appID).filter(({ takes }) => takes);
    const named = socketID === undefined ? undefined : takers.find(({ id }) => id === socketID);
    const socket = named ?? (takers.length === 0 ? undefined : takers[this.#pick(appID, takers.length)]);
    socket?.carry(carried);
    return socket?.id;
  }

  /** Whether a socket of the app is full. */
  isCongested(appID: string): boolean {
    const nowMs = performance.now();
    return this.#of(appID).some((socket) => socket.isCongested(nowMs));
  }

  /** The sockets that a fault is for. */
  targets(target: AppSocketTarget): AppSocket[] {
    const sockets = target.first === 'newest' ? this.#of(target.appID).reverse() : this.#of(target.appID);
    return target.socketID === undefined ? sockets : sockets.filter(({ id }) => id === target.socketID);
  }

  /** Sends the last envelope of a socket once more. False if there was none, or no other socket to send it over. */
  duplicate(socket: AppSocket, over: Extract<AppSocketFault, { kind: 'duplicate' }>['over']): boolean {
    const { last } = socket;
    const carrier =
      over === 'other' ? this.#of(socket.appID).find((other) => other !== socket && other.state === 'live') : socket;
    if (last === undefined || carrier?.state !== 'live') return false;
    carrier.carry(last);
    return true;
  }

  closeWhere(condition: (socket: AppSocket) => boolean): void {
    for (const socket of this.#all()) if (condition(socket)) socket.end(1000);
  }

  views(appID?: string): AppSocketView[] {
    return (appID === undefined ? this.#all() : this.#of(appID)).map((socket) => socket.view());
  }

  /** Frames of clients that are no acknowledgement. */
  refusedFrames(): { oversized: number; bad: number } {
    return { ...this.#refused };
  }

  stop(): void {
    clearInterval(this.#pinger);
    for (const socket of this.#all()) socket.terminate();
  }

  #opened(ticket: Ticket, wire: { ws: WebSocket; tcp: Duplex }, lifeSeconds: number): void {
    const { ownerID: appID, token } = ticket;
    const sockets = this.#byApp.get(appID) ?? new Set<AppSocket>();
    if (this.#registered(sockets) >= this.#options.maxWebsockets) {
      this.#options.onHandshake(appID, 'too_many_websockets');
      wire.ws.on('error', () => undefined);
      wire.ws.send(JSON.stringify(tooManyFrame(this.#facts(appID, this.#registered(sockets), lifeSeconds))));
      wire.ws.close(1000);
      return;
    }
    this.#options.onHandshake(appID, 'ok');
    this.#lastID += 1;
    const { ghostAfterDropMs } = this.#options;
    const named = { id: `app-socket-${this.#lastID}`, appID, token, hostName, ghostAfterDropMs };
    const socket = new AppSocket(named, wire, this.#socketHost());
    this.#byApp.set(appID, sockets.add(socket));
    const greet = (): void => {
      socket.greet(helloFrame(this.#facts(appID, this.#registered(sockets), lifeSeconds)), lifeSeconds * 1000);
      if (fault?.kind === 'deaf') socket.inflict(fault);
    };
    const fault = this.#options.faults.helloAnswer({ appID }, Date.now());
    if (fault?.kind === 'never') return;
    if (fault?.kind === 'late') setTimeout(greet, fault.delayMs).unref();
    else greet();
  }

  #registered(sockets: ReadonlySet<AppSocket>): number {
    return [...sockets].filter(({ state }) => state !== 'closing').length;
  }

  #facts(appID: string, connections: number, approximateSeconds: number): ConnectionFacts {
    return { appID, host: hostName, connections, approximateSeconds, started: this.#started };
  }

  #of(appID: string): AppSocket[] {
    return [...(this.#byApp.get(appID) ?? [])];
  }

  #all(): AppSocket[] {
    return [...this.#byApp.values()].flatMap((sockets) => [...sockets]);
  }

  #socketHost(): AppSocketHost {
    return {
      ...this.#options.host,
      refused: (kind) => {
        this.#refused[kind] += 1;
      },
      closed: (socket) => {
        const sockets = this.#byApp.get(socket.appID);
        sockets?.delete(socket);
        if (sockets?.size === 0) this.#byApp.delete(socket.appID);
      },
    };
  }
}
