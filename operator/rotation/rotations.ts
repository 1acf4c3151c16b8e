import { errorText } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import { systemTimers } from '../../core/process/timers.ts';
import type { Lineage } from '../../core/protocol/rotation.ts';
import { tokenDigest } from '../../core/protocol/token.ts';
import { LineageReader } from './lineage-reader.ts';
import {
  decisionFor,
  type LineageState,
  type LineageUser,
  newLineage,
  newUser,
  pairFor,
  troubleOf,
} from './lineage-state.ts';
import { PairRefresh } from './pair-refresh.ts';
import { lineageOf, type RotatingSecret } from './rotating-secret.ts';
import type { RotationOptions } from './rotation-options.ts';
import { RotationStore } from './rotation-store.ts';
import { type RotationVerdict, rotationVerdict } from './rotation-verdict.ts';
import { SecretWriteBack } from './secret-write-back.ts';

/** What a reconciler may ask. */
export interface Rotation {
  /**
   * The token to use in place of the Secret's, as far as is known now; `onChange` is called when that changes.
   * @param secret undefined: the SlackBot has no rotating token, or none that can be read
   */
  apply(uid: string, secret: RotatingSecret): AppliedRotation;
  /** Slack says of the token that was applied that it has expired, or no longer does. */
  setExpired(uid: string, isExpired: boolean): void;
  /** What its Events should say now; said once. */
  takeNews(uid: string): LineageUser['news'];
  /** It no longer has a rotating token, or is gone. */
  release(uid: string): void;
  /** Another operator has it: nothing of it is removed. */
  leave(uid: string): void;
}

export type AppliedRotation =
  /** Redis has not been asked yet, so the Secret's token may be one that was replaced long ago. */
  { kind: 'unknown'; message: string } | ({ kind: 'known'; token: string } & RotationVerdict);

/** Changes by other clusters are seen within this time; nothing depends on it, since they come 2 h before the expiry. */
const POLL_MS = 60_000;
/** While a token has expired, another cluster or process may be about to replace it. */
const EXPIRED_POLL_MS = 5_000;
const REDIS_RETRY_MS = 1_000;
const IDLE_MS = 1_000;
/** Reads that are under way at once. */
const MOST_READS = 200;

/**
 * The rotating tokens of one operator, or of standalone mode: which pair is the newest, and that it is replaced in time.
 * Redis comes first: a pair that Slack has just given is used, and written into a Secret, once Redis has it.
 */
export class Rotations implements Rotation {
  readonly #options: RotationOptions;
  readonly #store: RotationStore;
  readonly #reader: LineageReader;
  readonly #refresh: PairRefresh;
  readonly #writeBack: SecretWriteBack;
  readonly #lineages = new Map<string, LineageState>();
  readonly #ofUser = new Map<string, LineageState>();
  readonly #stopping = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  readonly #round: PeriodicTask;
  #unlisten = (): void => {};
  #rights = '';

  constructor(options: RotationOptions) {
    this.#options = options;
    this.#store = new RotationStore(options.redis, options.cluster);
    this.#reader = new LineageReader(options, this.#store);
    this.#refresh = new PairRefresh(options, this.#store, this.#reader, this.#stopping.signal);
    this.#writeBack = new SecretWriteBack(options);
    this.#round = new PeriodicTask('rotation of tokens', () => this.#attendDue(), options.log);
  }

  start(): void {
    // A Redis that was away may have lost what it had last. Until it has it again, no other process may know the newest pair.
    this.#unlisten = this.#options.redis.onReady(() => this.#lookAtAll());
    this.#round.soon(0);
  }

