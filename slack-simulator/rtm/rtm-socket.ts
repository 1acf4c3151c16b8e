import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { type ConnectBucket, type ConnectLimits, takeConnect } from '../connect-limit.ts';
import type { SocketFault } from '../fault.ts';
import type { Frame } from '../frames.ts';
import { type PreparedFrame, prepare } from '../ledger.ts';
import type { Posted } from '../post.ts';
import type { Backlog, Ticket } from '../ticket.ts';
import { Wire } from '../wire.ts';
import { answerClientFrame, type ClientRequest } from './rtm-request.ts';

/**
 * `opening`: before hello, events are held. `live`: gets every event. `silent`, `deaf` and `halfOpen`: swallows them
 * (see SocketFault). `closing`: a close was sent, nothing more is.
 */
export type SocketState = 'opening' | 'live' | 'silent' | 'deaf' | 'halfOpen' | 'closing';

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
  /** How fast a socket takes messages. */
  messageLimits: ConnectLimits;
  /** Slack's error to a message for that channel; undefined if the bot may post there. */
  refusal(teamID: string, channel: string): string | undefined;
  /** The bot said something over this socket: every socket of the team hears of it. */
  said(from: RtmSocket, post: Posted, ts: string): void;
  /** It was told to slow down. */
  slowedDown(): void;
  typing(from: RtmSocket, channel: string): void;
  closed(socket: RtmSocket): void;
};

/** A client that sends this many messages in a row too soon is disconnected; how many it takes at Slack is not documented. */
const tooFastInARow = 3;

/** Slack's end of one RTM websocket. */
export class RtmSocket {
  readonly id: string;
  readonly teamID: string;
  readonly token: string;
  readonly #wire: Wire;
  readonly #backlog: Backlog;
  readonly #host: SocketHost;
  readonly #openedAtMs = Date.now();
  readonly #received: Record<ClientRequest['kind'], number> = {
    ping: 0,
    message: 0,
    tooFast: 0,
    typing: 0,
    other: 0,
    bad: 0,
  };
  #state: SocketState = 'opening';
  #delivered = 0;
  #swallowed = 0;
  #lastEvent: Buffer | undefined;
  #goodbyeTimer: NodeJS.Timeout | undefined;
  #deafTimer: NodeJS.Timeout | undefined;
  #messages: ConnectBucket | undefined;
  #tooFast = 0;
  #withholdsReplies = false;

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
      clearTimeout(this.#deafTimer);
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

  /** Says hello and then everything that happened since rtm.connect, or nothing more (`deaf`). */
  greet(as: 'live' | 'deaf' = 'live'): void {
    if (this.#state !== 'opening') return;
    this.#state = as;
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
      case 'deaf':
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
    if (this.#state === 'live' || this.#state === 'silent' || this.#state === 'deaf') this.#wire.ping();
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
      case 'deaf':
        return this.#deafen(fault.forMs);
      case 'withholdReplies':
        this.#withholdsReplies = true;
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
    if (this.#state === 'live' || this.#state === 'deaf') this.#sendRaw(prepare(frame).data);
  }

  #deafen(forMs: number | undefined): boolean {
    if (this.#state !== 'live' && this.#state !== 'deaf') return false;
    this.#state = 'deaf';
    clearTimeout(this.#deafTimer);
    if (forMs === undefined) return true;
    this.#deafTimer = setTimeout(() => {
      if (this.#state === 'deaf') this.#state = 'live';
    }, forMs);
    return true;
  }

  #mayPost(): boolean {
    const { granted, bucket } = takeConnect(this.#messages, this.#host.messageLimits, Date.now());
    this.#messages = bucket;
    this.#tooFast = granted ? 0 : this.#tooFast + 1;
    return granted;
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
    const { request, reply } = answerClientFrame(isBinary ? undefined : String(data), {
      nextTimestamp: () => this.#host.nextTimestamp(),
      mayPost: () => this.#mayPost(),
      refusal: (channel) => this.#host.refusal(this.teamID, channel),
    });
    this.#received[request.kind] += 1;
    if (this.#state !== 'live' && this.#state !== 'deaf') return;
    if (reply !== undefined && !(request.kind === 'message' && this.#withholdsReplies)) this.send(reply);
    switch (request.kind) {
      case 'typing':
        this.#host.typing(this, request.channel);
        return;
      case 'message':
        this.#host.said(this, request.post, request.ts);
        return;
      case 'tooFast':
        this.#host.slowedDown();
        if (this.#tooFast >= tooFastInARow) this.end(1008, 'too many messages');
        return;
      case 'ping':
      case 'other':
      case 'bad':
        return;
      default:
        request satisfies never;
    }
  }
}

function oversized(bytes: number, ts: string): Frame {
  return { type: 'message', channel: 'C0GENERAL1', user: 'U0PERSON01', text: 'x'.repeat(bytes), ts, event_ts: ts };
}
