import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RotationRecord, TokenPair } from '#core/protocol/rotation.ts';
import { newFleetKey, parseFleetKeys } from '#core/protocol/seal.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { newerRecord, refusedWith } from '#operator/rotation/decide-rotation.ts';
import {
  decisionFor,
  type KnownPair,
  type LineageState,
  type LineageUser,
  newLineage,
  newUser,
  pairFor,
} from '#operator/rotation/lineage-state.ts';
import { lineageOf, type RotatingSecret } from '#operator/rotation/rotating-secret.ts';
import { absorb, refreshedRecord } from '#operator/rotation/rotation-memory.ts';

/**
 * Slack, Redis, two clusters with a Secret each, and operators that refresh, write back, are killed between any two steps, and
 * lose their memory; people who edit the Secrets, and a Redis that loses its state while an operator knows it. Whatever
 * happens, a refresh token that Slack takes stays within reach of the next operator.
 */

const KEYS = parseFleetKeys(newFleetKey());
const HOUR_MS = 3_600_000;
const GRACE_MS = 60_000;

/** Tokens are used once, and within a grace period again. */
class Slack {
  #next = 0;
  readonly #usedAtMs = new Map<string, number | undefined>();

  give(): TokenPair {
    this.#next += 1;
    const pair = { token: `xoxe.xoxb-1-${this.#next}-aaaa`, refreshToken: `xoxe-1-${this.#next}-aaaa` };
    this.#usedAtMs.set(pair.refreshToken, undefined);
    return pair;
  }

  takes(refreshToken: string, nowMs: number): boolean {
    const usedAtMs = this.#usedAtMs.get(refreshToken);
    return this.#usedAtMs.has(refreshToken) && (usedAtMs === undefined || nowMs < usedAtMs + GRACE_MS);
  }

  refresh(refreshToken: string, nowMs: number): TokenPair | undefined {
    if (!this.takes(refreshToken, nowMs)) return undefined;
    if (this.#usedAtMs.get(refreshToken) === undefined) this.#usedAtMs.set(refreshToken, nowMs);
    return this.give();
  }

  /** As by another installation: what was given before is worth nothing. */
  reinstall(): TokenPair {
    for (const refreshToken of this.#usedAtMs.keys()) this.#usedAtMs.set(refreshToken, Number.NEGATIVE_INFINITY);
    return this.give();
  }
}

const STEPS = [
  'refresh',
  'killedAfterSlack',
  'killedAfterRedis',
  'writeBack',
  'lostAnswer',
  'restart',
  'typo',
  'putBack',
] as const;
type Step = { cluster: 0 | 1; step: (typeof STEPS)[number] | 'reinstall' | 'redisLost' };

class World {
  readonly slack = new Slack();
  nowMs = 1_000 * HOUR_MS;
  redis: RotationRecord | undefined;
  readonly secrets: [RotatingSecret, RotatingSecret];
  readonly first: RotatingSecret;
  readonly states: [LineageState, LineageState];

  constructor() {
    this.first = {
      teamID: 'T1',
      pair: this.slack.give(),
      clientID: 'c',
      clientSecret: 's',
      expiresAtMs: undefined,
      refresh: 'Owner',
      home: undefined,
    };
    this.secrets = [this.first, this.first];
    this.states = [this.#fresh(), this.#fresh()];
  }

  take({ cluster, step }: Step): void {
    switch (step) {
      case 'refresh':
      case 'killedAfterSlack':
      case 'killedAfterRedis':
      case 'lostAnswer':
        this.#refresh(cluster, step);
        break;
      case 'writeBack':
        this.#writeBack(cluster);
        break;
      case 'restart':
        this.states[cluster] = this.#fresh();
        break;
      case 'typo':
        this.#edit(cluster, { token: 'xoxb-typo-aaaa', refreshToken: 'xoxe-1-typo-aaaa' });
        break;
      case 'putBack':
        this.#edit(cluster, this.first.pair);
        break;
      case 'reinstall': {
        const pair = this.slack.reinstall();
        this.#edit(cluster, pair);
        // People put it where it is refreshed, at once.
        this.#refresh(cluster, 'refresh');
        break;
      }
      case 'redisLost':
        this.redis = undefined;
        for (const at of [0, 1] as const) this.#look(at);
        break;
      default:
        step satisfies never;
    }
  }

  /** Which of the two can get a token that works, in one step or after what it does about a wrong Secret. */
  isAlive(cluster: 0 | 1): boolean {
    this.states[cluster] = this.#fresh();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const before = this.redis?.refreshDigest;
      this.#refresh(cluster, 'refresh', true);
      if (this.redis !== undefined && this.redis.refreshDigest !== before) return true;
    }
    return false;
  }

  #fresh(): LineageState {
    return newLineage(lineageOf(this.first));
  }

  #edit(cluster: 0 | 1, pair: TokenPair): void {
    this.secrets[cluster] = { ...this.secrets[cluster], pair };
  }

