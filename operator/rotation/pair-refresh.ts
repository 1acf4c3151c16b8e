import { backoffMs } from '../../core/process/backoff.ts';
import { errorText } from '../../core/process/log.ts';
import { sleep, systemTimers } from '../../core/process/timers.ts';
import { rotationLockKey } from '../../core/protocol/keys.ts';
import type { RotationRecord } from '../../core/protocol/rotation.ts';
import { tokenDigest } from '../../core/protocol/token.ts';
import { type RefreshAnswer, refreshTokens } from '../../core/slack/token-refresh.ts';
import { Redlocked } from '../fleet/redis-lock.ts';
import { newerRecord, refusedWith } from './decide-rotation.ts';
import type { LineageReader } from './lineage-reader.ts';
import {
  decisionFor,
  type KnownPair,
  type LineageState,
  type LineageUser,
  pairFor,
  troubleOf,
} from './lineage-state.ts';
import { RefreshTurns } from './refresh-turns.ts';
import { requestDigest } from './rotating-secret.ts';
import { refreshedRecord } from './rotation-memory.ts';
import type { RotationOptions } from './rotation-options.ts';
import type { RotationStore } from './rotation-store.ts';
import { type RefreshTrouble, SAID_AFTER_FAILURES } from './rotation-verdict.ts';

/**
 * Longer than a call of Slack may take (12 s), and no longer than that: after a crash the next process has to ask within Slack's
 * grace period.
 */
const LOCK_TTL_MS = 15_000;
/** Another process is refreshing it. */
const LOCKED_AGAIN_MS = 1_000;
const FAILING = { baseMs: 1_000, capMs: 300_000 };
/** While the bot has no token that works. */
const FAILING_EXPIRED = { baseMs: 1_000, capMs: 30_000 };
const REFUSED = { baseMs: 60_000, capMs: 3_600_000 };
const STORING = { baseMs: 100, capMs: 2_000 };
/** For a pair that Slack has given while Redis goes away and the program is told to end. */
const STORE_GRACE_MS = 5_000;

/** One refresh after the other of a rotating token, whoever asks; a few tokens at a time. */
export class PairRefresh {
  readonly #options: RotationOptions;
  readonly #store: RotationStore;
  readonly #reader: LineageReader;
  readonly #stopping: AbortSignal;
  readonly #turns: RefreshTurns;
  /** Client digest -> until when Slack wants no call for that app; monotonic. */
  readonly #paused = new Map<string, number>();

  constructor(options: RotationOptions, store: RotationStore, reader: LineageReader, stopping: AbortSignal) {
    this.#options = options;
    this.#store = store;
    this.#reader = reader;
    this.#stopping = stopping;
    this.#turns = new RefreshTurns(systemTimers, stopping);
  }

  /**
   * Never rejects. What came of it is in the state.
   * @param isUrgent it has no token that works
   */
  async run(state: LineageState, user: LineageUser, isUrgent: boolean): Promise<void> {
    try {
      if (await this.#turns.take(isUrgent)) await this.#inTurn(state, user);
    } finally {
      this.#turns.end();
    }
  }

  async #inTurn(state: LineageState, user: LineageUser): Promise<void> {
    const { redis, log } = this.#options;
    const pausedMs = (this.#paused.get(state.lineage.clientDigest) ?? 0) - systemTimers.monotonicMs();
    if (pausedMs > 0) return this.#again(state, pausedMs);
    const { teamID, clientDigest } = state.lineage;
    const lock = new Redlocked(redis, rotationLockKey(teamID, clientDigest), LOCK_TTL_MS, systemTimers);
    try {
      if (!(await lock.acquire())) return this.#again(state, LOCKED_AGAIN_MS);
      await this.#locked(state, user, () => lock.value() !== undefined);
    } catch (error) {
      // Redis: without it no pair would be safe, so Slack is not asked.
      log.warn({ team: teamID, error: errorText(error) }, 'could not refresh a token');
      this.#again(state, LOCKED_AGAIN_MS);
    } finally {
      await lock.release();
    }
  }

  #again(state: LineageState, delayMs: number): void {
    state.notBeforeMs = systemTimers.monotonicMs() + delayMs;
  }

