import { DefectLog } from '../../core/process/defect.ts';
import type { Log } from '../../core/process/log.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import type { Timers } from '../../core/process/timers.ts';
import type { ReplyAddress } from '../../core/protocol/queue-item.ts';
import { ANSWER_WITHIN_MS, type ReplyFault } from '../../core/protocol/reply.ts';
import type { Outcome } from '../queue/outcome.ts';
import { lengthRefusal, parseAnswer, refusalOf, type Standing, sizeRefusal } from './answer.ts';
import { HeldEnvelopes } from './held-envelopes.ts';
import {
  isEnded,
  type PendingEnd,
  type PendingInput,
  type PendingState,
  stepPending,
  takesAnswer,
} from './pending-reply.ts';
import { RecentEnvelopes } from './recent-envelopes.ts';
import type { Acknowledge, PendingReply, ReplyDesk } from './reply-desk.ts';

/** What is counted of answers. */
export interface ReplyObserver {
  /** An envelope is done with. @param waitedMs since it was read */
  ended(end: PendingEnd, waitedMs: number): void;
  /** An answer went nowhere. */
  wasted(outcome: ReplyFault['outcome'] | 'malformed'): void;
  /** An answer went to Slack. @param tookMs since it was read from Redis */
  passed(tookMs: number): void;
}

export interface AnswerDeskDeps {
  /** The list from which this process reads answers. */
  to: string;
  timers: Timers;
  /** Redis time: the one clock that connectors and applications share. */
  redisNowMs(): number;
  /** Tells the application why its answer went nowhere; must not wait. */
  record(id: string, fault: ReplyFault): void;
  observer: ReplyObserver;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
  log: Pick<Log, 'warn' | 'error'>;
}

/** An answer as it was read from Redis. */
export interface ReadAnswer {
  text: string;
  /** Monotonic. */
  readAtMs: number;
  /** It was on the list before this process began to read. */
  left: boolean;
}

interface Envelope {
  readonly id: string;
  readonly openedAtMs: number;
  readonly dueMs: number;
  readonly textOf: (payload: string) => string;
  readonly acknowledge: Acknowledge;
  state: PendingState;
}

/** Performs what `pending-reply.ts` decides for each envelope, and brings answers to the envelopes that they are for. */
export class AnswerDesk implements ReplyDesk {
  readonly #deps: AnswerDeskDeps;
  readonly #defects: DefectLog;
  readonly #held: HeldEnvelopes<Envelope>;
  readonly #ended: RecentEnvelopes<PendingEnd>;
  /** Apart, since most envelopes of an app take no answer. */
  readonly #takeNone: RecentEnvelopes<true>;

  constructor(deps: AnswerDeskDeps) {
    this.#deps = deps;
    const { timers } = deps;
    this.#defects = new DefectLog(deps.log, timers);
    this.#held = new HeldEnvelopes(timers, (envelope) => this.#feed(envelope, { kind: 'deadline' }));
    this.#ended = new RecentEnvelopes(timers);
    this.#takeNone = new RecentEnvelopes(timers);
  }

  /** Envelopes that an answer would still reach. */
  get waiting(): number {
    return this.#held.waiting;
  }

  open(id: string, textOf: (payload: string) => string, acknowledge: Acknowledge): PendingReply {
    const { timers } = this.#deps;
    const openedAtMs = timers.monotonicMs();
    const dueMs = openedAtMs + ANSWER_WITHIN_MS;
    const envelope: Envelope = { id, openedAtMs, dueMs, textOf, acknowledge, state: 'unsettled' };
    this.#held.add(envelope);
    return {
      address: this.#addressOf(id),
      settled: (outcome: Outcome) => this.#feed(envelope, { kind: 'settled', outcome }),
      expire: () => this.#feed(envelope, { kind: 'deadline' }),
    };
  }

  takesNone(id: string): void {
    this.#takeNone.put(id, true);
  }

  /** Never throws. */
  take({ text, readAtMs, left }: ReadAnswer): void {
    const answer = parseAnswer(text);
    switch (answer.kind) {
      case 'malformed':
        this.#deps.observer.wasted('malformed');
        this.#deps.limitedLog.warn(
          'malformed answer',
          { list: this.#deps.to, problem: answer.problem, characters: text.length },
          "an application pushed an answer that can't be read: see docs/answers.md",
        );
        return;
      case 'tooLarge':
        this.#waste(answer.id, lengthRefusal(answer.length));
        return;
      case 'answer':
        this.#pass(answer.id, answer.payload, readAtMs, left);
        return;
      default:
        answer satisfies never;
    }
  }

  /** No envelope is acknowledged at its deadline from now on. */
  stop(): void {
    this.#held.stop();
  }

  #addressOf(id: string): ReplyAddress {
    const { to, redisNowMs } = this.#deps;
    return { to, id, before: new Date(redisNowMs() + ANSWER_WITHIN_MS).toISOString() };
  }

  #pass(id: string, payload: string | undefined, readAtMs: number, left: boolean): void {
    const takers = this.#held.of(id).filter(({ state }) => takesAnswer(state));
    const [first] = takers;
    if (first === undefined) {
      this.#waste(id, refusalOf(this.#standingOf(id, left)));
      return;
    }
    // All copies of an envelope are acknowledged by the same text.
    const refusal = payload === undefined ? undefined : sizeRefusal(Buffer.byteLength(first.textOf(payload)));
    if (refusal !== undefined) {
      // They wait on: a smaller answer may come in time.
      this.#waste(id, refusal);
      return;
    }
    for (const envelope of takers) this.#feed(envelope, { kind: 'answer', payload });
    if (takers.some(({ state }) => state === 'answered')) {
      this.#deps.observer.passed(this.#deps.timers.monotonicMs() - readAtMs);
    } else if (takers.every(({ state }) => state === 'unacknowledged')) this.#waste(id, refusalOf('unacknowledged'));
  }

  #standingOf(id: string, left: boolean): Standing {
    const [held] = this.#held.of(id);
    if (held !== undefined) return held.state === 'satisfied' ? 'answered' : 'overdue';
    const ended = this.#ended.get(id);
    if (ended !== undefined) return ended;
    if (this.#takeNone.get(id) !== undefined) return 'takesNone';
    return left ? 'left' : 'unknown';
  }

  #waste(id: string | undefined, fault: Omit<ReplyFault, 'at'>): void {
    const { observer, record, redisNowMs } = this.#deps;
    observer.wasted(fault.outcome);
    if (id !== undefined) record(id, { ...fault, at: new Date(redisNowMs()).toISOString() });
  }

  #feed(envelope: Envelope, input: PendingInput): void {
    const before = envelope.state;
    const { state, acknowledge } = stepPending(before, input);
    envelope.state = state;
    if (acknowledge !== undefined && !this.#acknowledge(envelope, acknowledge.answer)) {
      envelope.state = stepPending(state, { kind: 'unsent' }).state;
    }
    if (!isEnded(envelope.state)) {
      if (!takesAnswer(envelope.state)) this.#held.stopWaiting(envelope);
      return;
    }
    if (isEnded(before)) return;
    this.#held.remove(envelope);
    this.#ended.put(envelope.id, envelope.state);
    this.#deps.observer.ended(envelope.state, this.#deps.timers.monotonicMs() - envelope.openedAtMs);
  }

  #acknowledge(envelope: Envelope, answer: string | undefined): boolean {
    let sent = false;
    this.#defects.run('an acknowledgement', () => {
      sent = envelope.acknowledge(answer);
    });
    return sent;
  }
}
