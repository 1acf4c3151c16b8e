import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { FaultBoard, HelloAnswer, SocketFault } from '../fault.ts';
import { breakHandshake, handshakeOutcome } from '../handshake.ts';
import type { PreparedFrame } from '../ledger.ts';
import type { Ticket, TicketBook } from '../ticket.ts';
import { RtmSocket, type SocketHost, type SocketView } from './rtm-socket.ts';

/** A client frame above this disconnects it (docs.slack.dev, legacy RTM API). */
const maxClientFrameBytes = 16 * 1024;
const urlExpired = JSON.stringify({ type: 'error', error: { code: 1, msg: 'Socket URL has expired' } });

/** Which sockets a fault is for: one by its id, or all of a team, at most `count` of them, the oldest first unless told. */
export type SocketTarget = {
  teamID: string;
  socketID?: string | undefined;
  count?: number | undefined;
  first?: 'oldest' | 'newest' | undefined;
};

type HubOptions = {
  tickets: TicketBook;
  faults: FaultBoard;
  host: Omit<SocketHost, 'closed'>;
  pingEveryMs: number;
  /** Called once for each handshake, with what became of it. */
  onHandshake(teamID: string, outcome: string): void;
};

/** The path of a socket URL names the team, so that a fault finds it even when the ticket is void. */
export const rtmPath = ({ ownerID, id }: Ticket): string => `/rtm/${ownerID}/${id}`;

/** All RTM sockets: opens them against tickets and gives each a full copy of its team's events. */
export class RtmHub {
  readonly #options: HubOptions;
  readonly #byTeam = new Map<string, Set<RtmSocket>>();
  // Compression only if the client offers it, and then only where it pays.
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: maxClientFrameBytes,
    perMessageDeflate: { threshold: 1024 },
  });
  readonly #pinger: NodeJS.Timeout;
  #lastID = 0;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#pinger = setInterval(() => {
      for (const socket of this.#all()) socket.keepAlive();
    }, options.pingEveryMs);
  }

  /** A handshake at a path that `rtmPath` made. */
  upgrade(request: IncomingMessage, tcp: Duplex, head: Buffer): void {
    const [, , teamID = '', ticketID = ''] = (request.url ?? '').split('/');
    const fault = this.#options.faults.upgradeAnswer({ teamID }, Date.now());
    if (fault !== undefined) {
      this.#options.onHandshake(teamID, handshakeOutcome(fault));
      breakHandshake(tcp, fault);
      return;
    }
    const ticket = this.#options.tickets.redeem(teamID, ticketID, Date.now());
    this.#server.handleUpgrade(request, tcp, head, (ws) => {
      if (ticket === undefined) {
        this.#options.onHandshake(teamID, 'expired');
        ws.on('error', () => undefined);
        ws.send(urlExpired);
        ws.close(1000);
        return;
      }
      this.#options.onHandshake(teamID, 'ok');
      this.#lastID += 1;
      const socket = new RtmSocket(`socket-${this.#lastID}`, ticket, { ws, tcp }, this.#socketHost());
      const sockets = this.#byTeam.get(teamID) ?? new Set();
      this.#byTeam.set(teamID, sockets.add(socket));
      this.#greet(socket, this.#options.faults.helloAnswer({ teamID }, Date.now()));
    });
  }

  /** To every socket of the team but `except`. */
  broadcast(teamID: string, frame: PreparedFrame, except?: RtmSocket): void {
    for (const socket of this.#byTeam.get(teamID) ?? []) if (socket !== except) socket.deliver(frame);
  }

  isCongested(teamID: string): boolean {
    const nowMs = performance.now();
    for (const socket of this.#byTeam.get(teamID) ?? []) if (socket.isCongested(nowMs)) return true;
    return false;
  }

  /** The ids of the sockets that were struck. */
  inflict(target: SocketTarget, fault: SocketFault): string[] {
    const struck: string[] = [];
    const sockets = [...(this.#byTeam.get(target.teamID) ?? [])];
    for (const socket of target.first === 'newest' ? sockets.reverse() : sockets) {
      if (target.socketID !== undefined && socket.id !== target.socketID) continue;
      if (struck.length >= (target.count ?? Number.POSITIVE_INFINITY)) break;
      if (socket.inflict(fault)) struck.push(socket.id);
    }
    return struck;
  }

  closeWhere(condition: (socket: RtmSocket) => boolean): void {
    for (const socket of this.#all()) if (condition(socket)) socket.end(1000);
  }

  views(teamID?: string): SocketView[] {
    const sockets = teamID === undefined ? this.#all() : [...(this.#byTeam.get(teamID) ?? [])];
    return sockets.map((socket) => socket.view());
  }

  stop(): void {
    clearInterval(this.#pinger);
    for (const socket of this.#all()) socket.terminate();
  }

  #all(): RtmSocket[] {
    return [...this.#byTeam.values()].flatMap((sockets) => [...sockets]);
  }

  #greet(socket: RtmSocket, fault: HelloAnswer | undefined): void {
    if (fault?.kind === 'never') return;
    if (fault?.kind === 'late') {
      setTimeout(() => socket.greet(), fault.delayMs).unref();
      return;
    }
    socket.greet(fault?.kind === 'deaf' ? 'deaf' : 'live');
  }

  #socketHost(): SocketHost {
    return {
      ...this.#options.host,
      closed: (socket) => {
        const sockets = this.#byTeam.get(socket.teamID);
        sockets?.delete(socket);
        if (sockets?.size === 0) this.#byTeam.delete(socket.teamID);
      },
    };
  }
}