  async #locked(state: LineageState, user: LineageUser, holds: () => boolean): Promise<void> {
    await this.#reader.read(state);
    const askedAtMs = systemTimers.wallMs();
    const decision = decisionFor(state, user, askedAtMs);
    const { refreshAtMs = Number.POSITIVE_INFINITY } = decision;
    if (refreshAtMs > askedAtMs) return this.#options.observer.refreshed('found');
    if (!holds() || this.#stopping.aborted || !state.users.has(user.uid)) return;
    const { refreshToken } = pairFor(state, user, decision);
    const { clientID, clientSecret } = user.secret;
    const [key] = this.#options.fleetKeys();
    if (key === undefined || (await this.#isRefused(state, user, refreshToken))) return;
    const answer = await refreshTokens(
      this.#options.webApi,
      { clientID, clientSecret, refreshToken },
      new AbortController().signal,
    );
    if (answer.kind !== 'ok') return this.#failed(state, user, refreshToken, answer, decision.isExpired);
    const { token, lifetimeMs } = answer;
    const pair = { token, refreshToken: answer.refreshToken };
    const next = refreshedRecord(state, pair, { askedAtMs, lifetimeMs }, refreshToken, key);
    await this.#keep(state, next);
    state.trouble = undefined;
  }

  /** Another process has asked the same, and Slack has refused it. */
  async #isRefused(state: LineageState, user: LineageUser, refreshToken: string): Promise<boolean> {
    const refusal = await this.#store.refusal(state.lineage);
    const restMs = (refusal?.nextTryMs ?? 0) - systemTimers.wallMs();
    const request = requestDigest(user.secret, refreshToken);
    // A clock that differs by hours must not hold it back for longer than any refusal does.
    if (refusal?.request !== request || restMs <= 0 || restMs > REFUSED.capMs) return false;
    const { failures, message } = refusal;
    const isKnown = troubleOf(state, user, { token: '', refreshToken }) !== undefined;
    state.trouble = { kind: 'refused', failures, message, request, nextTryMs: systemTimers.monotonicMs() + restMs };
    if (!isKnown) tellUsers(state, { ...state.trouble, failures: 1 });
    this.#options.observer.refreshed('found');
    return true;
  }

  /** Until Redis has the pair nothing else may use it; without it the pair would be lost with this process. */
  async #keep(state: LineageState, next: KnownPair): Promise<void> {
    const { observer, log } = this.#options;
    const { teamID } = state.lineage;
    const text = JSON.stringify(next.record);
    let endMs = Number.POSITIVE_INFINITY;
    for (let attempt = 0; systemTimers.monotonicMs() < endMs; attempt += 1) {
      if (this.#stopping.aborted) endMs = Math.min(endMs, systemTimers.monotonicMs() + STORE_GRACE_MS);
      try {
        if (await this.#store.store(state.lineage, state.stored?.text ?? '', text)) {
          state.stored = { shown: state.stored?.shown ?? new Map(), record: next.record, text };
          state.known = next;
          log.info({ team: teamID, expiresAt: expiryOf(next.record) }, 'refreshed a token');
          return observer.refreshed('refreshed');
        }
        const stored = await this.#store.read(state.lineage);
        state.stored = stored;
        if (newerRecord(stored.record, next.record) === 'stored') {
          // This process was held up for longer than the lock lasts.
          log.warn({ team: teamID }, 'another process has refreshed the same token meanwhile, using that one');
          return observer.refreshed('found');
        }
      } catch (error) {
        if (attempt === 0) log.warn({ team: teamID, error: errorText(error) }, 'a new token waits for Redis');
        await sleep(systemTimers, backoffMs(attempt, STORING, this.#random()), NEVER);
      }
    }
    log.error(
      { team: teamID },
      'a new token could not be stored in Redis before the end; the old one is refreshed again',
    );
    observer.refreshed('failed');
  }

  async #failed(
    state: LineageState,
    user: LineageUser,
    refreshToken: string,
    answer: Exclude<RefreshAnswer, { kind: 'ok' }>,
    isExpired: boolean,
  ): Promise<void> {
    const { observer, log } = this.#options;
    const before = troubleOf(state, user, { token: '', refreshToken });
    const kind = answer.kind === 'refused' ? 'refused' : 'failing';
    const failures = before?.kind === kind ? before.failures + 1 : 1;
    const policy = kind === 'refused' ? REFUSED : isExpired ? FAILING_EXPIRED : FAILING;
    const delayMs = Math.max(
      backoffMs(failures - 1, policy, this.#random()),
      answer.kind === 'retry' ? (answer.retryAfterMs ?? 0) : 0,
    );
    const nowMs = systemTimers.monotonicMs();
    if (answer.kind === 'retry' && answer.retryAfterMs !== undefined) {
      this.#paused.set(state.lineage.clientDigest, nowMs + answer.retryAfterMs);
    }
    const { message } = answer;
    const request = requestDigest(user.secret, refreshToken);
    state.trouble = { kind, failures, message, request, nextTryMs: nowMs + delayMs };
    observer.refreshed(kind === 'refused' ? 'refused' : 'failed');
    log.warn({ team: state.lineage.teamID, error: message, failures }, 'a token was not refreshed');
    tellUsers(state, state.trouble);
    if (kind === 'refused') {
      const refusal = { request, failures, message, nextTryMs: systemTimers.wallMs() + delayMs };
      await this.#store.refuse(state.lineage, refusal, delayMs);
    }
    if (answer.kind === 'refused' && answer.isOfToken) await this.#noteRefused(state, refreshToken);
  }

  /** What a person has put into a Secret and Slack does not take must not stand in the way of a pair that lasts. */
  async #noteRefused(state: LineageState, refreshToken: string): Promise<void> {
    const { known, stored, lineage } = state;
    const digest = tokenDigest(refreshToken);
    if (known === undefined || stored === undefined || known.record.refreshDigest === digest) return;
    const record: RotationRecord = { ...known.record, refused: refusedWith(known.record.refused, digest) };
    const text = JSON.stringify(record);
    if (!(await this.#store.store(lineage, stored.text, text))) return;
    state.stored = { ...stored, record, text };
    state.known = { ...known, record };
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }
}

const NEVER = new AbortController().signal;

const expiryOf = ({ expiresAtMs }: RotationRecord): string =>
  expiresAtMs === undefined ? 'unknown' : new Date(expiresAtMs).toISOString();

/** An Event at the first refusal, and once it has failed for a while. */
function tellUsers(state: LineageState, { kind, failures, message }: RefreshTrouble): void {
  const isNews = kind === 'refused' ? failures === 1 : failures === SAID_AFTER_FAILURES;
  if (!isNews) return;
  const reason = kind === 'refused' ? 'RefreshRefused' : 'RefreshDelayed';
  for (const user of state.users.values()) user.news = { reason, note: message };
}
