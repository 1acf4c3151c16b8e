import type { Log } from '../../core/process/log.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { systemTimers } from '../../core/process/timers.ts';
import type { BlockingRedis, Redis } from '../../core/redis/redis.ts';
import type { RedisClock } from '../../core/redis/redis-clock.ts';
import { AnswerDesk, type ReplyObserver } from './answer-desk.ts';
import { AnswerReader } from './answer-reader.ts';
import type { ReplyDesk } from './reply-desk.ts';
import { ReplyFaults } from './reply-faults.ts';

export interface RepliesDeps {
  /** Closed by `stop`. */
  answers: BlockingRedis;
  control: Pick<Redis, 'set'>;
  /** The list of this pod (`ClusterKeys.replies`). */
  list: string;
  redisClock: Pick<RedisClock, 'nowMs'>;
  observer: ReplyObserver;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
  log: Log;
}

/** All that a process does about the answers of applications. */
export class Replies {
  readonly #desk: AnswerDesk;
  readonly #reader: AnswerReader;
  readonly #faults: ReplyFaults;

  constructor({ answers, control, list, redisClock, observer, limitedLog, log }: RepliesDeps) {
    this.#faults = new ReplyFaults(control, limitedLog);
    this.#desk = new AnswerDesk({
      to: list,
      timers: systemTimers,
      redisNowMs: () => redisClock.nowMs(),
      record: (id, fault) => this.#faults.record(id, fault),
      observer,
      limitedLog,
      log,
    });
    this.#reader = new AnswerReader({
      redis: answers,
      key: list,
      onAnswer: (answer) => this.#desk.take(answer),
      timers: systemTimers,
      random: Math.random,
      log,
    });
  }

  /** For the slots. */
  get desk(): ReplyDesk {
    return this.#desk;
  }

  /** Envelopes that an answer would still reach. */
  get waiting(): number {
    return this.#desk.waiting;
  }

  /** Why answers are not read, and for how long; undefined while they are. */
  get trouble(): { error: string; forMs: number } | undefined {
    return this.#reader.trouble;
  }

  /** Reads from now on: this pod's name is ours, so whatever is on its list is for us. */
  start(): void {
    this.#reader.start();
  }

  /** After the last socket has closed. */
  async stop(): Promise<void> {
    await this.#reader.stop();
    this.#desk.stop();
    await this.#faults.written();
  }
}