  /** Ends when what Slack has given is in Redis, or that was tried for a few seconds. */
  async stop(): Promise<void> {
    this.#unlisten();
    this.#stopping.abort(new Error('the rotation of tokens stopped'));
    await this.#round.stop();
    await Promise.all(this.#tasks);
  }

  apply(uid: string, secret: RotatingSecret): AppliedRotation {
    const lineage = lineageOf(secret);
    const state = this.#lineages.get(nameOf(lineage)) ?? newLineage(lineage);
    const before = this.#ofUser.get(uid);
    if (before !== undefined && before !== state) this.release(uid);
    this.#lineages.set(nameOf(lineage), state);
    this.#ofUser.set(uid, state);
    const user = state.users.get(uid);
    if (user === undefined) {
      state.users.set(uid, newUser(uid, secret));
      this.#look(state);
    } else {
      const isSame = JSON.stringify(user.secret) === JSON.stringify(secret);
      user.secret = secret;
      if (!isSame) user.write = { ...user.write, dueMs: 0 };
      if (!isSame) this.#look(state);
    }
    return this.#judge(state, state.users.get(uid) ?? newUser(uid, secret));
  }

  setExpired(uid: string, isExpired: boolean): void {
    const state = this.#ofUser.get(uid);
    const user = state?.users.get(uid);
    if (state === undefined || user === undefined || state.stored === undefined) return;
    const { token } = pairFor(state, user, decisionFor(state, user, systemTimers.wallMs()));
    const expired = isExpired ? tokenDigest(token) : undefined;
    if (user.expiredToken === expired) return;
    user.expiredToken = expired;
    if (isExpired) this.#look(state);
  }

  takeNews(uid: string): LineageUser['news'] {
    const user = this.#ofUser.get(uid)?.users.get(uid);
    const news = user?.news;
    if (user !== undefined) user.news = undefined;
    return news;
  }

  release(uid: string): void {
    const state = this.leave(uid);
    if (state === undefined || !this.#options.mayRefresh()) return;
    this.#do(async () => {
      await this.#store.release(state.lineage, uid).catch((error: unknown) => {
        this.#options.log.warn({ error: errorText(error) }, 'could not remove a rotating token from Redis');
      });
    });
  }

  leave(uid: string): LineageState | undefined {
    const state = this.#ofUser.get(uid);
    this.#ofUser.delete(uid);
    state?.users.delete(uid);
    if (state !== undefined && state.users.size === 0) this.#lineages.delete(nameOf(state.lineage));
    return state;
  }

  #judge(state: LineageState, user: LineageUser): AppliedRotation {
    const applied = this.#applied(state, user);
    user.told = saidTo(applied);
    return applied;
  }

  #applied(state: LineageState, user: LineageUser): AppliedRotation {
    if (state.stored === undefined) {
      return { kind: 'unknown', message: 'Redis has not said yet whether it has a newer token than the Secret.' };
    }
    const decision = decisionFor(state, user, systemTimers.wallMs());
    const pair = pairFor(state, user, decision);
    const verdict = rotationVerdict({
      decision,
      follows: user.secret.refresh === 'Follow',
      trouble: troubleOf(state, user, pair),
      sealed: state.sealed,
      unwritten: user.write.error,
      writesBack: this.#options.writes !== undefined && user.secret.home !== undefined,
    });
    return { kind: 'known', token: pair.token, ...verdict };
  }

  #look(state: LineageState): void {
    state.dueMs = 0;
    this.#round.soon(0);
  }

  /** @returns ms until the next round */
  async #attendDue(): Promise<number> {
    this.#noticeRights();
    const nowMs = systemTimers.monotonicMs();
    const due = [...this.#lineages.values()].filter(({ busy, dueMs }) => !busy && dueMs <= nowMs);
    if (due.length === 0) return this.#idleMs(nowMs);
    if (!this.#options.redis.isReady) return REDIS_RETRY_MS;
    await Promise.all(due.slice(0, MOST_READS).map((state) => this.#attend(state)));
    return 0;
  }

  #idleMs(nowMs: number): number {
    let ms = IDLE_MS;
    for (const { busy, dueMs } of this.#lineages.values()) if (!busy) ms = Math.min(ms, dueMs - nowMs);
    return ms;
  }

  /** A new leader does at once what the last one left undone. */
  #noticeRights(): void {
    const { mayRefresh, writes } = this.#options;
    const rights = `${mayRefresh()} ${writes?.right() !== undefined}`;
    if (rights === this.#rights) return;
    this.#rights = rights;
    this.#lookAtAll();
  }

  #lookAtAll(): void {
    for (const state of this.#lineages.values()) state.dueMs = 0;
    this.#round.soon(0);
  }

  /** Reads what Redis has, and begins what is due. */
  async #attend(state: LineageState): Promise<void> {
    const { random = Math.random } = this.#options;
    // What comes meanwhile makes it due again.
    state.dueMs = systemTimers.monotonicMs() + POLL_MS * (0.9 + 0.2 * random());
    try {
      await this.#reader.read(state);
      await this.#reader.show(state);
    } catch (error) {
      this.#options.log.debug({ error: errorText(error) }, 'could not read a rotating token from Redis');
      state.dueMs = systemTimers.monotonicMs() + REDIS_RETRY_MS;
      return;
    }
    for (const user of state.users.values()) this.#begin(state, user);
    this.#tell(state);
  }

  #begin(state: LineageState, user: LineageUser): void {
    const { mayRefresh } = this.#options;
    const wallMs = systemTimers.wallMs();
    const nowMs = systemTimers.monotonicMs();
    const decision = decisionFor(state, user, wallMs);
    const soonest = (dueMs: number): void => {
      state.dueMs = Math.min(state.dueMs, dueMs);
    };
    if (decision.isExpired) soonest(nowMs + EXPIRED_POLL_MS);
    if (decision.refreshAtMs !== undefined && mayRefresh()) {
      const trouble = troubleOf(state, user, pairFor(state, user, decision));
      const dueMs = Math.max(nowMs + decision.refreshAtMs - wallMs, trouble?.nextTryMs ?? 0, state.notBeforeMs);
      if (dueMs > nowMs) soonest(dueMs);
      else if (!state.busy) this.#refreshNow(state, user, decision.isExpired);
    }
    if (decision.writeBack && state.known !== undefined) {
      const dueMs = this.#writeBack.dueMs(user);
      if (dueMs === undefined) return;
      if (dueMs > nowMs) soonest(dueMs);
      else this.#do(() => this.#writeNow(state, user));
    }
  }

  #refreshNow(state: LineageState, user: LineageUser, isUrgent: boolean): void {
    state.busy = true;
    this.#do(async () => {
      try {
        await this.#refresh.run(state, user, isUrgent);
      } finally {
        state.busy = false;
        this.#tell(state);
        state.dueMs = Math.min(state.dueMs, systemTimers.monotonicMs());
        this.#round.soon(0);
      }
    });
  }

  async #writeNow(state: LineageState, user: LineageUser): Promise<void> {
    if (state.known === undefined) return;
    await this.#writeBack.run(user, state.known);
    this.#tell(state);
    this.#look(state);
  }

  /** Has those judged again to whom something else applies than when they were judged. */
  #tell(state: LineageState): void {
    const told = [...state.users.values()].filter((user) => saidTo(this.#applied(state, user)) !== user.told);
    if (told.length > 0) this.#options.onChange(told.map(({ uid }) => uid));
  }

  #do(work: () => Promise<void>): void {
    const task = work().finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }
}

/** Equal texts: nothing has to be judged again. Without the token. */
const saidTo = (applied: AppliedRotation): string =>
  JSON.stringify(applied.kind === 'known' ? { ...applied, token: tokenDigest(applied.token) } : applied);

const nameOf = ({ teamID, clientDigest }: Lineage): string => `${teamID} ${clientDigest}`;
