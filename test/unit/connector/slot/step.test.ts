import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statusOf } from '#connector/slot/slot-status.ts';
import { type Input, wakeAtMs } from '#connector/slot/state.ts';
import { CLOSED, facts, LINK_DISABLED, MISMATCH, ok, type SlotWorld, started, TOO_MANY } from './slot-world.ts';

describe('for any inputs in any order', () => {
  const tokens = fc.constantFrom('d1', 'd2', 'd3');
  const unavailable = { kind: 'retry', reason: 'SlackUnavailable', error: 'x', message: 'x' } as const;
  const answers: fc.Arbitrary<Extract<Input, { type: 'answer' }>['answer']> = fc.oneof(
    { weight: 4, arbitrary: fc.constant(ok()) },
    fc.constant(MISMATCH),
    fc.constant({ kind: 'rateLimited' as const, retryAfterMs: 30_000 }),
    fc.constant({ ...unavailable, isUnreached: true }),
    fc.constant({ ...unavailable, retryAfterMs: 300_000 }),
    fc.constant({ kind: 'terminal', reason: 'TokenInvalid', error: 'invalid_auth', message: 'no' } as const),
    fc.constant({ kind: 'retry', reason: 'SlackUnavailable', error: 'fatal_error', message: 'ill' } as const),
  );
  const budgets = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ granted: true as const }) },
    fc.constant({ granted: false as const, waitMs: 20_000 }),
    fc.constant({ granted: false as const, waitMs: 20_000, yields: true }),
    fc.constant({ granted: false as const, waitMs: 20_000, full: true }),
    fc.constant('away' as const),
  );
  /** `age` 0 is the latest attempt's number, higher ones are earlier attempts'. */
  const about = fc.nat({ max: 2 });
  const moves = fc.oneof(
    { weight: 12, arbitrary: fc.constant({ move: 'favour' } as const) },
    { weight: 2, arbitrary: fc.constant({ move: 'wake' } as const) },
    {
      weight: 2,
      arbitrary: fc.record({ move: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 90_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('budget' as const), age: about, answer: budgets }) },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('answer' as const), age: about, answer: answers }) },
    {
      weight: 6,
      arbitrary: fc.record({
        move: fc.constantFrom('permitted', 'opened', 'leaving', 'closing', 'error', 'closed'),
        age: about,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        move: fc.constant('hello' as const),
        age: about,
        sockets: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ move: fc.constant('known' as const), age: about, known: fc.nat({ max: 4 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ move: fc.constant('refused' as const), age: about, mismatch: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('crowded' as const), age: about }) },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('revoked' as const), tokenDigest: tokens }) },
    { weight: 3, arbitrary: fc.constant({ move: 'heartbeat' } as const) },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('hear' as const), answered: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constantFrom({ move: 'recovered' } as const, { move: 'unmarked' } as const) },
    {
      weight: 1,
      arbitrary: fc.record({ move: fc.constant('elsewhere' as const), tokenDigest: tokens, live: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('pressure' as const), pressed: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({
        move: fc.constant('update' as const),
        tokenDigest: tokens,
        generation: fc.integer({ min: 1, max: 3 }),
        rebalance: fc.boolean(),
        streamID: fc.constantFrom('T1', 'T1', 'T1', 'T2'),
      }),
    },
  );
  type Move = typeof moves extends fc.Arbitrary<infer M> ? M : never;

  function play(world: SlotWorld, move: Move): void {
    const id = 'age' in move ? Math.max(0, world.id - move.age) : 0;
    switch (move.move) {
      case 'favour':
        world.favour();
        return;
      case 'wake':
        world.wake();
        return;
      case 'pass':
        world.pass(move.ms);
        return;
      case 'heartbeat':
        world.heartbeat();
        return;
      case 'hear':
        world.hear(move.answered);
        return;
      case 'recovered':
      case 'unmarked':
        world.play({ type: move.move });
        return;
      case 'elsewhere':
        world.play({ type: 'elsewhere', tokenDigest: move.tokenDigest, live: move.live });
        return;
      case 'revoked': {
        const refusal = { reason: 'TokenRevoked', error: 'tokens_revoked', message: 'gone' } as const;
        world.play({ type: 'revoked', tokenDigest: move.tokenDigest, refusal });
        return;
      }
      case 'pressure':
        world.play({ type: 'pressure', pressed: move.pressed });
        return;
      case 'update': {
        const { move: _, ...changes } = move;
        const { callsOften, redelivers, answersPings } = world.state.spec;
        world.play({ type: 'update', spec: facts({ ...changes, callsOften, redelivers, answersPings }) });
        return;
      }
      case 'budget':
        world.play({ type: 'budget', id, answer: move.answer });
        return;
      case 'answer':
        world.play({ type: 'answer', id, answer: move.answer });
        return;
      case 'error':
        world.play({ type: 'error', id, code: 1, msg: 'Socket URL has expired' });
        return;
      case 'closed':
        world.play({ type: 'closed', id, close: CLOSED });
        return;
      case 'closing':
        world.play({ type: 'closing', id, trouble: { reason: 'MigrationInProgress', message: 'on the move' } });
        return;
      case 'crowded':
        world.play({ type: 'closing', id, trouble: TOO_MANY });
        return;
      case 'hello':
        world.play({ type: 'hello', id, sockets: move.sockets });
        return;
      case 'known':
        world.play({ type: 'known', id, known: move.known });
        return;
      case 'refused':
        world.play({ type: 'refused', id, refusal: LINK_DISABLED, mismatch: move.mismatch });
        return;
      default:
        world.play({ type: move.move, id });
    }
  }

  it('nothing leaks, nothing gets stuck, one socket is current, and a healthy Slack always leads to a live one', () => {
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 60 }), fc.boolean(), (sequence, redelivers) => {
        const world = started(facts({ callsOften: redelivers, redelivers, answersPings: redelivers }));
        for (const move of sequence) play(world, move);
        expect(() => statusOf(world.state)).not.toThrow();
        for (let turn = 0; turn < 12 && world.favour(); turn += 1);
        expect(statusOf(world.state).state).toMatch(/^(live|paused)$/);
      }),
      { numRuns: 1_000 },
    );
  });

  it('stopping gives everything back, and nothing happens after it', () => {
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 30 }), fc.array(moves, { maxLength: 10 }), (sequence, after) => {
        const world = started();
        for (const move of sequence) play(world, move);
        world.play({ type: 'stop' });
        expect([world.open.size, world.inLine, world.calling, wakeAtMs(world.state)]).toEqual([
          0,
          false,
          undefined,
          undefined,
        ]);
        for (const move of after) play(world, move);
      }),
      { numRuns: 400 },
    );
  });
});
