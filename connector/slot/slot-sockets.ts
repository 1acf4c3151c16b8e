/** The websockets of a slot: from frames to events, and acknowledgements (design rules 5 and 13). */

import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import type { Timers } from '../../core/process/timers.ts';
import type { Normalized } from '../event/normalize.ts';
import { revokingTypeOf } from '../event/revocation.ts';
import type { Settled } from '../queue/outcome.ts';
import type { ReplyDesk } from '../reply/reply-desk.ts';
import type { OpenSocket, SocketClose, Unreadable } from '../socket/socket.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { EventFrame, Frame, SlackSelf, Transport } from '../transport/transport.ts';
import { normalizeFrame } from './event-frame.ts';
import { HeldSocket, type SocketReader } from './held-socket.ts';
import { NO_SIGN, type SignsOfLife } from './signs-of-life.ts';
import { namesOf } from './slot-names.ts';
import type { SocketsOwner } from './sockets-owner.ts';
import { type RevocationDeps, tellRevoked } from './tell-revoked.ts';
import { Unacknowledged } from './unacknowledged.ts';

/** `transport`: hello, pong and the like. `tooLarge`: dropped, or so large that it ended its socket (MOST_FRAME_BYTES). */
export type FrameKind = 'event' | 'transport' | 'malformed' | 'binary' | 'tooLarge';

export interface FrameObserver {
  frame?(kind: FrameKind): void;
}

export interface SlotSocketsDeps extends RevocationDeps {
  openSocket: OpenSocket;
  /** `Publisher.offer` */
  offer(normalized: Normalized, settled?: Settled, isSentAgain?: boolean): void;
  /** Where envelopes wait for the application's answer. */
  replies: ReplyDesk;
  timers: Pick<Timers, 'monotonicMs' | 'after'>;
  /** The time of events that have none of their own: Redis's, since this machine's clock may jump. */
  redisNowMs(): number;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
  observer?: FrameObserver;
}

/** From the notice that it will close a socket, Slack takes about 10 s. */
const LET_CLOSE_MS = 15_000;

/** Slack waits for an acknowledgement no longer than this (docs/design.md, rule 5), so a socket is not kept open longer for it. */
const LINGER_MS = 3_000;

/**
 * The sockets of one slot, each until it has ended. Turns their frames into events for the publisher and inputs for the
 * slot. An event is offered even if the slot has given up its socket: Slack sends it only once, and dedupe absorbs an
 * extra copy.
 */
export class SlotSockets<S extends SlotSpec> implements SocketReader<S> {
  readonly #transport: Transport<S>;
  readonly #deps: SlotSocketsDeps;
  readonly #owner: SocketsOwner<S>;
  /** Oldest first; rarely more than two. */
  #held: readonly HeldSocket<S>[] = [];

  constructor(transport: Transport<S>, deps: SlotSocketsDeps, owner: SocketsOwner<S>) {
    this.#transport = transport;
    this.#deps = deps;
    this.#owner = owner;
  }

  get size(): number {
    return this.#held.length;
  }

