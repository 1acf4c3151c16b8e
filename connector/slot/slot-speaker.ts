import type { Timers } from '../../core/process/timers.ts';
import type { Addressee } from '../outbound/addressee.ts';
import type { RtmAnswer, Sender } from '../outbound/sender.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { Transport } from '../transport/transport.ts';
import { SentMessages } from './sent-messages.ts';
import type { CurrentSocket } from './state.ts';

/** The slot whose bot speaks. */
export interface SpeakingSlot<S extends SlotSpec> {
  /** As it is now. */
  spec(): S;
  /** @returns false when the socket is not open */
  write(socketID: number, text: string): boolean;
}

export interface SpeakerDeps {
  timers: Pick<Timers, 'after'>;
  random(): number;
}

/** What outbound messages see of a slot: whom they are posted as, and the way over its websocket. */
export class SlotSpeaker<S extends SlotSpec> {
  readonly #transport: Pick<Transport<S>, 'speaker' | 'message'>;
  readonly #slot: SpeakingSlot<S>;
  readonly #deps: SpeakerDeps;
  /** Made with the first message: most bots send none. */
  #sent: SentMessages | undefined;
  #current: CurrentSocket | undefined;
  /** Of the credentials with which a socket was last live: Slack has said whose they are. */
  #acceptedDigest: string | undefined;

  constructor(transport: Pick<Transport<S>, 'speaker' | 'message'>, deps: SpeakerDeps, slot: SpeakingSlot<S>) {
    this.#transport = transport;
    this.#slot = slot;
    this.#deps = deps;
  }

  /** The socket that is read now. */
  reads(current: CurrentSocket | undefined): void {
    this.#current = current;
    if (current !== undefined) this.#acceptedDigest = current.tokenDigest;
  }

  /** Undefined if the slot's sockets are of no single bot. */
  addressee(): Addressee | undefined {
    const { ownerUid, bot } = this.#slot.spec();
    const teamID = this.#transport.speaker?.(this.#slot.spec()).teamID;
    return teamID === undefined ? undefined : { ownerUid, bot, teamID, sender: () => this.#sender() };
  }

  answered(n: number, answer: RtmAnswer): void {
    this.#sent?.answered(n, answer);
  }

  ended(socketID: number): void {
    this.#sent?.ended(socketID);
  }

  /** Undefined before a socket was live with the credentials, since they may be another team's (design rule 4). */
  #sender(): Sender | undefined {
    const spec = this.#slot.spec();
    const speaker = this.#transport.speaker?.(spec);
    const { ownerUid, bot, generation, tokenDigest } = spec;
    if (speaker === undefined || tokenDigest !== this.#acceptedDigest) return undefined;
    const overSockets = { speaksRtm: this.#transport.message !== undefined, overRtm: this.#overRtm() };
    return { ownerUid, bot, generation, ...speaker, credentialsDigest: tokenDigest, ...overSockets };
  }

  #overRtm(): Sender['overRtm'] {
    const encode = this.#transport.message;
    if (encode === undefined || this.#speakable() === undefined) return undefined;
    return async (message, signal) => {
      const socket = this.#speakable();
      if (socket === undefined) return { kind: 'unsent', why: 'the bot has no live websocket' };
      const write = (text: string): boolean => this.#slot.write(socket.id, text);
      const { timers, random } = this.#deps;
      this.#sent ??= new SentMessages(timers, random);
      return await this.#sent.send({ socketID: socket.id, encode: (n) => encode(n, message), write }, signal);
    };
  }

  /** Nothing is sent over a paused socket: if the peer has closed, that would cost everything unread (ADR 0009). */
  #speakable(): CurrentSocket | undefined {
    return this.#current?.pausedSinceMs === undefined ? this.#current : undefined;
  }
}
