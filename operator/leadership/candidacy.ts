import type { Log } from '../../core/process/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import { LeaderElector, type LeaderOptions } from './leader.ts';
import { type LeaderPatience, patienceAfterYield, patienceWithRedis, shouldYield } from './leader-patience.ts';

interface CandidacyOptions
  extends Pick<LeaderOptions, 'client' | 'namespace' | 'name' | 'identity' | 'times' | 'random'> {
  /** For how long Redis has not been read. */
  redisAwayMs: () => number;
  /** Elected: a term as leader begins. Must not throw. */
  onElected: () => void;
  /**
   * The term ends: the Lease is released once this has resolved, and the next candidacy begins.
   * @param isLost the Lease is or may be another's: stop writing at once
   */
  onEnded: (isLost: boolean) => Promise<void>;
  log: Log;
  timers?: Timers;
}

const LOOK_MS = 1_000;
/** How long a candidate that does not reach Redis lets others go first. */
const HANDICAP_MS = 10_000;
/** A candidate without an answer from Redis for this long counts as cut off. */
const CUT_OFF_MS = 5_000;

/** Runs for election as long as the process lives, again after each Lease that was lost or released. */
export class Candidacy {
  readonly #options: CandidacyOptions;
  readonly #timers: Timers;
  readonly #stopped = new AbortController();
  #elector: LeaderElector;
  #patience: LeaderPatience = patienceWithRedis;
  /** Ends the current term. */
  #lost: Promise<string>;
  #running: Promise<void> | undefined;
  #leading = false;

  constructor(options: CandidacyOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    [this.#elector, this.#lost] = this.#stand();
  }

  isLeader(): boolean {
    return this.#elector.isLeader();
  }

  /** Age of the last renewal of a Lease that we hold; undefined while we don't. */
  renewAgeMs(): number | undefined {
    return this.#elector.phase === 'leader' ? this.#elector.renewAgeMs() : undefined;
  }

  /** Another process holds the Lease, as far as we have seen. */
  hasRival(): boolean {
    return this.#elector.phase === 'candidate' && this.#elector.holder() !== '';
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the term as leader, if there is one, then releases the Lease. */
  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the candidacy ended'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (!signal.aborted) {
      this.#elector.start();
      await Promise.race([this.#lost, this.#untilYield(), stopped]);
      const held = this.#leading;
      this.#leading = false;
      if (held) await this.#options.onEnded(!this.#elector.isLeader());
      await this.#elector.stop();
      if (signal.aborted) return;
      [this.#elector, this.#lost] = this.#stand();
    }
    await this.#elector.stop();
  }

  #stand(): [LeaderElector, Promise<string>] {
    const { client, namespace, name, identity, log, times, random, redisAwayMs } = this.#options;
    const { promise, resolve } = Promise.withResolvers<string>();
    const elector = new LeaderElector({
      client,
      namespace,
      name,
      identity,
      log,
      timers: this.#timers,
      ...(times === undefined ? {} : { times }),
      ...(random === undefined ? {} : { random }),
      handicapMs: () => (redisAwayMs() >= CUT_OFF_MS ? HANDICAP_MS : 0),
      onElected: () => {
        this.#leading = true;
        this.#options.onElected();
      },
      onLost: resolve,
    });
    return [elector, promise];
  }

  /** Resolves when the Lease should be another's, since Redis has not been reached for too long. */
  async #untilYield(): Promise<void> {
    const { signal } = this.#stopped;
    const elector = this.#elector;
    let electedAtMs: number | undefined;
    while (!signal.aborted && elector === this.#elector) {
      await sleep(this.#timers, LOOK_MS, signal);
      const nowMs = this.#timers.monotonicMs();
      const awayMs = this.#options.redisAwayMs();
      if (awayMs < CUT_OFF_MS) this.#patience = patienceWithRedis;
      // If the whole process was suspended, we wake here first, and it is our own renewal that is late.
      if (!elector.isLeader()) continue;
      electedAtMs ??= nowMs;
      if (!shouldYield(this.#patience, { awayMs, leadingMs: nowMs - electedAtMs })) continue;
      this.#patience = patienceAfterYield(this.#patience);
      this.#options.log.warn({ awaySeconds: Math.round(awayMs / 1000) }, 'giving up the lease: Redis is unreachable');
      return;
    }
  }
}
