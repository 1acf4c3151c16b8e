import { backoffMs } from '../../core/process/backoff.ts';
import { DefectLog } from '../../core/process/defect.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import type { Timers } from '../../core/process/timers.ts';
import { aclFault } from '../../core/redis/acl.ts';
import { connectionFault, redisErrorText } from '../../core/redis/fault.ts';
import type { BlockingRedis } from '../../core/redis/redis.ts';
import { restUntilReady } from '../../core/redis/rest-until-ready.ts';
import type { ReadAnswer } from './answer-desk.ts';

export interface AnswerReaderDeps {
  /** Used for nothing else; closed by `stop`. */
  redis: BlockingRedis;
  /** The list of this pod (`ClusterKeys.replies`). */
  key: string;
  onAnswer(answer: ReadAnswer): void;
  timers: Timers;
  random(): number;
  log: Log;
}

/** Shorter than a connection may be silent (`ioredis-client.ts`) by as much as a slow Redis may take to answer. */
const WAIT_SECONDS = 1;
/** Answers that are handled in one go: some milliseconds in which no frame is read. */
const BURST = 50;
const BACKOFF = { baseMs: 50, capMs: 2_000 };

/**
 * Reads the answers of applications: one blocking read for all envelopes of a process, over a connection of its own. What the
 * last process of this pod left on the list is read first. Redis being away, or anything else on the list, ends nothing.
 */
export class AnswerReader {
  readonly #deps: AnswerReaderDeps;
  readonly #defects: DefectLog;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #failing: { error: string; sinceMs: number; attempts: number } | undefined;

  constructor(deps: AnswerReaderDeps) {
    this.#deps = deps;
    this.#defects = new DefectLog(deps.log, deps.timers);
  }

  /** Once this pod's name is ours: whoever else held it might still wait for answers. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Why no answers are read, in words, and for how long; undefined while they are. */
  get trouble(): { error: string; forMs: number } | undefined {
    const failing = this.#failing;
    if (failing === undefined) return undefined;
    return { error: failing.error, forMs: this.#deps.timers.monotonicMs() - failing.sinceMs };
  }

  /** Closes the connection; resolves when no more answers come. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#deps.redis.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && !(await this.#succeeds(() => this.#readLeft()))) await this.#rest();
    while (!signal.aborted) if (!(await this.#succeeds(() => this.#read()))) await this.#rest();
  }

  async #readLeft(): Promise<void> {
    const { redis, key } = this.#deps;
    for (;;) {
      const items = await redis.lpop(key, BURST);
      if (items === null) return;
      for (const item of items) this.#hand(item, true);
    }
  }

  /** Both are sent at once, so that an answer right behind the first costs no further way to Redis and back. */
  async #read(): Promise<void> {
    const { redis, key } = this.#deps;
    const first = redis.blpop(key, WAIT_SECONDS).then((popped) => {
      if (popped !== null) this.#hand(popped[1], false);
    });
    const others = redis.lpop(key, BURST).then((items) => {
      for (const item of items ?? []) this.#hand(item, false);
    });
    const results = await Promise.allSettled([first, others]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  #hand(text: string, left: boolean): void {
    const { onAnswer, timers } = this.#deps;
    this.#defects.run('an answer', () => onAnswer({ text, readAtMs: timers.monotonicMs(), left }));
  }

  async #succeeds(read: () => Promise<void>): Promise<boolean> {
    try {
      await read();
      this.#recovered();
      return true;
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#failed(error);
      return false;
    }
  }

  #recovered(): void {
    if (this.#failing === undefined) return;
    this.#failing = undefined;
    this.#deps.log.info('reading answers again');
  }

  #failed(error: unknown): void {
    const { timers, log } = this.#deps;
    const text = this.#wordsOf(error);
    const { sinceMs = timers.monotonicMs(), attempts = 0, error: last } = this.#failing ?? {};
    this.#failing = { error: text, sinceMs, attempts: attempts + 1 };
    // That there is no connection is logged by the client.
    if (text !== last && connectionFault(error) === undefined)
      log.warn({ error: text }, 'could not read answers, retrying');
  }

  #rest(): Promise<void> {
    const { redis, timers, random } = this.#deps;
    const delayMs = backoffMs(this.#failing?.attempts ?? 0, BACKOFF, random());
    return restUntilReady(redis, timers, delayMs, this.#stopping.signal);
  }

  #wordsOf(error: unknown): string {
    const { redis, key } = this.#deps;
    const text = redisErrorText(error);
    if (text.startsWith('WRONGTYPE')) return `the key ${key} holds something else than a list: delete it`;
    return aclFault(errorText(error), { user: redis.user, keys: key }) ?? text;
  }
}
