import type { Outcome } from '../queue/outcome.ts';
import type { PendingReply } from '../reply/reply-desk.ts';
import type { Transport } from '../transport/transport.ts';

/** How an envelope's acknowledgement is written and where it goes. */
export interface AcknowledgeBy {
  transport: Pick<Transport, 'acknowledge' | 'answer'>;
  /** As in the event's frame. */
  ack: string;
  /** @returns whether it was sent: false when there is no socket for it */
  send(text: string): boolean;
  /** Nothing more will be sent for it. Called once. */
  done(): void;
}

/**
 * An envelope that Slack waits to have acknowledged: when the outcome of its event is final (design rule 5), or, if it takes
 * an answer, when the application has answered or its time is over. At most one acknowledgement is sent.
 */
export class Unacknowledged {
  readonly #by: AcknowledgeBy;
  #reply: PendingReply | undefined;
  #outcome: Outcome | undefined;
  #isDone = false;

  constructor(by: AcknowledgeBy) {
    this.#by = by;
  }

  /** From now on the application's answer, or its absence, is what acknowledges it. */
  awaitReply(reply: PendingReply): void {
    this.#reply = reply;
  }

  /** An outcome that leaves the event to Slack, to be sent again, ends the wait for an answer, too. */
  settled(outcome: Outcome): void {
    this.#outcome = outcome;
    const text = this.#plain();
    this.#reply?.settled(outcome);
    if (text === undefined) this.#end();
    else if (this.#reply === undefined) this.#end(text);
  }

  /**
   * @param answer JSON text of the application's payload; undefined: none came in time
   * @returns whether an acknowledgement was sent
   */
  answered(answer: string | undefined): boolean {
    const { transport, ack } = this.#by;
    return this.#end(answer === undefined ? this.#plain() : transport.answer?.(ack, answer));
  }

  /** Its socket is about to close: a plain acknowledgement, if it may have one, rather than none. */
  expire(): void {
    this.#reply?.expire();
  }

  #plain(): string | undefined {
    const { transport, ack } = this.#by;
    return this.#outcome === undefined ? undefined : transport.acknowledge?.(ack, this.#outcome);
  }

  #end(text?: string): boolean {
    if (this.#isDone) return false;
    this.#isDone = true;
    const isSent = text !== undefined && this.#by.send(text);
    this.#by.done();
    return isSent;
  }
}
