import { DialSemaphore } from '#connector/budget/dial-semaphore.ts';
import { Outage } from '#connector/budget/outage.ts';
import { redisConnectBudget } from '#connector/budget/redis-connect-budget.ts';
import type { ReplyDesk } from '#connector/reply/reply-desk.ts';
import { HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import { SlotRunner } from '#connector/slot/slot-runner.ts';
import { wsOpenSocket } from '#connector/socket/ws-socket.ts';
import { createTransports, type TransportSpec } from '#connector/transport/transports.ts';
import type { Log } from '#core/process/log.ts';
import { RateLimitedLog } from '#core/process/rate-limited-log.ts';
import { systemTimers, type Timers } from '#core/process/timers.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import type { Redis } from '#core/redis/redis.ts';
import type { EgressProxy } from '#core/slack/egress-proxy.ts';
import { createWebApi } from '#core/slack/web-api.ts';
import { teamIDOf } from './subject-names.ts';
import type { FromSubject, SlotOrder } from './subject-protocol.ts';

const CLUSTER = 'c1';

/** Nothing here takes an answer. */
const NO_REPLIES: ReplyDesk = {
  open: (id, _textOf, acknowledge) => ({
    address: { to: 'replies', id, before: '' },
    settled: () => acknowledge(undefined),
    expire: () => {},
  }),
  takesNone: () => {},
};

/** Knows how many of its timers neither fired nor were cancelled. */
class CountedTimers implements Timers {
  readonly #waiting = new Set<object>();

  get waiting(): number {
    return this.#waiting.size;
  }

  wallMs(): number {
    return systemTimers.wallMs();
  }

  monotonicMs(): number {
    return systemTimers.monotonicMs();
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer = {};
    this.#waiting.add(timer);
    const cancel = systemTimers.after(delayMs, () => {
      this.#waiting.delete(timer);
      fire();
    });
    return () => {
      this.#waiting.delete(timer);
      cancel();
    };
  }
}

export interface SubjectDeps {
  redis: Redis;
  redisNowMs(): number;
  log: Log;
  proxy: EgressProxy | undefined;
  tell(message: FromSubject): void;
}

/**
 * A slot as a connector makes it: Web API, websockets, budget. What the slots of a process share, each has for itself, so
 * that the faults of one row do not reach another.
 */
export class SubjectSlot {
  readonly #timers = new CountedTimers();
  readonly #running: SlotRunner<TransportSpec>;

  constructor(order: SlotOrder, { redis, redisNowMs, log, proxy, tell }: SubjectDeps) {
    const { id } = order;
    const spec = specOf(order);
    const timers = this.#timers;
    const transports = createTransports({
      webApi: createWebApi({ apiUrl: order.apiUrl }),
      cluster: CLUSTER,
      routes: { routesOf: () => undefined, whenRead: async () => {} },
    });
    const deps = {
      openSocket: wsOpenSocket({ proxy }),
      budget: redisConnectBudget(redis, 'subject', CLUSTER),
      dialSemaphore: new DialSemaphore(1),
      outage: new Outage(timers, log),
      heartbeats: new HeartbeatWheel(timers),
      replies: NO_REPLIES,
      redisNowMs,
      windowMs: 3_600_000,
      timers,
      random: Math.random,
      log,
      limitedLog: new RateLimitedLog(log, timers),
    };
    this.#running = new SlotRunner<TransportSpec>(
      spec,
      transports[spec.kind],
      {
        ...deps,
        refuse: () => {},
        offer: (normalized, settled) => {
          const text = normalized.kind === 'event' ? normalized.eventText : undefined;
          tell({ what: 'offered', id, kind: normalized.kind, text });
          settled?.({ kind: 'queued' });
        },
      },
      () => tell({ what: 'status', id, status: this.#running.status() }),
    );
  }

  start(): void {
    this.#running.start();
  }

  /** @returns how many of its timers are left */
  async stop(): Promise<number> {
    await this.#running.stop();
    return this.#timers.waiting;
  }
}

function specOf({ id, kind, token }: SlotOrder): TransportSpec {
  const shared = {
    slotID: `uid-${id}/0`,
    ownerUid: `uid-${id}`,
    bot: `bots/bot-${id}`,
    teamID: kind === 'rtm' ? teamIDOf(token) : 'T1',
    generation: 1,
    queueNamespace: 'shop',
    events: { include: [], exclude: [], own: false },
    token,
    tokenDigest: tokenDigest(token),
    rebalance: false,
  };
  return kind === 'rtm' ? { ...shared, kind } : { ...shared, kind, replies: false, delayedEvents: false };
}
