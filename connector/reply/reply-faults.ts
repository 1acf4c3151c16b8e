import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { replyFaultKey } from '../../core/protocol/keys.ts';
import { REPLY_FAULT_TTL_MS, type ReplyFault } from '../../core/protocol/reply.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { Redis } from '../../core/redis/redis.ts';

/** An application that answers everything wrongly must not fill our memory. */
const MOST_WAITING = 1_000;
const AT_ONCE = 20;

/** Writes why answers went nowhere to where their senders can read it: in the background, and given up if Redis takes none. */
export class ReplyFaults {
  readonly #redis: Pick<Redis, 'set'>;
  readonly #limitedLog: Pick<RateLimitedLog, 'warn'>;
  /** By id: the last fault counts. */
  readonly #waiting = new Map<string, ReplyFault>();
  #writing: Promise<void> | undefined;

  constructor(redis: Pick<Redis, 'set'>, limitedLog: Pick<RateLimitedLog, 'warn'>) {
    this.#redis = redis;
    this.#limitedLog = limitedLog;
  }

  record(id: string, fault: ReplyFault): void {
    if (this.#waiting.size >= MOST_WAITING && !this.#waiting.has(id)) {
      this.#notWritten('too many at once');
      return;
    }
    this.#waiting.set(id, fault);
    this.#writing ??= this.#write();
  }

  /** Resolves when everything that was recorded has been written, or given up. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const faults = [...this.#waiting].slice(0, AT_ONCE);
      for (const [id] of faults) this.#waiting.delete(id);
      await Promise.all(faults.map(([id, fault]) => this.#writeOne(id, fault)));
    }
    this.#writing = undefined;
  }

  async #writeOne(id: string, fault: ReplyFault): Promise<void> {
    try {
      await this.#redis.set(replyFaultKey(id), JSON.stringify(fault), 'PX', REPLY_FAULT_TTL_MS);
    } catch (error) {
      this.#notWritten(redisErrorText(error));
    }
  }

  #notWritten(error: string): void {
    this.#limitedLog.warn('reply fault', { error }, 'could not write why an answer was not passed on');
  }
}
