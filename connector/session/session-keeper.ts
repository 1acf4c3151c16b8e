import type { Clock } from '../../core/process/clock.ts';
import { DefectLog } from '../../core/process/defect.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import { DRAIN_RETURN_MS, SESSION_RENEW_MS, SESSION_TTL_MS, type Session } from '../../core/protocol/session.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { NameClaim, NameSeeker, Sought } from './name-seeker.ts';
import type { Renew, Renewal } from './renewal.ts';

/** What stays the same as long as the process lives. */
export type SessionIdentity = Pick<
  Session,
  'pod' | 'incarnation' | 'zone' | 'capacity' | 'pid' | 'owner' | 'machine' | 'startTicks'
>;
/** What a renewal sends, as of that moment. */
export type SessionContent = Pick<Session, 'version' | 'keyIDs' | 'reportVersion' | 'faults'>;

export interface SessionKeeperOptions {
  /** Asked until the name is ours. */
  seeker: Pick<NameSeeker, 'seek' | 'broke' | 'foreignWords'>;
  renew: Renew;
  identity: SessionIdentity;
  content(): SessionContent;
  /** Each answer of Redis; `sentAtMs` is monotonic. */
  onRenewed(renewal: Renewal, sentAtMs: number): void;
  /** From now on we run what is assigned to the name; called once. */
  onNamed?(): void;
  /** Redis has taken the first session of this process, or the first that drains or has left: the planner should look. */
  onNews?(): void;
  /** For metrics. */
  onResult?(result: RenewalResult): void;
  clock: Clock;
  log: Log;
}

export const RENEWAL_RESULTS = ['renewed', 'waiting', 'rival', 'foreign', 'failed'] as const;
export type RenewalResult = (typeof RENEWAL_RESULTS)[number];

/** Changes within this time are sent together. */
const DEBOUNCE_MS = 100;
/**
 * While Redis is away, so that a lease of 15 s survives a short break; while draining, to end when released; and while
 * the name is another's.
 */
const SOON_MS = 1_000;
/** Matched anywhere in the text: Redis before 7 puts a prefix before errors of scripts. */
const TAKES_NO_WRITES = /\b(OOM|READONLY|MISCONF|NOPERM|NOREPLICAS)\b/;
/** How often to log why a connector takes nothing. */
const SAY_AGAIN_MS = 60_000;
/** Faults change by themselves, so they are checked this often. */
const WATCH_MS = 1_000;
/** The key of a process that has left stays at least this long, so that its last state can be read. */
const LEAST_TTL_MS = 1_000;

/** A draining session outlives its process until the pod is no longer expected back; a live one always has its lease. */
export function sessionTtlMs(drainingSinceMs: number, redisNowMs: number, leaving: boolean): number {
  if (drainingSinceMs === 0) return SESSION_TTL_MS;
  const returnMs = Math.round(drainingSinceMs + DRAIN_RETURN_MS - redisNowMs);
  return Math.max(leaving ? LEAST_TTL_MS : SESSION_TTL_MS, returnMs);
}

/**
 * Keeps the pod's session lease (design rule 7). Losing it closes nothing: it only tells the planner that this pod is alive,
 * and dedupe gives correctness whatever the planner believes.
 */
