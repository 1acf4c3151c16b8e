import { errorText } from '../../core/process/log.ts';
import { SealError } from '../../core/protocol/seal.ts';
import { redisErrorText, redisFault } from '../../core/redis/fault.ts';
import type { Unsubscribe } from '../../core/redis/redis.ts';
import { FleetRound, type RoundCounts } from './fleet-round.ts';
import type { FleetView } from './fleet-view.ts';
import type { PlannerLock } from './planner-lock.ts';
import { DEFAULT_PLANNER_TIMES, type PlannerOptions, type PlannerTimes } from './planner-options.ts';
import { Redlocked } from './redis-lock.ts';
import { ScopeOwnedError } from './scope-owner.ts';
import { LockLostError } from './writer.ts';

/**
 * Brings about the desired state: reads sessions, assignments and reports, plans, writes. It is one loop that holds the
 * planner lock of its cluster scope, or waits for it and meanwhile only observes. None of its methods throws.
 */
export class Planner {
  readonly #options: PlannerOptions;
  readonly #times: PlannerTimes;
  readonly #lock: PlannerLock;
  readonly #round: FleetRound;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  /** Since when nobody has the lock, while another process is given time to take it. */
  #freeSinceMs: number | undefined;
  #leads = false;
  /** The lock is ours, and what is desired is being brought up to date. */
  #preparing: Promise<void> | undefined;
  /** A round or the lock keeper is asking for the lock; both at once could undo each other. */
  #locking = false;
  #keeper: NodeJS.Timeout | undefined;
  #nudged = false;
  #wake: (() => void) | undefined;
  #unsubscribe: Unsubscribe | undefined;
  #fault: string | undefined;

  constructor(options: PlannerOptions) {
    const { redis, keys, clock } = options;
    this.#options = options;
    this.#times = { ...DEFAULT_PLANNER_TIMES, ...options.times };
    this.#lock = options.lock ?? new Redlocked(redis, keys.planner, this.#times.lockTtlMs, clock);
    this.#round = new FleetRound(options, this.#times);
  }

