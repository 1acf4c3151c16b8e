/** The websockets of a slot: from frames to events, and acknowledgements (design rules 5 and 13). */

import type { Clock } from '../../core/process/clock.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { type Normalized, normalize } from '../event/normalize.ts';
import type { Outcome, Settled } from '../queue/outcome.ts';
import type { OpenSocket, Socket, SocketClose, Unreadable } from '../socket/socket.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { EventFrame, Frame, ResolveSource, SlackSelf, Transport } from '../transport/transport.ts';
import type { Input } from './state.ts';

/** `transport`: hello, pong and the like. `tooLarge`: dropped, or so large that it ended its socket (MOST_FRAME_BYTES). */
export type FrameKind = 'event' | 'transport' | 'malformed' | 'binary' | 'tooLarge';

export interface FrameObserver {
  frame?(kind: FrameKind): void;
}

export interface SlotSocketsDeps {
  openSocket: OpenSocket;
  /** `Publisher.offer` */
  offer(normalized: Normalized, settled?: Settled, isSentAgain?: boolean): void;
  timers: Pick<Clock, 'wallMs'>;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
  observer?: FrameObserver;
}

/** The slot that the sockets belong to. */
export interface SocketsOwner<S extends SlotSpec> {
  /** As it is now. */
  spec(): S;
  feed(input: Input): void;
}

/** A socket from its dial to its end, which may come long after the slot has given it up. */
interface HeldSocket<S extends SlotSpec> {
  socket: Socket;
  self: SlackSelf;
  /** Who its events are from, by this spec; made with the first event, and again when the slot's spec is another one. */
  resolver: { spec: S; resolve: ResolveSource } | undefined;
  lastPing: number;
}

/**
 * The sockets of one slot, each until it has ended. Turns their frames into events for the publisher and inputs for the
 * slot. An event is offered even if the slot has given up its socket: Slack sends it only once, and dedupe absorbs an
 * extra copy.
 */
export class SlotSockets<S extends SlotSpec> {
  readonly #transport: Transport<S>;
  readonly #deps: SlotSocketsDeps;
  readonly #owner: SocketsOwner<S>;
  readonly #held = new Map<number, HeldSocket<S>>();

  constructor(transport: Transport<S>, deps: SlotSocketsDeps, owner: SocketsOwner<S>) {
    this.#transport = transport;
    this.#deps = deps;
    this.#owner = owner;
  }

  get size(): number {
    return this.#held.size;
  }

  get(id: number): Socket | undefined {
    return this.#held.get(id)?.socket;
  }

  dial(id: number, url: string, self: SlackSelf): void {
    const { keepAlive } = this.#transport;
    const socket = this.#deps.openSocket(url, {
      onOpen: () => this.#owner.feed({ type: 'opened', id }),
      onText: (text) => this.#onText(id, text),
      onBinary: (bytes) => this.#odd('binary', { bytes }),
      onUnreadable: (what, bytes) => this.#onUnreadable(id, what, bytes),
      onHeard: () => {
        if (keepAlive.by === 'websocketPing') this.#owner.feed({ type: 'heard', id });
      },
      onClose: (close) => this.#onClose(id, close),
    });
    this.#held.set(id, { socket, self, resolver: undefined, lastPing: 0 });
  }

  ping(id: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    const { keepAlive } = this.#transport;
    if (keepAlive.by === 'websocketPing') {
      held.socket.ping();
      return;
    }
    held.lastPing += 1;
    held.socket.send(keepAlive.ping(held.lastPing));
  }

  #onText(id: number, text: string): void {
    const frame = this.#transport.decode(text);
    this.#owner.feed({ type: 'heard', id });
    if (frame.kind === 'event') this.#onEvent(id, frame);
    else if (frame.kind === 'malformed') this.#onMalformed(frame);
    else this.#onTransport(id, frame);
  }

  #onEvent(id: number, frame: EventFrame): void {
    const { offer, timers, observer } = this.#deps;
    observer?.frame?.('event');
    const held = this.#held.get(id);
    if (held === undefined) return;
    const spec = this.#owner.spec();
    if (held.resolver?.spec !== spec)
      held.resolver = { spec, resolve: this.#transport.sourceResolver(spec, held.self) };
    const source = held.resolver.resolve(frame);
    const normalized: Normalized =
      typeof source === 'string'
        ? { kind: 'filtered', reason: source }
        : normalize(frame.event, source, timers.wallMs(), frame);
    if (frame.ack === undefined) offer(normalized);
    else offer(normalized, this.#acknowledgeBy(held.socket, frame.ack));
  }

  /** Goes over the socket that the event came from. If that has ended, Slack sends the event again. */
  #acknowledgeBy(socket: Socket, ack: string): Settled {
    return (outcome: Outcome) => {
      const text = this.#transport.acknowledge?.(ack, outcome);
      if (text !== undefined) socket.send(text);
    };
  }

  /** Counted as a failed event, since nobody knows what it was. */
  #onMalformed({ reason }: Extract<Frame, { kind: 'malformed' }>): void {
    this.#odd('malformed', { problem: reason });
    this.#deps.offer({ kind: 'malformed' });
  }

  /** Slack is alive but sent something that can't be an event. Other sockets may get it too, so none is ended for it. */
  #onUnreadable(id: number, what: Unreadable, bytes: number): void {
    this.#owner.feed({ type: 'heard', id });
    const kind = what === 'tooLarge' ? 'tooLarge' : 'malformed';
    this.#odd(kind, { problem: what, bytes });
    this.#deps.offer({ kind });
  }

  #onTransport(id: number, frame: Exclude<Frame, { kind: 'event' | 'malformed' }>): void {
    this.#deps.observer?.frame?.('transport');
    switch (frame.kind) {
      case 'hello':
      case 'leaving':
        this.#owner.feed({ type: frame.kind, id });
        return;
      case 'closing':
        this.#owner.feed({ type: 'closing', id, trouble: frame.trouble });
        return;
      case 'refused':
        // No transport says so yet.
        return;
      case 'error':
        this.#deps.limitedLog.warn(
          'error frame',
          { ...namesOf(this.#transport, this.#owner.spec()), code: frame.code },
          'Slack sent an error frame',
        );
        this.#owner.feed({ type: 'error', id, code: frame.code, msg: frame.msg });
        return;
      case 'noise':
        return;
      default:
        frame satisfies never;
    }
  }

  #onClose(id: number, close: SocketClose): void {
    if (close.kind === 'tooLarge') {
      this.#odd('tooLarge', { detail: close.detail });
      this.#deps.offer({ kind: 'tooLarge' });
    }
    this.#held.delete(id);
    this.#owner.feed({ type: 'closed', id, close });
  }

  #odd(kind: 'malformed' | 'binary' | 'tooLarge', fields: Readonly<Record<string, unknown>>): void {
    this.#deps.observer?.frame?.(kind);
    const names = namesOf(this.#transport, this.#owner.spec());
    this.#deps.limitedLog.warn(`frame ${kind}`, { ...names, ...fields, kind }, 'unexpected frame from Slack');
  }
}

/** A slot in log lines. */
export const namesOf = <S extends SlotSpec>(transport: Transport<S>, spec: S): Readonly<Record<string, string>> => ({
  slot: spec.slotID,
  bot: spec.bot,
  ...transport.logNames(spec),
});