export class SessionKeeper {
  readonly #options: SessionKeeperOptions;
  readonly #task: PeriodicTask;
  readonly #defects: DefectLog;
  #watch: NodeJS.Timeout | undefined;
  #named = false;
  /** Monotonic time at which the last renewal that Redis granted was sent. */
  #renewedAtMs: number | undefined;
  #startedAtMs: number;
  #error: string | undefined;
  #rival: string | undefined;
  #barred: string | undefined;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #content: SessionContent | undefined;
  #sent = '';
  #told: Session['state'] | 'left' | undefined;
  #drainingSinceMs = 0;
  #redisNowMs: () => number = () => 0;
  #leaving = false;
  #left = false;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    this.#task = new PeriodicTask('session', () => this.#renew(), options.log, options.clock);
    this.#defects = new DefectLog(options.log, options.clock);
    this.#startedAtMs = options.clock.monotonicMs();
  }

  start(): void {
    this.#startedAtMs = this.#options.clock.monotonicMs();
    this.#task.soon(0);
    this.#watch = setInterval(() => this.renewSoon(), WATCH_MS);
  }

  /** Something that the session carries may have changed: renews if it has. */
  renewSoon(): void {
    if (this.#sent !== '' && JSON.stringify(this.#session()) !== this.#sent) this.#task.soon(DEBOUNCE_MS);
  }

  /** @returns whether Redis has the session as it is now */
  async renewNow(): Promise<boolean> {
    await this.#task.now();
    return this.#error === undefined && this.mayReport;
  }

  /** We run what is assigned to this pod's name. A rival does not end that: two processes of one pod only cost sockets. */
  get mayAct(): boolean {
    return this.#named && this.#barred === undefined;
  }

  /** What is reported under this pod's name comes from us. */
  get mayReport(): boolean {
    return this.mayAct && this.#rival === undefined;
  }

  /** Why nothing may be taken up under this name, in words that a person can act on. */
  get barred(): string | undefined {
    return this.#barred;
  }

  /** The process that took this pod's name from us, if there is one. */
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
    this.#task.soon(0);
  }

  /** The sockets are closed: whoever shows what lives must not wait for the rest of this process. */
  tellLeft(): void {
    if (this.#drainingSinceMs === 0) return;
    this.#left = true;
    this.#task.soon(0);
  }

  /** Writes the last state of a draining process, with what remains of its time, and ends. */
  async leave(): Promise<void> {
    clearInterval(this.#watch);
    this.#leaving = true;
    if (this.#drainingSinceMs > 0) await this.#task.now();
    await this.#task.stop();
  }

  #session(): Session {
    return {
      ...this.#options.identity,
      ...this.#contentNow(),
      state: this.#drainingSinceMs === 0 ? 'up' : 'draining',
      drainingSinceMs: this.#drainingSinceMs,
      left: this.#left ? true : undefined,
    };
  }

  /** What can't be read now keeps its last value: a defect elsewhere must not end the lease of a pod whose sockets live. */
  #contentNow(): SessionContent {
    try {
      this.#content = this.#options.content();
    } catch (error) {
      if (this.#content === undefined) throw error;
      this.#defects.report('the content of the session', error);
    }
    return this.#content;
  }

  /** Only calls to Redis are inside a `try`: what a callback throws says nothing about the lease. */
  async #renew(): Promise<number> {
    const { seeker } = this.#options;
    if (this.#named) return this.#renewLease(undefined);
    let sought: Sought;
    try {
      sought = await seeker.seek();
    } catch (error) {
      return this.#failed(error);
    }
    if (sought.kind === 'claim') return this.#renewLease(sought.claim);
    this.#error = undefined;
    this.#setBarred(sought.words);
    this.#tellResult(sought.by);
    return SOON_MS;
  }

  async #renewLease(claim: NameClaim | undefined): Promise<number> {
    const { clock, renew } = this.#options;
    const sentAtMs = clock.monotonicMs();
    const session = this.#session();
    const ttlMs = sessionTtlMs(this.#drainingSinceMs, this.#redisNowMs(), this.#leaving);
    this.#sent = JSON.stringify(session);
    let renewal: Renewal;
    try {
      renewal = await renew(session, ttlMs, claim);
    } catch (error) {
      // The name was judged free, and Redis answers but takes no writes: the sockets are up by the time it does.
      if (claim !== undefined && TAKES_NO_WRITES.test(errorText(error))) this.#setNamed();
      return this.#failed(error);
    }
    this.#error = undefined;
    return this.#answered(renewal, session, sentAtMs);
  }

  #answered(renewal: Renewal, session: Session, sentAtMs: number): number {
    const { seeker, onRenewed } = this.#options;
    this.#setBarred(renewal.foreign === undefined ? undefined : seeker.foreignWords(renewal.foreign));
    // Another process was faster.
    if (!this.#named && renewal.rival !== undefined) return SOON_MS;
    this.#noticeRival(renewal.rival);
    const granted = renewal.rival === undefined && renewal.foreign === undefined;
    if (granted) this.#setNamed();
    this.#tellResult(granted ? 'renewed' : renewal.foreign === undefined ? 'rival' : 'foreign');
    this.#tell('a renewal of the session', () => onRenewed(renewal, sentAtMs));
    if (granted) this.#granted(session, sentAtMs);
    return this.#drainingSinceMs === 0 && renewal.foreign === undefined ? SESSION_RENEW_MS : SOON_MS;
  }

  #failed(error: unknown): number {
    if (!this.#named) this.#options.seeker.broke();
    const text = redisErrorText(error);
    // Logged when it changes: the same words every second help nobody.
    if (text !== this.#error)
      this.#options.log.warn({ error: text }, 'could not renew the session lease, keeping sockets open');
    this.#error = text;
    this.#tellResult('failed');
    return SOON_MS;
  }

  #tell(what: string, callback: () => void): void {
    this.#defects.run(`what follows ${what}`, callback);
  }

  #tellResult(result: RenewalResult): void {
    this.#tell('a result of a renewal', () => this.#options.onResult?.(result));
  }

  #setNamed(): void {
    if (this.#named) return;
    this.#named = true;
    this.#setBarred(undefined);
    this.#tell('the first claim of the pod name', () => this.#options.onNamed?.());
  }

  #granted({ state, left }: Session, sentAtMs: number): void {
    this.#renewedAtMs = sentAtMs;
    const told = left === true ? 'left' : state;
    if (told === this.#told) return;
    this.#told = told;
    this.#tell('news of the session', () => this.#options.onNews?.());
  }

  #noticeRival(rival: string | undefined): void {
    const { log, identity } = this.#options;
    if (rival !== undefined && rival !== this.#rival) {
      log.warn(
        { pod: identity.pod, incarnation: identity.incarnation, rival },
        'another process took this pod name while its lease was not renewed: give each connector a RELAX_POD of its own',
      );
    }
    if (rival === undefined && this.#rival !== undefined) log.info({ pod: identity.pod }, 'holding the pod name again');
    this.#rival = rival;
  }

  #setBarred(words: string | undefined): void {
    const { log, clock, identity } = this.#options;
    const nowMs = clock.monotonicMs();
    if (words !== undefined && (words !== this.#barred || nowMs - this.#saidAtMs >= SAY_AGAIN_MS)) {
      this.#saidAtMs = nowMs;
      log.warn(
        { pod: identity.pod, incarnation: identity.incarnation, why: words },
        'not taking assignments under this pod name',
      );
    }
    if (words === undefined && this.#barred !== undefined) log.info({ pod: identity.pod }, 'acquired the pod name');
    this.#barred = words;
  }
}