  #look(cluster: 0 | 1): [LineageState, LineageUser] {
    const state = this.states[cluster];
    const { known, sealed, rewrite } = absorb(state, { record: this.redis }, KEYS);
    if (rewrite !== undefined) this.redis = rewrite;
    Object.assign(state, { known, sealed, stored: { record: this.redis, text: '', shown: this.#shown() } });
    return [state, newUser('u', this.secrets[cluster])];
  }

  #shown(): Map<string, string> {
    return new Map(this.secrets.map(({ pair }, at) => [`${at}`, tokenDigest(pair.refreshToken)]));
  }

  #refresh(
    cluster: 0 | 1,
    step: 'refresh' | 'killedAfterSlack' | 'killedAfterRedis' | 'lostAnswer',
    forced = false,
  ): void {
    const [state, user] = this.#look(cluster);
    const pair = pairFor(state, user, decisionFor(state, user, this.nowMs));
    user.expiredToken = tokenDigest(pair.token);
    const decision = decisionFor(state, user, this.nowMs);
    const isDue = decision.refreshAtMs !== undefined && (forced || decision.refreshAtMs <= this.nowMs + HOUR_MS);
    if (!isDue) return;
    const given = this.slack.refresh(pair.refreshToken, this.nowMs);
    if (given === undefined) {
      this.#refused(state, pair.refreshToken);
      return;
    }
    if (step === 'killedAfterSlack') {
      this.states[cluster] = this.#fresh();
      // The next operator is there within the grace period.
      this.nowMs += GRACE_MS / 4;
      this.#refresh(cluster, 'refresh', true);
      return;
    }
    const next = refreshedRecord(
      state,
      given,
      { askedAtMs: this.nowMs, lifetimeMs: 12 * HOUR_MS },
      pair.refreshToken,
      KEYS[0] as never,
    );
    this.#store(state, next);
    // Written, and asked again because nobody said so.
    if (step === 'lostAnswer') this.#store(state, next);
    if (step === 'killedAfterRedis') this.states[cluster] = this.#fresh();
    this.nowMs += HOUR_MS;
  }

  #store(state: LineageState, next: KnownPair): void {
    if (newerRecord(this.redis, next.record) === 'known' || this.redis === undefined) this.redis = next.record;
    else if (this.redis.refreshDigest !== next.record.refreshDigest) this.redis = next.record;
    state.known = next;
  }

  #refused(state: LineageState, refreshToken: string): void {
    const digest = tokenDigest(refreshToken);
    if (state.known === undefined || state.known.record.refreshDigest === digest) return;
    this.redis = { ...state.known.record, refused: refusedWith(state.known.record.refused, digest) };
  }

  #writeBack(cluster: 0 | 1): void {
    const [state, user] = this.#look(cluster);
    const { writeBack } = decisionFor(state, user, this.nowMs);
    if (writeBack && state.known !== undefined) this.#edit(cluster, state.known.pair);
  }
}

const stepOf = (steps: readonly Step['step'][]) =>
  fc.record({ cluster: fc.constantFrom(0 as const, 1 as const), step: fc.constantFrom(...steps) });

it('whatever is killed, edited or lost, both clusters still have a pair that Slack refreshes', () => {
  fc.assert(
    fc.property(fc.array(stepOf([...STEPS, 'reinstall']), { maxLength: 25 }), (steps) => {
      const world = new World();
      // Something is to be known before people make mistakes: a wrong pair in the very first Secret is only wrong.
      world.take({ cluster: 0, step: 'refresh' });
      for (const step of steps) world.take(step);
      expect([world.isAlive(0), world.isAlive(1)]).toEqual([true, true]);
    }),
    { numRuns: 150 },
  );
});

it('a Redis that loses its state gets the pair back from an operator that knows it', () => {
  fc.assert(
    fc.property(fc.array(stepOf(['refresh', 'writeBack', 'redisLost', 'putBack']), { maxLength: 15 }), (steps) => {
      const world = new World();
      world.take({ cluster: 0, step: 'refresh' });
      for (const step of steps) world.take(step);
      expect(world.isAlive(0)).toBe(true);
    }),
    { numRuns: 100 },
  );
});