  #get(id: number): HeldSocket<S> | undefined {
    return this.#held.find((held) => held.id === id);
  }

  /** When it last showed that its peer is there. */
  signs(id: number): Readonly<SignsOfLife> {
    return this.#get(id) ?? NO_SIGN;
  }

  /** When it last brought an event that every socket of its token gets (monotonic); -Infinity for never. */
  copiedAtMs(id: number): number {
    return this.#get(id)?.copiedAtMs ?? Number.NEGATIVE_INFINITY;
  }

  pause(id: number): void {
    this.#get(id)?.socket?.pause();
  }

  resume(id: number): void {
    this.#get(id)?.socket?.resume();
  }

  /** Once what came over it has been acknowledged: Slack may not take an acknowledgement over another socket. */
  close(id: number): void {
    const held = this.#get(id);
    if (held === undefined || held.lingers?.for === 'acks') return;
    held.lingers?.cancel();
    held.lingers = undefined;
    if (held.unacknowledged.size === 0) held.socket?.close();
    else held.lingers = { for: 'acks', cancel: this.#deps.timers.after(LINGER_MS, () => this.#endLinger(held)) };
  }

  /** What waits for an answer is acknowledged plainly if it can't be later, or Slack would tell the user that the app is away. */
  #endLinger(held: HeldSocket<S>): void {
    const isLast = !this.#held.some((other) => other !== held && other.greeted === 'yes');
    if (isLast) for (const envelope of [...held.unacknowledged]) envelope.expire();
    held.socket?.close();
  }

  closeAll(): void {
    for (const { id } of this.#held) this.close(id);
  }

  /** Slack will. It may hand an event to the socket until then, so that whoever closes it first loses one now and then. */
  letClose(id: number): void {
    const held = this.#get(id);
    if (held === undefined || held.lingers !== undefined) return;
    held.lingers = { for: 'slack', cancel: this.#deps.timers.after(LET_CLOSE_MS, () => this.close(id)) };
  }

  /** At once. */
  terminate(id: number): void {
    this.#get(id)?.socket?.terminate();
  }

  dial(id: number, url: string, self: SlackSelf): void {
    const held = new HeldSocket(this, id, self, this.#owner.spec().tokenDigest);
    this.#held = [...this.#held, held];
    held.socket = this.#deps.openSocket(url, held);
  }

  ping(id: number): void {
    const held = this.#get(id);
    const { keepAlive } = this.#transport;
    if (keepAlive.by === 'websocketPing') held?.socket?.ping();
    else if (held !== undefined) held.socket?.send(keepAlive.ping(++held.lastPing));
  }

  /** @returns false when that socket is not open */
  write(id: number, text: string): boolean {
    return this.#get(id)?.socket?.send(text) === true;
  }

  onOpen({ id }: HeldSocket<S>): void {
    this.#owner.feed({ type: 'opened', id });
  }

  onText(held: HeldSocket<S>, text: string): void {
    if (held.greeted === 'foreign') return;
    const frame = this.#transport.decode(text);
    held.heardAtMs = this.#deps.timers.monotonicMs();
    if (frame.kind === 'event') this.#onEvent(held, frame);
    else if (frame.kind === 'malformed') this.#onMalformed(held, frame);
    else this.#onTransport(held, frame);
  }

  onBinary(bytes: number): void {
    this.#odd('binary', { bytes });
  }

  onHeard(held: HeldSocket<S>, what: 'ping' | 'pong'): void {
    if (this.#transport.keepAlive.by !== 'websocketPing') return;
    held.heardAtMs = this.#deps.timers.monotonicMs();
    if (what === 'pong') held.answeredAtMs = held.heardAtMs;
  }

  #onEvent(held: HeldSocket<S>, frame: EventFrame): void {
    this.#deps.observer?.frame?.('event');
    const copied = this.#transport.twins?.copied(frame.event, held.self);
    if (copied !== undefined) held.brought(copied, held.heardAtMs);
    const spec = this.#owner.spec();
    if (held.resolver?.spec !== spec)
      held.resolver = { spec, resolve: this.#transport.sourceResolver(spec, held.self) };
    const source = held.resolver.resolve(frame);
    const waiting = this.#unacknowledged(held, frame.ack);
    const { replies, redisNowMs } = this.#deps;
    const normalized = normalizeFrame(frame, source, waiting, {
      replies,
      answer: this.#transport.answer,
      receivedAtMs: redisNowMs(),
    });
    this.#offer(normalized, waiting, frame.envelope?.isSentAgain);
    if (revokingTypeOf(frame.event) !== undefined) this.#onRevocation(held, spec, frame);
  }

  /** After the event itself was offered: its socket may be about to close. */
  #onRevocation({ self, tokenDigest }: HeldSocket<S>, spec: S, frame: EventFrame): void {
    const revoked = this.#transport.revokedBy?.(spec, self, frame) ?? [];
    const socket = { ownerUid: spec.ownerUid, tokenDigest };
    const refusal = tellRevoked(revoked, socket, this.#deps, this.#deps.redisNowMs());
    if (refusal !== undefined) this.#owner.feed({ type: 'revoked', tokenDigest, refusal });
  }

  #unacknowledged(held: HeldSocket<S>, ack: string | undefined): Unacknowledged | undefined {
    if (ack === undefined) return undefined;
    const envelope: Unacknowledged = new Unacknowledged({
      transport: this.#transport,
      ack,
      send: (text) => this.#send(held, text),
      done: () => {
        held.awaitsNoMore(envelope);
        if (held.unacknowledged.size > 0 || held.lingers?.for !== 'acks') return;
        held.lingers.cancel();
        held.socket?.close();
      },
    });
    held.awaits(envelope);
    return envelope;
  }

  /**
   * Over the socket that the envelope came from, or, if that has ended or is closing, over the newest other one: Slack's own
   * clients acknowledge over whichever socket they have. If Slack does not take it, it sends the event again.
   * @returns whether it was sent
   */
  #send(held: HeldSocket<S>, text: string): boolean {
    if (held.socket?.send(text)) return true;
    return this.#held.toReversed().some((other) => other.greeted === 'yes' && other.socket?.send(text) === true);
  }

  #offer(normalized: Normalized, waiting: Unacknowledged | undefined, isSentAgain = false): void {
    const settled: Settled | undefined = waiting === undefined ? undefined : (outcome) => waiting.settled(outcome);
    this.#deps.offer(normalized, settled, isSentAgain);
  }

  /** Counted as a failed event, since nobody knows what it was. Acknowledged, or Slack would send it again to no avail. */
  #onMalformed(held: HeldSocket<S>, { reason, ack }: Extract<Frame, { kind: 'malformed' }>): void {
    this.#odd('malformed', { problem: reason });
    this.#offer({ kind: 'malformed' }, this.#unacknowledged(held, ack));
  }

  /**
   * Slack is alive but sent something that can't be an event. Other sockets may get it too, so none is ended for it. It is
   * acknowledged if it shows what it is: Slack would send it again to no avail.
   */
  onUnreadable(held: HeldSocket<S>, what: Unreadable, bytes: number, edges: string): void {
    held.heardAtMs = this.#deps.timers.monotonicMs();
    const kind = what === 'tooLarge' ? 'tooLarge' : 'malformed';
    this.#odd(kind, { problem: what, bytes });
    this.#offer({ kind }, this.#unacknowledged(held, this.#transport.ackIn?.(edges)));
  }

  #onTransport(held: HeldSocket<S>, frame: Exclude<Frame, { kind: 'event' | 'malformed' }>): void {
    const { id } = held;
    this.#deps.observer?.frame?.('transport');
    switch (frame.kind) {
      case 'hello':
        this.#onHello(held, frame);
        return;
      case 'leaving':
        this.#owner.feed({ type: 'leaving', id });
        return;
      case 'closing':
        this.#owner.feed({ type: 'closing', id, trouble: frame.trouble });
        return;
      case 'refused':
        this.#owner.feed({ type: 'refused', id, refusal: frame.refusal, mismatch: false });
        return;
      case 'error':
        this.#deps.limitedLog.warn(
          'error frame',
          { ...namesOf(this.#transport, this.#owner.spec()), code: frame.code },
          'Slack sent an error frame',
        );
        this.#owner.feed({ type: 'error', id, code: frame.code, msg: frame.msg });
        return;
      case 'answer':
        this.#owner.answered?.(frame.n, frame.answer);
        return;
      case 'noise':
        return;
      default:
        frame satisfies never;
    }
  }

  #onHello(held: HeldSocket<S>, hello: Extract<Frame, { kind: 'hello' }>): void {
    const { id } = held;
    const refusal = this.#transport.helloRefusal?.(this.#owner.spec(), hello);
    held.greeted = refusal === undefined ? 'yes' : 'foreign';
    this.#owner.feed(
      refusal === undefined
        ? { type: 'hello', id, sockets: hello.sockets }
        : { type: 'refused', id, refusal, mismatch: true },
    );
  }

  onClose(held: HeldSocket<S>, close: SocketClose): void {
    if (close.kind === 'tooLarge') {
      this.#odd('tooLarge', { detail: close.detail });
      this.#deps.offer({ kind: 'tooLarge' });
    }
    held.lingers?.cancel();
    this.#held = this.#held.filter((other) => other !== held);
    this.#owner.feed({ type: 'closed', id: held.id, close });
  }

  #odd(kind: 'malformed' | 'binary' | 'tooLarge', fields: Readonly<Record<string, unknown>>): void {
    this.#deps.observer?.frame?.(kind);
    const names = namesOf(this.#transport, this.#owner.spec());
    this.#deps.limitedLog.warn(`frame ${kind}`, { ...names, ...fields, kind }, 'unexpected frame from Slack');
  }
}
