import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { redisErrorText } from '../../core/redis.ts';
import { DRAIN_RETURN_MS, SESSION_RENEW_MS, SESSION_TTL_MS, type Session } from '../../core/session.ts';
import { Beat } from '../beat.ts';
import type { Renew, Renewal } from './renewal.ts';

/** What stays the same as long as the process lives. */
export type SessionIdentity = Pick<Session, 'pod' | 'incarnation' | 'zone' | 'capacity' | 'pid'>;
/** What a renewal takes along as it is at that moment. */
export type SessionContent = Pick<Session, 'version' | 'keyIDs' | 'reportVersion' | 'faults'>;

export interface SessionKeeperOptions {
  renew: Renew;
  identity: SessionIdentity;
  content(): SessionContent;
  /** Each answer of Redis; `sentAtMs` is monotonic. */
  onRenewed(renewal: Renewal, sentAtMs: number): void;
  /** Redis has taken the first session of this process, or the first that drains or has left: the planner should look. */
  onNews?(): void;
  /** For metrics. */
  onResult?(result: RenewalResult): void;
  clock: Clock;
  log: Log;
}

export const RENEWAL_RESULTS = ['renewed', 'rival', 'failed'] as const;
export type RenewalResult = (typeof RENEWAL_RESULTS)[number];

/** Changes of a moment go out together. */
const DEBOUNCE_MS = 100;
/** While Redis is away, so that a lease of 15 s survives a short break; and while draining, to end when released. */
const SOON_MS = 1_000;
/** Faults change by themselves; they are looked at so often. */
const WATCH_MS = 1_000;
/** The key of a process that has left stays at least so long, so that its last word can be read. */
const LEAST_TTL_MS = 1_000;

/** A draining session outlives its process until the pod is no longer expected back; a live one always has its lease. */
export function sessionTtlMs(drainingSinceMs: number, redisNowMs: number, leaving: boolean): number {
  if (drainingSinceMs === 0) return SESSION_TTL_MS;
  const returnMs = Math.round(drainingSinceMs + DRAIN_RETURN_MS - redisNowMs);
  return Math.max(leaving ? LEAST_TTL_MS : SESSION_TTL_MS, returnMs);
}

/**
 * Keeps the pod's session lease. Losing it closes nothing: it only tells the planner that this pod lives, and dedupe
 * gives correctness whatever the planner believes.
 */
export class SessionKeeper {
  readonly #options: SessionKeeperOptions;
  readonly #beat: Beat;
  #watch: NodeJS.Timeout | undefined;
  #takeName = true;
  /** Monotonic time at which the last renewal that Redis granted was sent. */
  #renewedAtMs: number | undefined;
  #startedAtMs: number;
  #error: string | undefined;
  #rival: string | undefined;
  #sent = '';
  #told: Session['state'] | 'left' | undefined;
  #drainingSinceMs = 0;
  #redisNowMs: () => number = () => 0;
  #leaving = false;
  #left = false;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    this.#beat = new Beat(() => this.#renew(), options.clock);
    this.#startedAtMs = options.clock.monotonicMs();
  }

  start(): void {
    this.#startedAtMs = this.#options.clock.monotonicMs();
    this.#beat.soon(0);
    this.#watch = setInterval(() => this.renewSoon(), WATCH_MS);
  }

  /** Something that the session carries may have changed: renews if it has. */
  renewSoon(): void {
    if (this.#sent !== '' && JSON.stringify(this.#session()) !== this.#sent) this.#beat.soon(DEBOUNCE_MS);
  }

  /** @returns whether Redis has the session as it is now */
  async renewNow(): Promise<boolean> {
    await this.#beat.now();
    return this.#error === undefined && this.#rival === undefined;
  }

  /** The younger process under this pod's name, if there is one. */
  get rival(): string | undefined {
    return this.#rival;
  }

  /** Ms since the last renewal that Redis granted, or since the start if there was none. */
  ageMs(): number {
    return this.#options.clock.monotonicMs() - (this.#renewedAtMs ?? this.#startedAtMs);
  }

  /** Why the last renewal failed; undefined when it did not. */
  get error(): string | undefined {
    return this.#error;
  }

  get drainingSinceMs(): number {
    return this.#drainingSinceMs;
  }

  /** From now on the session says `draining`. @param redisNowMs Redis time as this process knows it */
  beginDraining(redisNowMs: () => number): void {
    this.#redisNowMs = redisNowMs;
    this.#drainingSinceMs = Math.round(redisNowMs());
    this.#beat.soon(0);
  }

  /** The sockets are closed: whoever shows what lives must not wait for the rest of this process. */
  tellLeft(): void {
    if (this.#drainingSinceMs === 0) return;
    this.#left = true;
    this.#beat.soon(0);
  }

  /** Leaves the last word of a draining process behind, with what remains of its time, and ends. */
  async leave(): Promise<void> {
    clearInterval(this.#watch);
    this.#leaving = true;
    if (this.#drainingSinceMs > 0) await this.#beat.now();
    await this.#beat.stop();
  }

  #session(): Session {
    return {
      ...this.#options.identity,
      ...this.#options.content(),
      state: this.#drainingSinceMs === 0 ? 'up' : 'draining',
      drainingSinceMs: this.#drainingSinceMs,
      left: this.#left ? true : undefined,
    };
  }

  async #renew(): Promise<number> {
    const { renew, clock, onRenewed, onResult } = this.#options;
    const session = this.#session();
    const sentAtMs = clock.monotonicMs();
    const ttlMs = sessionTtlMs(this.#drainingSinceMs, this.#redisNowMs(), this.#leaving);
    this.#sent = JSON.stringify(session);
    try {
      const renewal = await renew(session, ttlMs, this.#takeName);
      this.#takeName = false;
      this.#noticeRival(renewal.rival);
      this.#error = undefined;
      onResult?.(renewal.rival === undefined ? 'renewed' : 'rival');
      onRenewed(renewal, sentAtMs);
      if (renewal.rival === undefined) this.#granted(session, sentAtMs);
      return this.#drainingSinceMs === 0 ? SESSION_RENEW_MS : SOON_MS;
    } catch (error) {
      this.#noticeError(redisErrorText(error));
      onResult?.('failed');
      return SOON_MS;
    }
  }

  #granted({ state, left }: Session, sentAtMs: number): void {
    this.#renewedAtMs = sentAtMs;
    const told = left === true ? 'left' : state;
    if (told === this.#told) return;
    this.#told = told;
    this.#options.onNews?.();
  }

  #noticeRival(rival: string | undefined): void {
    const { log, identity } = this.#options;
    if (rival !== undefined && rival !== this.#rival) {
      log.warn(
        { pod: identity.pod, incarnation: identity.incarnation, rival },
        'a younger process runs under this pod name and holds its session: give each connector a RELAX_POD of its own',
      );
    }
    if (rival === undefined && this.#rival !== undefined) log.info({ pod: identity.pod }, 'the pod name is ours again');
    this.#rival = rival;
  }

  #noticeError(error: string): void {
    // The same words every second help nobody.
    if (error !== this.#error) this.#options.log.warn({ error }, 'session lease not renewed, sockets stay');
    this.#error = error;
  }
}
