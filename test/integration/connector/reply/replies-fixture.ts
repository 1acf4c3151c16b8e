import { once } from 'node:events';
import { Replies } from '#connector/reply/replies.ts';
import type { PendingReply } from '#connector/reply/reply-desk.ts';
import { systemClock } from '#core/process/clock.ts';
import { RateLimitedLog } from '#core/process/rate-limited-log.ts';
import { clusterKeys, replyFaultKey } from '#core/protocol/keys.ts';
import type { ReplyFault } from '#core/protocol/reply.ts';
import type { BlockingRedis, Redis } from '#core/redis/redis.ts';
import { RedisClock } from '#core/redis/redis-clock.ts';
import type { TestRedis } from '#test/support/redis-fixture.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';

export const keys = clusterKeys('c1');

export interface Acknowledged {
  id: string;
  /** `plain` without an answer. */
  answer: string;
  /** Since the envelope was read. */
  afterMs: number;
}

/** The part of a connector that serves answers, with envelopes that come from no socket. */
export class ConnectorReplies {
  readonly pod: string;
  readonly acknowledged: Acknowledged[] = [];
  readonly counts = new Map<string, number>();
  readonly replies: Replies;

  constructor(pod: string, answers: BlockingRedis, control: Pick<Redis, 'set'>) {
    this.pod = pod;
    const count = (what: string): void => void this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    this.replies = new Replies({
      answers,
      control,
      list: keys.replies(pod),
      redisClock: new RedisClock(systemClock),
      observer: { ended: count, wasted: count, passed: () => count('passed') },
      limitedLog: new RateLimitedLog(silentLog, systemClock),
      log: silentLog,
    });
  }

  read(id: string): PendingReply {
    const readAtMs = performance.now();
    return this.replies.desk.open(
      id,
      (payload) => `{"envelope_id":"${id}","payload":${payload}}`,
      (answer = 'plain') => {
        this.acknowledged.push({ id, answer, afterMs: performance.now() - readAtMs });
        return true;
      },
    );
  }

  queued(id: string): PendingReply {
    const reply = this.read(id);
    reply.settled({ kind: 'queued' });
    return reply;
  }

  untilAcknowledged(count: number): Promise<unknown> {
    return waitFor(() => this.acknowledged.length >= count, { what: `${count} acknowledgements` });
  }

  untilCounted(what: string, count = 1): Promise<unknown> {
    return waitFor(() => (this.counts.get(what) ?? 0) >= count, { what: `${count} ${what}` });
  }
}

/** What an application does. */
export class Application {
  readonly #redis: TestRedis;

  constructor(redis: TestRedis) {
    this.#redis = redis;
  }

  async answer({ address }: PendingReply, payload: unknown): Promise<void> {
    await this.#redis.rpush(address.to, JSON.stringify({ id: address.id, payload }));
  }

  /** Why an answer went nowhere, once it is written. */
  fault(id: string): Promise<ReplyFault> {
    return waitFor(
      async () => {
        const json = await this.#redis.get(replyFaultKey(id));
        return json === null ? undefined : (JSON.parse(json) as ReplyFault);
      },
      { what: `a fault of ${id}` },
    );
  }
}

/** The connection is there again. */
export const untilReady = async (redis: TestRedis): Promise<void> => {
  if (redis.status !== 'ready') await once(redis, 'ready');
};
