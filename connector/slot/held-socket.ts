import type { Socket, SocketClose, SocketHandlers, Unreadable } from '../socket/socket.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { ResolveSource, SlackSelf } from '../transport/transport.ts';
import { CopiedEvents } from './copied-events.ts';
import { NO_SIGN, type SignsOfLife } from './signs-of-life.ts';
import type { Unacknowledged } from './unacknowledged.ts';

/** Takes what a socket brings. */
export interface SocketReader<S extends SlotSpec> {
  onOpen(from: HeldSocket<S>): void;
  onText(from: HeldSocket<S>, text: string): void;
  onBinary(bytes: number): void;
  onUnreadable(from: HeldSocket<S>, what: Unreadable, bytes: number, edges: string): void;
  onHeard(from: HeldSocket<S>, what: 'ping' | 'pong'): void;
  onClose(from: HeldSocket<S>, close: SocketClose): void;
}

/** Shared by all sockets over which nothing waits to be acknowledged. */
const NOBODY: ReadonlySet<Unacknowledged> = new Set();

/**
 * A socket from its dial to its end, which may come long after the slot has given it up. There are thousands: one object for
 * each, and what most never need is made when it is needed.
 */
export class HeldSocket<S extends SlotSpec> implements SocketHandlers, SignsOfLife {
  readonly #reader: SocketReader<S>;
  readonly id: number;
  readonly self: SlackSelf;
  /** Of the token that it was opened with. */
  readonly tokenDigest: string;
  /** Undefined until the dial has begun. */
  socket: Socket | undefined;
  /** Who its events are from, by this spec; made with the first event, and again when the slot's spec is another one. */
  resolver: { spec: S; resolve: ResolveSource } | undefined;
  lastPing = 0;
  /** Whether it has said hello. `foreign`: one that shows that its events are none of the slot's. */
  greeted: 'no' | 'yes' | 'foreign' = 'no';
  heardAtMs = NO_SIGN.heardAtMs;
  answeredAtMs = NO_SIGN.answeredAtMs;
  #copied: CopiedEvents | undefined;
  #unacknowledged: Set<Unacknowledged> | undefined;
  /** Whom it is kept open for although a successor is live: `acks` for those events, `slack` until Slack closes it. */
  lingers: { for: 'acks' | 'slack'; cancel(): void } | undefined;

  constructor(reader: SocketReader<S>, id: number, self: SlackSelf, tokenDigest: string) {
    this.#reader = reader;
    this.id = id;
    this.self = self;
    this.tokenDigest = tokenDigest;
  }

  /** Events whose acknowledgement is still to come. */
  get unacknowledged(): ReadonlySet<Unacknowledged> {
    return this.#unacknowledged ?? NOBODY;
  }

  awaits(envelope: Unacknowledged): void {
    this.#unacknowledged ??= new Set();
    this.#unacknowledged.add(envelope);
  }

  awaitsNoMore(envelope: Unacknowledged): void {
    this.#unacknowledged?.delete(envelope);
  }

  /** When it last brought an event that every socket of its token gets (monotonic); -Infinity for never. */
  get copiedAtMs(): number {
    return this.#copied?.atMs ?? Number.NEGATIVE_INFINITY;
  }

  /** @param event identifies one that every socket of its token gets */
  brought(event: string, nowMs: number): void {
    this.#copied ??= new CopiedEvents();
    this.#copied.read(event, nowMs);
  }

  onOpen(): void {
    this.#reader.onOpen(this);
  }

  onText(text: string): void {
    this.#reader.onText(this, text);
  }

  onBinary(bytes: number): void {
    this.#reader.onBinary(bytes);
  }

  onUnreadable(what: Unreadable, bytes: number, edges: string): void {
    this.#reader.onUnreadable(this, what, bytes, edges);
  }

  onHeard(what: 'ping' | 'pong'): void {
    this.#reader.onHeard(this, what);
  }

  onClose(close: SocketClose): void {
    this.#reader.onClose(this, close);
  }
}
