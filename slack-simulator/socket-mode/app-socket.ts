import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { AppSocketFault, DisconnectReason } from '../fault.ts';
import type { Frame } from '../frames.ts';
import { Wire } from '../wire.ts';
import { type ClientFrame, readClientFrame } from './acknowledgement.ts';
import type { Carried } from './delivery-desk.ts';
import { disconnectFrame } from './envelope.ts';

/**
 * `opening`: before hello. `live`: takes envelopes. `silent`, `deaf`, `halfOpen` and `ghost`: registered, given their share,
 * and swallow it (see AppSocketFault). `closing`: a close was sent, nothing more is; registered no more.
 */
export type AppSocketState = 'opening' | 'live' | 'silent' | 'deaf' | 'halfOpen' | 'ghost' | 'closing';

export type AppSocketView = {
  id: string;
  appID: string;
  state: AppSocketState;
  /** Why the client was asked to disconnect, if it was. */
  leaving: DisconnectReason | undefined;
  openedAtMs: number;
  /** Envelopes written, counting duplicates made by a fault. */
  delivered: number;
  swallowed: number;
  bufferedBytes: number;
  /** Frames from the client, by kind. */
  received: Record<ClientFrame['kind'], number>;
  compressed: boolean;
};

export type AppSocketHost = {
  acknowledged(socket: AppSocket, envelopeID: string, payload: unknown): void;
  /** The client sent something that Slack drops. */
  refused(kind: 'oversized' | 'bad'): void;
  /** It is registered no more. */
  closed(socket: AppSocket): void;
};

/** How long Slack waits between its warning and the close. */
const leaveAfterMs = 10_000;

/** The close code of a connection that ended without a close frame. */
const dropped = 1006;

/** Slack's end of one Socket Mode websocket. */
export class AppSocket {
  readonly id: string;
  readonly appID: string;
  readonly token: string;
  readonly #wire: Wire;
  readonly #hostName: string;
  readonly #host: AppSocketHost;
  readonly #openedAtMs = Date.now();
  readonly #received: Record<ClientFrame['kind'], number> = { ack: 0, oversized: 0, bad: 0 };
  #state: AppSocketState = 'opening';
  #leaving: DisconnectReason | undefined;
  #delivered = 0;
  #swallowed = 0;
  #last: Carried | undefined;
  /** For the next thing that Slack will do with this socket by itself. */
  #timer: NodeJS.Timeout | undefined;
  #deafTimer: NodeJS.Timeout | undefined;