  start(): void {
    if (this.#running !== undefined) return;
    const { subscriber, keys, log } = this.#options;
    this.#unsubscribe = subscriber.onMessage(this.#heard);
    subscriber.subscribe(keys.plannerNudge).catch((error: unknown) => {
      // Rounds come at least every second all the same.
      if (!this.#stopped) log.warn({ error: errorText(error) }, 'planner could not subscribe to nudges');
    });
    this.#keeper = setInterval(() => void this.#keepLock(), this.#times.lockExtendMs);
    this.#running = this.#run();
  }

  /** What is desired has changed. */
  nudge(): void {
    this.#nudged = true;
    this.#wake?.();
  }

  /** Ends the loop after the write under way and frees the lock. */
  async stop(): Promise<void> {
    const { subscriber, keys } = this.#options;
    this.#stopping.abort(new Error('the planner stopped'));
    clearInterval(this.#keeper);
    this.nudge();
    this.#unsubscribe?.();
    if (this.#running !== undefined && subscriber.isReady) {
      await subscriber.unsubscribe(keys.plannerNudge).catch(() => {});
    }
    await this.#running;
    await this.#lock.release();
    this.#leave();
  }

  /** The fleet after the last round; the last one while Redis is unreachable. */
  view(): FleetView {
    return this.#round.view();
  }

  /** When Redis last answered it, by the clock of its options; the time of construction before the first time. */
  heardAtMs(): number {
    return this.#round.heardAtMs();
  }

  /** True while this planner is the one that plans, for what only one may do. */
  leads(): boolean {
    return this.#leads && this.#lock.value() !== undefined;
  }

  /** What keeps the fleet from being planned, in words that an administrator can act on; empty if nothing does. */
  faults(): string[] {
    return this.#fault === undefined ? [...this.#round.faults()] : [this.#fault, ...this.#round.faults()];
  }

  readonly #heard = (channel: string): void => {
    if (channel === this.#options.keys.plannerNudge) this.nudge();
  };

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#nudged = false;
      const startedAtMs = this.#options.clock.monotonicMs();
      await this.#once();
      await this.#rest(this.#options.clock.monotonicMs() - startedAtMs);
    }
  }

  async #once(): Promise<void> {
    const { clock, observer } = this.#options;
    const startedAtMs = clock.monotonicMs();
    let counts: RoundCounts | undefined;
    try {
      if (await this.#lead()) counts = await this.#round.run(() => this.#lock.value());
      else await this.#round.watch();
      this.#settleFault(undefined);
      if (counts?.again) this.nudge();
    } catch (error) {
      await this.#failed(error);
    }
    const { podWrites = 0, slotsWritten = 0, pending = 0, idle = false } = counts ?? {};
    observer?.round?.({
      tookMs: clock.monotonicMs() - startedAtMs,
      podWrites,
      slotsWritten,
      pending,
      idle,
      ...(this.#fault === undefined ? {} : { failed: this.#fault }),
    });
  }

  async #failed(error: unknown): Promise<void> {
    if (!refusesWrites(error)) this.#round.interrupted();
    if (isBug(error)) this.#options.log.error({ err: error }, 'planner round failed');
    // Our own clock may still call it ours.
    if (error instanceof LockLostError) await this.#lock.release();
    if (error instanceof LockLostError) this.#leave();
    else this.#settleFault(faultOf(error));
  }

  /** @returns false: another planner has the lock, or should have it */
  async #lead(): Promise<boolean> {
    if (this.#lock.value() === undefined) {
      this.#leave();
      // The keeper is asking; it may be ours again in a moment.
      if (this.#locking || (await this.#hesitates())) return false;
      this.#locking = true;
      try {
        if (!(await this.#lock.acquire())) return false;
      } finally {
        this.#locking = false;
      }
      this.#options.log.info({ cluster: this.#options.cluster }, 'acquired the planner lock');
      this.#prepare();
    }
    if (this.#leads) return true;
    if (this.#preparing !== undefined) return false;
    this.#leads = true;
    this.#round.tookOver();
    this.#options.observer?.leading?.(true);
    return true;
  }

  /** Beside the rounds, which go on looking meanwhile. */
  #prepare(): void {
    const preparing = this.#options.prepare?.(this.#stopping.signal);
    this.#preparing = preparing;
    void preparing?.finally(() => {
      // The lock may have been lost and taken again since.
      if (this.#preparing !== preparing) return;
      this.#preparing = undefined;
      this.nudge();
    });
  }

  async #hesitates(): Promise<boolean> {
    const { redis, keys, clock, hesitates } = this.#options;
    if (hesitates?.() !== true || (await redis.exists(keys.planner)) === 1) {
      this.#freeSinceMs = undefined;
      return false;
    }
    const nowMs = clock.monotonicMs();
    this.#freeSinceMs ??= nowMs;
    return nowMs - this.#freeSinceMs < this.#times.lockTtlMs;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #leave(): void {
    if (!this.#leads) return;
    this.#leads = false;
    this.#options.log[this.#stopped ? 'info' : 'warn'](
      { cluster: this.#options.cluster },
      'no longer holding the planner lock',
    );
    this.#options.observer?.leading?.(false);
  }

  /** Runs concurrently with the rounds, since a round may take longer than the lock's TTL. */
  async #keepLock(): Promise<void> {
    if (this.#locking || this.#lock.value() === undefined) return;
    this.#locking = true;
    try {
      if (!(await this.#lock.extend())) this.nudge();
    } catch (error) {
      // Ours until the local deadline; the next try may be in time.
      this.#options.log.debug({ error: errorText(error) }, 'could not extend the planner lock');
    } finally {
      this.#locking = false;
    }
  }

  #settleFault(fault: string | undefined): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    if (fault === undefined) this.#options.log.info('planning resumed');
    else this.#options.log.warn({ fault }, 'planning is blocked');
  }

  async #rest(tookMs: number): Promise<void> {
    const { coalesceMs, roundMs } = this.#times;
    // What is nudged within this time shares the next round.
    if (!this.#stopped) await this.#pause(Math.max(0, coalesceMs - tookMs), () => this.#stopped);
    await this.#pause(roundMs - Math.max(coalesceMs, tookMs), () => this.#nudged || this.#stopped);
  }

  /** @param over asked at the start and at each nudge */
  async #pause(ms: number, over: () => boolean): Promise<void> {
    if (ms <= 0 || over()) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#wake = () => {
        if (over()) end();
      };
    });
  }
}

/** Redis was read all the same, so what was seen of the fleet stands. */
const refusesWrites = (error: unknown): boolean => /^(OOM|MISCONF|NOPERM)/.test(errorText(error));

const isBug = (error: unknown): boolean => error instanceof TypeError || error instanceof RangeError;

function faultOf(error: unknown): string {
  if (error instanceof ScopeOwnedError) return error.message;
  if (error instanceof SealError) return `tokens can't be sealed: ${errorText(error)} (RELAX_FLEET_KEY_FILE)`;
  if (isBug(error)) return `unexpected error in the planner, please report it: ${errorText(error)}`;
  return redisFault(error) ?? `Redis is not answering the planner: ${redisErrorText(error)}`;
}
