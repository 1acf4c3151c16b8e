import { DefectLog } from '../../core/process/defect.ts';
import type { Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import { type CommandKeys, commandKeys } from '../../core/protocol/keys.ts';
import { connectionFault } from '../../core/redis/fault.ts';
import type { BlockingRedis, Redis, RedisSubscriber } from '../../core/redis/redis.ts';
import type { WebApi } from '../../core/slack/web-api.ts';
import { type CommandObserver, CommandReader, commandFault } from './command-reader.ts';
import { Delivery, type DeliveryDeps, type DeliveryObserver } from './delivery.ts';
import { addresseeOf, addressOf, senderOf } from './outbox.ts';
import { OutboxSchedule } from './outbox-schedule.ts';
import { LOOK_PAGE, OutboxStore } from './outbox-store.ts';
import { PATIENCE_MS, patienceMs } from './post-verdict.ts';
import type { Senders } from './sender.ts';

export interface OutboundObserver extends CommandObserver, DeliveryObserver {}

export interface OutboundDeps {
  /** The list that applications push to (`RELAX_COMMANDS`). */
  commands: string;
  redis: Redis;
  /** Waits for commands; closed by `stop`. */
  waiting: BlockingRedis;
  subscriber: RedisSubscriber;
  senders: Senders;
  webApi: Pick<WebApi, 'call'>;
  refuse: DeliveryDeps['refuse'];
  observer: OutboundObserver;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
  log: Log;
  /** For which an outbox is this process's alone; tests shorten it. */
  leaseMs?: number;
  timers?: Timers;
}

/** What waits in the whole fleet. */
export interface Backlog {
  /** Addressees and channels with messages. */
  outboxes: number;
  /** The longest for which one of them has made no progress. */
  oldestMs: number;
}

/** For which a channel is silent when its connector has been killed. It is renewed while Slack is asked. */
const LEASE_MS = 10_000;
/** Renewals of a lease that may fail before it ends. */
const RENEWALS = 3;
const POSTS_AT_ONCE = 50;
/** Of one addressee: more than its bucket lets through while Slack answers within two seconds. */
const POSTS_OF_ONE = 10;
/** Whatever a nudge or a timer has missed is found by then. */
const LOOK_MS = 5_000;
/** Until a look because slots have changed, of which thousands may at once. */
const CHANGED_MS = 200;
/** Reserved, when stopping, for marks and for the caller. */
const ABORT_MS = 500;
/** Of outboxes in one nudge. */
const MOST_NUDGED = 1_000;

/** Messages of applications: taken from their list, kept in order for each channel, paced, and sent as a bot of this process. */
export class Outbound {
  readonly #deps: OutboundDeps;
  readonly #timers: Timers;
  readonly #keys: CommandKeys;
  readonly #store: OutboxStore;
  readonly #reader: CommandReader;
  readonly #delivery: Delivery;
  readonly #schedule: OutboxSchedule;
  readonly #look: PeriodicTask;
  /** Outboxes that all connectors have been told of, and that are served here because of that. */
  readonly #heard = new Set<string>();
  #unsubscribe: (() => void)[] = [];
  #startedAtMs = 0;
  /** Until then others may have had no Redis either, in which to mark what they have sent. */
  #leaveUntilMs = Number.NEGATIVE_INFINITY;
  #backlog: Backlog = { outboxes: 0, oldestMs: 0 };

  constructor(deps: OutboundDeps) {
    this.#deps = deps;
    const { redis, waiting, senders, webApi, refuse, observer, limitedLog, log } = deps;
    const { leaseMs = LEASE_MS, timers = systemTimers } = deps;
    this.#timers = timers;
    const keys = commandKeys(deps.commands);
    const shared = { timers, random: Math.random, observer, limitedLog };
    const leaveMs = (): number => Math.max(0, Math.ceil(this.#leaveUntilMs - timers.monotonicMs()));
    const store = new OutboxStore(redis, keys, { leaseMs, leaveMs });
    this.#keys = keys;
    this.#store = store;
    this.#reader = new CommandReader({
      ...shared,
      redis: waiting,
      keys,
      store,
      onRouted: (outboxes) => this.#onRouted(outboxes),
    });
    this.#delivery = new Delivery({ ...shared, store, renewMs: leaseMs / RENEWALS, senders, webApi, refuse });
    this.#schedule = new OutboxSchedule({
      serve: (outbox) => this.#serve(outbox),
      atOnce: POSTS_AT_ONCE,
      atOnceOfGroup: POSTS_OF_ONE,
      groupOf: addresseeOf,
      timers,
      defects: new DefectLog(log),
    });
    this.#look = new PeriodicTask('outboxes', () => this.#lookAround(), log);
  }

  get backlog(): Backlog {
    return this.#backlog;
  }

  start(): void {
    const { redis, subscriber, senders, leaseMs = LEASE_MS } = this.#deps;
    this.#startedAtMs = this.#timers.monotonicMs();
    this.#unsubscribe = [
      subscriber.onMessage((channel, message) => {
        if (channel === this.#keys.nudge) for (const outbox of message.split('\n')) this.#hear(outbox, 0);
      }),
      senders.onChange(() => this.#look.soon(0)),
      redis.onReady(() => {
        this.#leaveUntilMs = this.#timers.monotonicMs() + leaseMs;
        this.#look.soon(0);
      }),
    ];
    // Queued by the client until there is a connection. Without it, work is found by looking.
    subscriber.subscribe(this.#keys.nudge).catch((error: unknown) => this.#warn(error));
    this.#reader.start();
    this.#look.soon(0);
  }

  /** A bot that was here before may be able to send now: a socket of its has become live. */
  changed(): void {
    this.#look.soon(CHANGED_MS);
  }

  /**
   * Takes and claims nothing from now on, and waits for what Slack has been asked.
   * @param withinMs then those calls are given up, and another connector repeats them when the lease ends
   */
  async stop(withinMs: number): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#delivery.close();
    const planned = this.#schedule.stop();
    const idle = this.#schedule.idle();
    await Promise.all([this.#reader.stop(), this.#look.stop()]);
    const done = new AbortController();
    await Promise.race([
      idle.then(() => done.abort()),
      sleep(this.#timers, Math.max(0, withinMs - ABORT_MS), done.signal),
    ]);
    if (!done.signal.aborted) this.#delivery.abort();
    done.abort();
    await idle;
    this.#nudge(planned);
  }

  async #serve(outbox: string): Promise<number | undefined> {
    try {
      const isHeard = this.#heard.delete(outbox);
      const next = await this.#delivery.send(outbox);
      if (next !== 'elsewhere') return next;
      if (!isHeard) this.#nudge([outbox]);
      return undefined;
    } catch (error) {
      this.#warn(error);
      return undefined;
    }
  }

  /** Those that are served here, and the others to whoever serves them. */
  #onRouted(outboxes: ReadonlySet<string>): void {
    const others = [...outboxes].filter((outbox) => !this.#isServed(outbox));
    this.#wake([...outboxes]);
    this.#nudge(others);
  }

  #wake(outboxes: readonly string[]): void {
    for (const outbox of outboxes) if (this.#isServed(outbox)) this.#schedule.wake(outbox, 0);
  }

  #hear(outbox: string, inMs: number): void {
    if (!this.#isServed(outbox)) return;
    this.#heard.add(outbox);
    this.#schedule.wake(outbox, inMs);
  }

  #isServed(outbox: string): boolean {
    return senderOf(addressOf(outbox), this.#deps.senders) !== undefined;
  }

  #nudge(outboxes: readonly string[]): void {
    for (let at = 0; at < outboxes.length; at += MOST_NUDGED) {
      const names = outboxes.slice(at, at + MOST_NUDGED).join('\n');
      this.#deps.redis.publish(this.#keys.nudge, names).catch((error: unknown) => this.#warn(error));
    }
  }

  async #lookAround(): Promise<number> {
    if (!this.#deps.redis.isReady) return LOOK_MS;
    try {
      await this.#reader.route();
      await this.#findWork();
    } catch (error) {
      this.#warn(error);
    }
    return LOOK_MS;
  }

  async #findWork(): Promise<void> {
    for (let page = 0; ; page += 1) {
      const { outboxes, oldestMs, due, long } = await this.#store.look(LOOK_MS, PATIENCE_MS, page);
      this.#backlog = { outboxes, oldestMs };
      for (const { outbox, ms } of due) this.#hear(outbox, Math.max(0, ms));
      if (page === 0) await this.#giveUp(long);
      if (due.length < LOOK_PAGE) return;
    }
  }

  async #giveUp(long: readonly { outbox: string; ms: number }[]): Promise<void> {
    const upMs = this.#timers.monotonicMs() - this.#startedAtMs;
    for (const { outbox, ms } of long) {
      const mostMs = patienceMs({ upMs, isServed: this.#isServed(outbox) });
      if (ms < mostMs) continue;
      let left = MOST_NUDGED;
      while (left > 0 && (await this.#delivery.giveUp(outbox, mostMs))) left -= 1;
    }
  }

  #warn(error: unknown): void {
    // That there is no connection is logged by the client.
    if (connectionFault(error) !== undefined) return;
    const { redis, limitedLog } = this.#deps;
    limitedLog.warn(
      'outboxes',
      { error: commandFault(error, this.#keys, redis.user) },
      'messages wait, since Redis refused',
    );
  }
}
