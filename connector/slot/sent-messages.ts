/** Messages that go out over a slot's websocket, from their sending to Slack's answer (RTM only). */

import type { Timers } from '../../core/process/timers.ts';
import type { RtmAnswer } from '../outbound/sender.ts';

/** Slack answers within a second; after this long nobody knows what became of a message. */
const ANSWER_MS = 10_000;
/**
 * Numbers of messages begin above those of pings, which both must be unique among all that is sent over a socket. Slack may
 * answer the last message of an earlier socket over the next one, which is why a slot counts on and where it begins is random.
 */
const FIRST = 1_000_000_000;

interface SentMessage {
  socketID: number;
  settle(answer: RtmAnswer): void;
}

/** How to send one message. */
export interface Outgoing {
  socketID: number;
  /** The frame of the message with that number; undefined if it is too large for the socket. */
  encode(n: number): string | undefined;
  /** @returns false when the socket is not open */
  write(text: string): boolean;
}

/** Waits for Slack's answers to the messages of one slot. Each is settled once: by its answer, the end of its socket or time. */
export class SentMessages {
  readonly #timers: Pick<Timers, 'after'>;
  readonly #waiting = new Map<number, SentMessage>();
  #last: number;

  /** @param random of [0, 1) */
  constructor(timers: Pick<Timers, 'after'>, random: () => number) {
    this.#timers = timers;
    this.#last = FIRST + Math.floor(random() * FIRST);
  }

  /** @param signal gives up waiting for the answer; what was sent stays sent */
  send({ socketID, encode, write }: Outgoing, signal: AbortSignal): Promise<RtmAnswer> {
    if (signal.aborted) return Promise.resolve({ kind: 'unsent', why: 'it was given up before it was sent' });
    this.#last += 1;
    const n = this.#last;
    const frame = encode(n);
    if (frame === undefined)
      return Promise.resolve({ kind: 'refused', code: 0, message: 'the message is larger than a frame of RTM may be' });
    if (!write(frame)) return Promise.resolve({ kind: 'unsent', why: 'the websocket is closing' });
    return new Promise((resolve) => {
      const giveUp = () => this.#settle(n, { kind: 'unknown', why: 'it was given up before Slack answered' });
      const cancel = this.#timers.after(ANSWER_MS, () => {
        this.#settle(n, { kind: 'unknown', why: `Slack did not answer within ${ANSWER_MS / 1000} s` });
      });
      signal.addEventListener('abort', giveUp);
      this.#waiting.set(n, {
        socketID,
        settle(answer) {
          cancel();
          signal.removeEventListener('abort', giveUp);
          resolve(answer);
        },
      });
    });
  }

  /** An answer that nobody waits for, such as one that came too late, changes nothing. */
  answered(n: number, answer: RtmAnswer): void {
    this.#settle(n, answer);
  }

  ended(socketID: number): void {
    for (const [n, sent] of [...this.#waiting])
      if (sent.socketID === socketID) this.#settle(n, { kind: 'unknown', why: 'the websocket ended' });
  }

  #settle(n: number, answer: RtmAnswer): void {
    const sent = this.#waiting.get(n);
    this.#waiting.delete(n);
    sent?.settle(answer);
  }
}