  constructor(
    named: { id: string; appID: string; token: string; hostName: string; ghostAfterDropMs: number },
    wire: { ws: WebSocket; tcp: Duplex },
    host: AppSocketHost,
  ) {
    this.id = named.id;
    this.appID = named.appID;
    this.token = named.token;
    this.#hostName = named.hostName;
    this.#wire = new Wire(wire.ws, wire.tcp);
    this.#host = host;
    wire.ws.on('message', (data, isBinary) => this.#receive(data, isBinary));
    wire.ws.on('close', (code) => {
      if (this.#state === 'ghost') return;
      const isDropped = code === dropped && this.#state !== 'closing';
      if (isDropped && named.ghostAfterDropMs > 0) this.#haunt(named.ghostAfterDropMs);
      else this.#gone();
    });
  }

  view(): AppSocketView {
    return {
      id: this.id,
      appID: this.appID,
      state: this.#state,
      leaving: this.#leaving,
      openedAtMs: this.#openedAtMs,
      delivered: this.#delivered,
      swallowed: this.#swallowed,
      bufferedBytes: this.#wire.bufferedBytes,
      received: { ...this.#received },
      compressed: this.#wire.compressed,
    };
  }

  get state(): AppSocketState {
    return this.#state;
  }

  /** Whether Slack gives it envelopes. */
  get takes(): boolean {
    switch (this.#state) {
      case 'live':
      case 'silent':
      case 'deaf':
      case 'halfOpen':
      case 'ghost':
        return true;
      case 'opening':
      case 'closing':
        return false;
      default:
        return this.#state satisfies never;
    }
  }

  get last(): Carried | undefined {
    return this.#last;
  }

  /** Says hello; from now on it takes envelopes, and is asked to leave when `refreshAfterMs` is over. */
  greet(hello: Frame, refreshAfterMs: number): void {
    if (this.#state !== 'opening') return;
    this.#state = 'live';
    this.#sendFrame(hello);
    const warnAfterMs = Math.max(0, refreshAfterMs - leaveAfterMs);
    this.#schedule(() => this.leave('warning', Math.min(leaveAfterMs, refreshAfterMs)), warnAfterMs);
  }

  carry(carried: Carried): void {
    const { data, record } = carried;
    if (this.#state !== 'live') {
      this.#swallowed += 1;
      record.swallowed += 1;
      return;
    }
    this.#last = carried;
    this.#delivered += 1;
    record.deliveries += 1;
    this.#wire.sendText(data, () => {
      // It never left this process, so nobody can have heard it.
      this.#delivered -= 1;
      record.deliveries -= 1;
    });
  }

  isCongested(nowMs: number): boolean {
    return this.#state === 'live' && this.#wire.isCongested(nowMs);
  }

  keepAlive(): void {
    if (this.#state === 'live' || this.#state === 'silent' || this.#state === 'deaf') this.#wire.ping();
  }

  /** False if the fault had nothing to strike. Those that need an envelope of their own are the hub's. */
  inflict(
    fault: Exclude<AppSocketFault, { kind: 'malformedPayload' | 'unknownType' | 'oversized' | 'duplicate' }>,
  ): boolean {
    if (this.#state === 'closing') return false;
    if (this.#state === 'ghost' && fault.kind !== 'drop') return false;
    switch (fault.kind) {
      case 'disconnect':
        this.leave(fault.reason, fault.closeAfterMs);
        return true;
      case 'ghost':
        this.#haunt(fault.forMs);
        this.#wire.destroy();
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
      case 'drop':
        this.terminate();
        return true;
      case 'close':
        this.end(fault.code, fault.reason);
        return true;
      case 'malformed':
        this.#wire.sendText(
          Buffer.from('{"envelope_id":"5c0ffee0-0000-4000-8000-000000000000","payload":{"type":"event_ca'),
        );
        return true;
      case 'binary':
        this.#wire.sendBinary(Buffer.from([0x00, 0x9f, 0x92, 0x96]));
        return true;
      default:
        return fault satisfies never;
    }
  }

  /** Slack's notice, and then the close. Until then the socket gets its share of the envelopes. */
  leave(reason: DisconnectReason, closeAfterMs?: number): void {
    if (this.#state === 'closing' || this.#state === 'ghost') return;
    this.#leaving = reason;
    if (this.#state === 'live' || this.#state === 'deaf' || this.#state === 'opening')
      this.#sendFrame(disconnectFrame(reason, this.#hostName));
    const isNoticed = reason === 'warning' || reason === 'refresh_requested';
    this.#schedule(() => this.end(1000), closeAfterMs ?? (isNoticed ? leaveAfterMs : 0));
  }

  /** Closes with a close frame. A half-open peer never hears of it, and stays registered. */
  end(code: number, reason = ''): void {
    if (this.#state === 'halfOpen' || this.#state === 'ghost' || this.#state === 'closing') return;
    this.#state = 'closing';
    this.#wire.close(code, reason);
  }

  /** Destroys the connection, whatever its state. */
  terminate(): void {
    const wasGhost = this.#state === 'ghost';
    this.#state = 'closing';
    this.#wire.destroy();
    if (wasGhost) this.#gone();
  }

  /** The connection is gone, and the registration stays. */
  #haunt(forMs: number | undefined): void {
    this.#state = 'ghost';
    clearTimeout(this.#timer);
    clearTimeout(this.#deafTimer);
    if (forMs !== undefined) this.#schedule(() => this.#gone(), forMs);
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

  #schedule(task: () => void, afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(task, afterMs);
  }

  #gone(): void {
    this.#state = 'closing';
    clearTimeout(this.#timer);
    clearTimeout(this.#deafTimer);
    this.#host.closed(this);
  }

  #sendFrame(frame: Frame): void {
    this.#wire.sendText(Buffer.from(JSON.stringify(frame)));
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#state === 'halfOpen' || this.#state === 'ghost') return;
    const frame = readClientFrame(isBinary ? undefined : String(data));
    this.#received[frame.kind] += 1;
    if (frame.kind === 'ack') this.#host.acknowledged(this, frame.envelopeID, frame.payload);
    else this.#host.refused(frame.kind);
  }
}
