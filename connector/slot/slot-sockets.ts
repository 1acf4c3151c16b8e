import type { Clock } from '../../core/process/clock.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { disableBot, type Normalized, normalize } from '../event/normalize.ts';
import type { EventSource } from '../event/source.ts';
import { decodeRtmFrame, encodeRtmPing, type RtmFrame } from '../slack/rtm-frame.ts';
import type { OpenSocket, Socket, SocketClose, Unreadable } from '../socket/socket.ts';
import type { ConnectionSpec } from './connection-status.ts';
import type { Input, SlackSelf } from './state.ts';

/** `transport`: hello, pong and the like. `tooLarge`: dropped, or above MOST_FRAME_BYTES, which ended its socket. */
export type FrameKind = 'event' | 'transport' | 'malformed' | 'binary' | 'tooLarge';

export interface FrameObserver {
  frame?(kind: FrameKind): void;
}

export interface SlotSocketsDeps {
  openSocket: OpenSocket;
  /** `Publisher.offer` */
  offer(normalized: Normalized): void;
  cluster: string;
  timers: Pick<Clock, 'wallMs'>;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
  observer?: FrameObserver;
}

/** A socket from its dial to its end, which may come long after the slot gave it up. */
interface HeldSocket {
  socket: Socket;
  self: SlackSelf;
  /** Whom its events are from; made again when the spec has changed. */
  source: EventSource | undefined;
  lastPing: number;
}

/**
 * The sockets of one slot until each has ended: turns their frames into events for the publisher and inputs for the
 * slot. An event is offered whatever its socket is to the slot, even given up: Slack sends it once, and a copy too many
 * is absorbed by its mark.
 */
export class SlotSockets {
  readonly #deps: SlotSocketsDeps;
  readonly #feed: (input: Input) => void;
  readonly #held = new Map<number, HeldSocket>();
  #spec: ConnectionSpec;

  constructor(spec: ConnectionSpec, deps: SlotSocketsDeps, feed: (input: Input) => void) {
    this.#spec = spec;
    this.#deps = deps;
    this.#feed = feed;
  }

  get size(): number {
    return this.#held.size;
  }

  get(id: number): Socket | undefined {
    return this.#held.get(id)?.socket;
  }

  /** For the frames that come from now on. */
  setSpec(spec: ConnectionSpec): void {
    this.#spec = spec;
    for (const held of this.#held.values()) held.source = undefined;
  }

  dial(id: number, url: string, self: SlackSelf): void {
    const socket = this.#deps.openSocket(url, {
      onOpen: () => this.#feed({ type: 'opened', id }),
      onText: (text) => this.#onText(id, text),
      onBinary: (bytes) => this.#odd('binary', { bytes }),
      onUnreadable: (what, bytes) => this.#onUnreadable(id, what, bytes),
      // No sign of Slack's life: see `state.ts`.
      onHeard: () => {},
      onClose: (close) => this.#onClose(id, close),
    });
    this.#held.set(id, { socket, self, source: undefined, lastPing: 0 });
  }

  ping(id: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.lastPing += 1;
    held.socket.send(encodeRtmPing(held.lastPing));
  }

  disableBot(slackError: string): void {
    const source = this.#sourceOf({ teamID: '', teamName: '', botUserID: '' });
    this.#deps.offer(disableBot(source, slackError, this.#deps.timers.wallMs()));
  }

  #onText(id: number, text: string): void {
    const frame = decodeRtmFrame(text);
    this.#feed({ type: 'heard', id });
    if (frame.kind === 'event') this.#onEvent(id, frame, text);
    else if (frame.kind === 'malformed') this.#onMalformed(frame);
    else this.#onTransport(id, frame);
  }

  #onEvent(id: number, { frame }: Extract<RtmFrame, { kind: 'event' }>, text: string): void {
    const { offer, timers, observer } = this.#deps;
    observer?.frame?.('event');
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.source ??= this.#sourceOf(held.self);
    offer(normalize(frame, held.source, timers.wallMs(), text));
  }

  /** Counted as an event that failed: nobody knows what it was. */
  #onMalformed({ reason }: Extract<RtmFrame, { kind: 'malformed' }>): void {
    this.#odd('malformed', { problem: reason });
    this.#deps.offer({ kind: 'malformed' });
  }

  /** Slack lives, and sends what can't be an event. All sockets of the team get it, so none is ended for it. */
  #onUnreadable(id: number, what: Unreadable, bytes: number): void {
    this.#feed({ type: 'heard', id });
    const kind = what === 'tooLarge' ? 'tooLarge' : 'malformed';
    this.#odd(kind, { problem: what, bytes });
    this.#deps.offer({ kind });
  }

  #onTransport(id: number, frame: Exclude<RtmFrame, { kind: 'event' | 'malformed' }>): void {
    this.#deps.observer?.frame?.('transport');
    switch (frame.kind) {
      case 'hello':
      case 'goodbye':
        this.#feed({ type: frame.kind, id });
        return;
      case 'migrationStarted':
        this.#feed({ type: 'migration', id });
        return;
      case 'error':
        this.#deps.limitedLog.warn(
          'error frame',
          { ...namesOf(this.#spec), code: frame.code },
          'Slack sent an error frame',
        );
        this.#feed({ type: 'error', id, code: frame.code, msg: frame.msg });
        return;
      case 'pong':
      case 'reconnectUrl':
      case 'reply':
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
    this.#feed({ type: 'closed', id, close });
  }

  #odd(kind: 'malformed' | 'binary' | 'tooLarge', fields: Readonly<Record<string, unknown>>): void {
    this.#deps.observer?.frame?.(kind);
    this.#deps.limitedLog.warn(`frame ${kind}`, { ...namesOf(this.#spec), ...fields, kind }, 'odd frame from Slack');
  }

  #sourceOf(self: SlackSelf): EventSource {
    const { ownerUid, bot, generation, teamID, queueNamespace, events, tokenDigest } = this.#spec;
    const ours = {
      cluster: this.#deps.cluster,
      ownerUid,
      bot,
      generation,
      teamID,
      queueNamespace,
      events,
      tokenDigest,
    };
    return { ...ours, slackTeamID: self.teamID, botUserID: self.botUserID };
  }
}

/** A slot in log lines. */
export const namesOf = ({ slotID, bot, teamID }: ConnectionSpec): { slot: string; bot: string; team: string } => ({
  slot: slotID,
  bot,
  team: teamID,
});
