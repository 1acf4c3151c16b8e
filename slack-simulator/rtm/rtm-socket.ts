import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { SocketFault } from '../fault.ts';
import type { Frame } from '../frames.ts';
import { type PreparedFrame, prepare } from '../ledger.ts';
import type { Backlog, Ticket } from '../ticket.ts';
import { Wire } from '../wire.ts';
import { answerClientFrame, type ClientRequest } from './rtm-request.ts';

/**
 * `opening`: before hello, events are held. `live`: gets every event. `silent` and `halfOpen`: swallows them (see
 * SocketFault). `closing`: a close was sent, nothing more is.
 */
export type SocketState = 'opening' | 'live' | 'silent' | 'halfOpen' | 'closing';

export type SocketView = {
  id: string;
  teamID: string;
  state: SocketState;
  openedAtMs: number;
  /** Events written, counting duplicates made by a fault. */
  delivered: number;
  swallowed: number;
  bufferedBytes: number;
  /** Frames from the client, by kind. */
  received: Record<ClientRequest['kind'], number>;
  compressed: boolean;
};

/** What a socket asks of the simulator around it. */
export type SocketHost = {
  nextTimestamp(): string;
  /** The bot said something over this socket: every socket of the team hears of it. */
  said(teamID: string, message: { channel: string; text: string; ts: string }): void;
  typing(from: RtmSocket, channel: string): void;
  closed(socket: RtmSocket): void;
};

/** Slack's end of one RTM websocket. */
export class RtmSocket {
  readonly id: string;
  readonly teamID: string;
  readonly token: string;
  readonly #wire: Wire;
  readonly #backlog: Backlog;
  readonly #host: SocketHost;
  readonly #openedAtMs = Date.now();
  readonly #received: Record<ClientRequest['kind'], number> = { ping: 0, message: 0, typing: 0, other: 0, bad: 0 };
  #state: SocketState = 'opening';
  #delivered = 0;
  #swallowed = 0;
  #lastEvent: Buffer | undefined;
  #goodbyeTimer: NodeJS.Timeout | undefined;

  constructor(id: string, ticket: Ticket, wire: { ws: WebSocket; tcp: Duplex }, host: SocketHost) {
    this.id = id;
    this.teamID = ticket.ownerID;
    this.token = ticket.token;
    this.#backlog = ticket.backlog;
    this.#wire = new Wire(wire.ws, wire.tcp);
    this.#host = host;
    wire.ws.on('message', (data, isBinary) => this.#receive(data, isBinary));
    wire.ws.on('close', () => {
      this.#state = 'closing';
      clearTimeout(this.#goodbyeTimer);
      this.#backlog.release();
      this.#host.closed(this);
    });
  }

  view(): SocketView {
    return {
      id: this.id,
      teamID: this.teamID,
      state: this.#state,
      openedAtMs: this.#openedAtMs,
      delivered: this.#delivered,
      swallowed: this.#swallowed,
      bufferedBytes: this.#wire.bufferedBytes,
      received: { ...this.#received },
      compressed: this.#wire.compressed,
    };
  }

  /** Says hello and then everything that happened since rtm.connect. */
  greet(): void {
    if (this.#state !== 'opening') return;
    this.#state = 'live';
    this.#sendRaw(prepare({ type: 'hello' }).data);
    for (const frame of this.#backlog.release()) this.deliver(frame);
  }

  deliver(frame: PreparedFrame): void {
    switch (this.#state) {
      case 'opening':
        this.#backlog.hold(frame);
        return;
      case 'live':
        this.#write(frame);
        return;
      case 'silent':
      case 'halfOpen':
        this.#swallowed += 1;
        if (frame.record !== undefined) frame.record.swallowed += 1;
        return;
      case 'closing':
        return;
    }
  }

  /** Whether an emitter that can wait should: never for a peer that will not read anyway. */
  isCongested(nowMs: number): boolean {
    return this.#state === 'live' && this.#wire.isCongested(nowMs);
  }

  keepAlive(): void {
    if (this.#state === 'live' || this.#state === 'silent') this.#wire.ping();
  }

  /** False if the fault had nothing to strike: a duplicate before the first event, or a socket that is closing. */
  inflict(fault: SocketFault): boolean {
    if (this.#state === 'closing') return false;
    switch (fault.kind) {
      case 'goodbye':
        this.#sendRaw(prepare({ type: 'goodbye' }).data);
        clearTimeout(this.#goodbyeTimer);
        this.#goodbyeTimer = setTimeout(() => this.end(1000), fault.closeAfterMs);
        return true;
      case 'halfOpen':
        this.#state = 'halfOpen';
        this.#wire.cut();
        return true;
      case 'silence':
        this.#state = 'silent';
        return true;
      case 'drop':
        this.terminate();
        return true;
      case 'close':
        this.end(fault.code, fault.reason);
        return true;
      case 'teamMigration':
        this.#sendRaw(prepare({ type: 'team_migration_started' }).data);
        this.end(1000);
        return true;
      case 'malformed':
        this.#sendRaw(Buffer.from('{"type":"message","channel":"C0GENERAL1","text":"cut off he'));
        return true;
      case 'binary':
        this.#wire.sendBinary(Buffer.from([0x00, 0x9f, 0x92, 0x96]));
        return true;
      case 'unknownType':
        this.#sendRaw(prepare({ type: 'flux_capacitor_charged', event_ts: this.#host.nextTimestamp() }).data);
        return true;
      case 'oversized':
        this.#sendRaw(prepare(oversized(fault.bytes, this.#host.nextTimestamp())).data);
        return true;
      case 'duplicate':
        if (this.#lastEvent === undefined) return false;
        this.#delivered += 1;
        this.#sendRaw(this.#lastEvent);
        return true;
    }
  }

  /** Closes with a close frame. A half-open peer never hears of it. */
  end(code: number, reason = ''): void {
    if (this.#state === 'halfOpen' || this.#state === 'closing') return;
    this.#state = 'closing';
    this.#wire.close(code, reason);
  }

  /** Destroys the connection, whatever its state. */
  terminate(): void {
    this.#state = 'closing';
    this.#wire.destroy();
  }

  send(frame: Frame): void {
    if (this.#state === 'live') this.#sendRaw(prepare(frame).data);
  }

  #sendRaw(data: Buffer): void {
    this.#wire.sendText(data);
  }

  #write(frame: PreparedFrame): void {
    const { record } = frame;
    this.#lastEvent = frame.data;
    this.#delivered += 1;
    if (record !== undefined) record.sockets += 1;
    this.#wire.sendText(frame.data, () => {
      // It never left this process, so nobody can have heard it.
      this.#delivered -= 1;
      if (record !== undefined) record.sockets -= 1;
    });
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#state === 'halfOpen' || this.#state === 'closing') return;
    const { request, reply } = answerClientFrame(isBinary ? undefined : String(data), () => this.#host.nextTimestamp());
    this.#received[request.kind] += 1;
    if (this.#state !== 'live') return;
    if (reply !== undefined) this.send(reply);
    if (request.kind === 'typing') this.#host.typing(this, request.channel);
    if (request.kind === 'message') this.#host.said(this.teamID, request);
  }
}

function oversized(bytes: number, ts: string): Frame {
  return { type: 'message', channel: 'C0GENERAL1', user: 'U0PERSON01', text: 'x'.repeat(bytes), ts, event_ts: ts };
}
