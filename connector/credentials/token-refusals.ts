import { randomUUID } from 'node:crypto';
import type { Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { redactTokens } from '../../core/process/redact.ts';
import type { ClusterKeys } from '../../core/protocol/keys.ts';
import { REFUSED_VERSION_FIELD, type RefusedToken } from '../../core/protocol/refused-token.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { Redis } from '../../core/redis/redis.ts';
import type { RedisClock } from '../../core/redis/redis-clock.ts';
import type { Refusal } from '../../core/slack/web-api-answer.ts';
import type { Sender } from '../outbound/sender.ts';

/** Whose token Slack refuses, and which of its tokens. */
export interface RefusedOwner {
  ownerUid: string;
  /** "namespace/name" */
  bot: string;
  generation: number;
  /** Of its slot or route; empty for a team of an app without a token of its own. */
  tokenDigest: string;
}

export interface TokenRefusalsOptions {
  redis: Pick<Redis, 'hset' | 'publish'>;
  keys: Pick<ClusterKeys, 'refused' | 'plannerNudge'>;
  redisClock: Pick<RedisClock, 'nowMs'>;
  log: Log;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
}

const RETRY_MS = 1_000;
const MAX_MESSAGE = 1024;

/**
 * Tells the operator, through Redis, of tokens that Slack refuses elsewhere than at the opening of a socket. Each is retried
 * until it is written; of several about one owner only the last counts.
 */
export class TokenRefusals {
  readonly #options: TokenRefusalsOptions;
  /** Owner uid -> what is still to be written. */
  readonly #owed = new Map<string, RefusedToken>();
  readonly #task: PeriodicTask;

  constructor(options: TokenRefusalsOptions) {
    this.#options = options;
    this.#task = new PeriodicTask('refused tokens', () => this.#write(), options.log);
  }

  refuse({ ownerUid, bot, generation, tokenDigest }: RefusedOwner, { reason, error, message }: Refusal): void {
    const { redisClock, log } = this.#options;
    const words = redactTokens(message).slice(0, MAX_MESSAGE);
    log.warn({ bot, reason, error }, 'Slack refuses the token of a bot');
    this.#owed.set(ownerUid, { tokenDigest, generation, reason, error, message: words, atMs: redisClock.nowMs() });
    this.#task.soon(0);
  }

  /** For outbound messages: Slack refused the token of `sender` in its answer to one. */
  refuseSender(
    {
      credentialsDigest: tokenDigest,
      ...sender
    }: Pick<Sender, 'ownerUid' | 'bot' | 'generation' | 'credentialsDigest'>,
    refusal: Refusal,
  ): void {
    this.refuse({ ...sender, tokenDigest }, refusal);
  }

  /** Tries once more to write what is still owed. */
  async stop(): Promise<void> {
    if (this.#owed.size > 0) await this.#task.now();
    await this.#task.stop();
  }

  async #write(): Promise<number> {
    const { redis, keys, limitedLog } = this.#options;
    const owed = [...this.#owed];
    if (owed.length === 0) return Number.POSITIVE_INFINITY;
    try {
      const records = Object.fromEntries(owed.map(([ownerUid, record]) => [ownerUid, JSON.stringify(record)]));
      await redis.hset(keys.refused, { ...records, [REFUSED_VERSION_FIELD]: randomUUID() });
    } catch (error) {
      const fields = { key: keys.refused, bots: owed.length, error: redisErrorText(error) };
      limitedLog.warn('refused tokens', fields, 'could not tell the operator of refused tokens yet');
      return RETRY_MS;
    }
    for (const [ownerUid, record] of owed) if (this.#owed.get(ownerUid) === record) this.#owed.delete(ownerUid);
    // Without the nudge the planner looks within a second all the same.
    await redis.publish(keys.plannerNudge, 'refused').catch(() => undefined);
    return Number.POSITIVE_INFINITY;
  }
}
