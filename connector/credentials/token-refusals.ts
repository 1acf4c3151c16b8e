import { randomUUID } from 'node:crypto';
import type { Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { redactTokens } from '../../core/process/redact.ts';
import type { ClusterKeys } from '../../core/protocol/keys.ts';
import { FINAL_REFUSALS, isFinalRefusal, type RefusedToken } from '../../core/protocol/refused-token.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { Redis } from '../../core/redis/redis.ts';
import type { RedisClock } from '../../core/redis/redis-clock.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
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
  redis: Redis;
  keys: Pick<ClusterKeys, 'refused' | 'plannerNudge'>;
  redisClock: Pick<RedisClock, 'nowMs'>;
  log: Log;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
}

const REFUSE = loadScript(new URL('./refuse.lua', import.meta.url));
const RETRY_MS = 1_000;
const MAX_MESSAGE = 1024;

/**
 * Tells the operator, through Redis, of tokens that Slack refuses elsewhere than at the opening of a socket. Each is retried
 * until it is written. Of several about one owner the last counts, unless an earlier one about the same token is final.
 */
export class TokenRefusals {
  readonly #options: TokenRefusalsOptions;
  /** What is still to be written, in the order in which it came: of each owner the last that is final, and the last that is not. */
  readonly #owed = new Map<string, { ownerUid: string; record: RefusedToken }>();
  readonly #task: PeriodicTask;

  constructor(options: TokenRefusalsOptions) {
    this.#options = options;
    this.#task = new PeriodicTask('refused tokens', () => this.#write(), options.log);
  }

  refuse({ ownerUid, bot, generation, tokenDigest }: RefusedOwner, { reason, error, message }: Refusal): void {
    const { redisClock, log } = this.#options;
    const words = redactTokens(message).slice(0, MAX_MESSAGE);
    log.warn({ bot, reason, error }, 'Slack refuses the token of a bot');
    const record = { tokenDigest, generation, reason, error, message: words, atMs: redisClock.nowMs() };
    const place = `${ownerUid} ${isFinalRefusal(error)}`;
    this.#owed.delete(place);
    this.#owed.set(place, { ownerUid, record });
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
      const records = owed.flatMap(([, { ownerUid, record }]) => [ownerUid, JSON.stringify(record)]);
      await runScript(redis, REFUSE, [keys.refused], [randomUUID(), JSON.stringify(FINAL_REFUSALS), ...records]);
    } catch (error) {
      const fields = { key: keys.refused, bots: owed.length, error: redisErrorText(error) };
      limitedLog.warn('refused tokens', fields, 'could not tell the operator of refused tokens yet');
      return RETRY_MS;
    }
    for (const [place, refused] of owed) if (this.#owed.get(place) === refused) this.#owed.delete(place);
    // Without the nudge the planner looks within a second all the same.
    await redis.publish(keys.plannerNudge, 'refused').catch(() => undefined);
    return Number.POSITIVE_INFINITY;
  }
}
