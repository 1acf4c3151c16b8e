import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../../connector/team/slot-status.ts';
import { BEAT_MS, type Input, wakeAtMs } from '../../../../connector/team/state.ts';
import { CLOSED, facts, ok, SlotWorld } from './slot-world.ts';

const started = (spec = facts()): SlotWorld => {
  const world = new SlotWorld(spec);
  world.play({ type: 'start' });
  return world;
};
const live = (spec = facts()): SlotWorld => new SlotWorld(spec).live();

describe('whatever comes in whatever order', () => {
  const tokens = fc.constantFrom('d1', 'd2', 'd3');
  const answers: fc.Arbitrary<Extract<Input, { type: 'answer' }>['answer']> = fc.oneof(
    { weight: 4, arbitrary: fc.constant(ok()) },
    fc.constant(ok('T9')),
    fc.constant({ kind: 'rateLimited' as const, retryAfterMs: 30_000 }),
    fc.constant({ ...{ kind: 'terminal', reason: 'TokenInvalid', error: 'invalid_auth', message: 'no' } } as const),
    fc.constant({ ...{ kind: 'retry', reason: 'SlackUnavailable', error: 'fatal_error', message: 'ill' } } as const),
  );
  const budgets = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ granted: true as const }) },
    fc.constant({ granted: false as const, waitMs: 20_000 }),
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
        move: fc.constantFrom('permitted', 'opened', 'hello', 'heard', 'goodbye', 'migration', 'error', 'closed'),
        age: about,
      }),
    },
    { weight: 3, arbitrary: fc.constant({ move: 'beat' } as const) },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('pressure' as const), pressed: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({
        move: fc.constant('update' as const),
        tokenDigest: tokens,
        generation: fc.integer({ min: 1, max: 3 }),
        rebalance: fc.boolean(),
        teamID: fc.constantFrom('T1', 'T1', 'T1', 'T2'),
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
      case 'beat':
        world.play({ type: 'beat' });
        return;
      case 'pressure':
        world.play({ type: 'pressure', pressed: move.pressed });
        return;
      case 'update': {
        const { move: _, ...changes } = move;
        world.play({ type: 'update', spec: facts(changes) });
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
      default:
        world.play({ type: move.move, id });
    }
  }

  it('nothing leaks, nothing is stuck, one socket is current, and a friendly Slack always leads to a live one', () => {
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 60 }), (sequence) => {
        const world = started();
        for (const move of sequence) play(world, move);
        expect(() => statusOf(world.state)).not.toThrow();
        for (let turn = 0; turn < 12 && world.favour(); turn += 1);
        if (world.state.attempt.tag !== 'refused') expect(statusOf(world.state).state).toMatch(/^(live|paused)$/);
        else expect(statusOf(world.state).state).toBe('failed');
      }),
      { numRuns: 1_500 },
    );
  });

  it('stopping gives everything back, and nothing happens after it', () => {
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 30 }), fc.array(moves, { maxLength: 10 }), (sequence, after) => {
        const world = started();
        for (const move of sequence) play(world, move);
        world.play({ type: 'stop' });
        expect([world.open.size, world.inLine, world.calling, wakeAtMs(world.state)]).toEqual([
          ...[0, false, undefined, undefined],
        ]);
        for (const move of after) play(world, move);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a new slot', () => {
  it('asks for its turn, the budget, Slack and a socket, one after the other', () => {
    const world = started();
    expect(world.play({ type: 'permitted', id: 1 })).toEqual([{ do: 'takeBudget', id: 1, purpose: 'needed' }]);
    expect(world.play({ type: 'budget', id: 1, answer: { granted: true } })).toEqual([{ do: 'connect', id: 1 }]);
    const { url, teamID, teamName, botUserID } = ok();
    const self = { teamID, teamName, botUserID };
    expect(world.play({ type: 'answer', id: 1, answer: ok() })).toEqual([{ do: 'dial', id: 1, url, self }]);
    expect(world.play({ type: 'opened', id: 1 })).toEqual([{ do: 'leaveLine' }]);
    expect(world.play({ type: 'hello', id: 1 })).toEqual([]);
    expect(statusOf(world.state)).toEqual({
      ...{ state: 'live', reason: '', message: '', tokenDigest: 'd1', teamName: 'Acme', botUserID: 'U1' },
    });
  });

  it('keeps no socket URL in its state', () => {
    const world = started();
    world.until('dialing');
    expect(JSON.stringify(world.state)).not.toContain('ticket');
  });

  it('for balance alone connects from a full budget only, until it has been live', () => {
    const world = started(facts({ rebalance: true }));
    expect(world.play({ type: 'permitted', id: 1 })).toMatchObject([{ purpose: 'rebalance' }]);
    world.play({ type: 'budget', id: 1, answer: 'away' });
    expect(world.state.attempt.tag).toBe('waiting');
    world.live();
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    world.wake();
    expect(world.play({ type: 'permitted', id: world.id })).toMatchObject([{ purpose: 'needed' }]);
  });

  it('for balance alone asks at once when it is needed after all', () => {
    const world = started(facts({ rebalance: true }));
    world.play({ type: 'permitted', id: 1 });
    world.play({ type: 'budget', id: 1, answer: { granted: false, waitMs: 120_000 } });
    world.play({ type: 'update', spec: facts() });
    expect(world.play({ type: 'permitted', id: 2 })).toMatchObject([{ purpose: 'needed' }]);
  });

  it('with a value that is no bot token asks nobody', () => {
    const refusal = { reason: 'TokenWrongKind', error: 'token_wrong_kind', message: 'not sent' } as const;
    const world = new SlotWorld(facts({ refusal }));
    expect(world.play({ type: 'start' })).toEqual([]);
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'TokenWrongKind', message: 'not sent' });
  });
});

describe('the budget', () => {
  it('that refuses says how long, and the status stays the same while the slot asks again', () => {
    const world = started();
    world.play({ type: 'permitted', id: 1 });
    expect(world.play({ type: 'budget', id: 1, answer: { granted: false, waitMs: 20_000 } })).toEqual([
      { do: 'leaveLine' },
    ]);
    const waiting = statusOf(world.state);
    expect(waiting).toMatchObject({ state: 'waiting', reason: 'WaitingForBudget' });
    expect(wakeAtMs(world.state)).toBeGreaterThanOrEqual(20_000);
    world.wake();
    expect(statusOf(world.state)).toEqual(waiting);
    world.favour();
    expect(statusOf(world.state)).toEqual(waiting);
  });

  it('that is away lets a slot connect once a minute by itself', () => {
    const world = started();
    world.play({ type: 'permitted', id: 1 });
    expect(world.play({ type: 'budget', id: 1, answer: 'away' })).toEqual([{ do: 'connect', id: 1 }]);
    world.play({
      type: 'answer',
      id: 1,
      answer: { kind: 'retry', reason: 'SlackUnavailable', error: 'x', message: 'x' },
    });
    let tries = 0;
    while (world.state.attempt.tag !== 'connecting' && tries < 40) {
      if (world.state.attempt.tag === 'inLine') world.favour();
      else if (world.state.attempt.tag === 'asking') world.play({ type: 'budget', id: world.id, answer: 'away' });
      else world.wake();
      tries += 1;
    }
    expect(world.nowMs).toBeGreaterThanOrEqual(60_000);
    expect(world.nowMs).toBeLessThan(67_000);
  });

  it('that never answers counts as away', () => {
    const world = started();
    world.play({ type: 'permitted', id: 1 });
    expect(world.wake()).toEqual([{ do: 'connect', id: 1 }]);
    expect(world.play({ type: 'budget', id: 1, answer: { granted: true } })).toEqual([{ do: 'ignored' }]);
  });

  it('is asked anew by a slot whose socket dies while it waits for a refresh', () => {
    const world = live();
    world.play({ type: 'goodbye', id: 1 });
    world.play({ type: 'permitted', id: 2 });
    world.play({ type: 'budget', id: 2, answer: { granted: false, waitMs: 60_000 } });
    world.play({ type: 'closed', id: 1, close: CLOSED });
    expect(world.play({ type: 'permitted', id: 3 })).toMatchObject([{ purpose: 'needed' }]);
  });

  it('is asked anew when it refuses a refresh whose socket has died meanwhile', () => {
    const world = live();
    world.play({ type: 'goodbye', id: 1 });
    world.play({ type: 'permitted', id: 2 });
    world.play({ type: 'closed', id: 1, close: CLOSED });
    expect(world.play({ type: 'budget', id: 2, answer: { granted: false, waitMs: 60_000 } })).toEqual([
      { do: 'leaveLine' },
      { do: 'joinLine', id: 3 },
    ]);
  });

  it('is told of a 429, which is waited out even by a slot without a socket', () => {
    const world = started();
    world.until('connecting');
    expect(world.play({ type: 'answer', id: 1, answer: { kind: 'rateLimited', retryAfterMs: 58_000 } })).toEqual([
      { do: 'blockBudget', forMs: 58_000 },
      { do: 'leaveLine' },
    ]);
    expect(statusOf(world.state)).toMatchObject({ state: 'waiting', reason: 'RateLimited' });
    expect(wakeAtMs(world.state)).toBeGreaterThanOrEqual(58_000);
  });
});

describe('failures in a row', () => {
  const failOnce = (world: SlotWorld): number => {
    world.until('greeting');
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    return (wakeAtMs(world.state) ?? 0) - world.nowMs;
  };

  it('are waited for longer and longer, up to a minute', () => {
    const world = started();
    world.random = 0.999;
    const waits = Array.from({ length: 9 }, () => Math.round(failOnce(world) / 1000));
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('are forgotten only once a socket has lived for a minute', () => {
    const world = started();
    failOnce(world);
    failOnce(world);
    world.live();
    expect(world.state.failures).toBe(2);
    world.pass(59_000);
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    expect(world.state.failures).toBe(3);
    world.live();
    world.pass(60_000);
    world.random = 0.999;
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    expect((wakeAtMs(world.state) ?? 0) - world.nowMs).toBeLessThanOrEqual(1_000);
    expect(world.state.failures).toBe(1);
  });

  it('wait as long as a refused upgrade asks', () => {
    const world = started();
    world.until('dialing');
    const close = { kind: 'refused', status: 503, retryAfterMs: 90_000, code: 1006, detail: 'HTTP 503' } as const;
    expect(world.play({ type: 'closed', id: 1, close })).toEqual([{ do: 'leaveLine' }]);
    expect(wakeAtMs(world.state)).toBe(90_000);
    expect(statusOf(world.state)).toMatchObject({ state: 'connecting', reason: 'ConnectionRefused' });
  });

  it.each([
    ['connecting', 20_000, 'SlackUnavailable'],
    ['dialing', 15_000, 'ConnectionLost'],
    ['greeting', 10_000, 'HelloTimeout'],
  ] as const)('begin with a deadline when %s', (tag, deadlineMs, reason) => {
    const world = started();
    world.until(tag);
    expect(wakeAtMs(world.state)).toBe(deadlineMs);
    world.wake();
    expect(statusOf(world.state)).toMatchObject({ state: 'connecting', reason });
    expect(world.open.size).toBe(0);
  });
});

describe('a live socket', () => {
  const beat = (world: SlotWorld, heard: boolean): readonly { do: string }[] => {
    if (heard) world.play({ type: 'heard', id: world.state.current?.id ?? 0 });
    world.pass(BEAT_MS);
    return world.play({ type: 'beat' });
  };

  it('that is heard is left alone', () => {
    const world = live();
    for (let n = 0; n < 100; n += 1) expect(beat(world, true)).toEqual([]);
  });

  it('that falls silent is pinged twice and given up within 10 s', () => {
    const world = live();
    const effects = [beat(world, true), beat(world, false), beat(world, false), beat(world, false)];
    expect(effects.map((list) => list.map((effect) => effect.do))).toEqual([[], ['ping'], ['ping'], ['terminate']]);
    expect(world.nowMs).toBe(10_000);
    expect(statusOf(world.state)).toMatchObject({ state: 'connecting', reason: 'ConnectionLost' });
  });

  it('is not blamed for a process that was held up', () => {
    const world = live();
    beat(world, false);
    beat(world, false);
    beat(world, false);
    world.pass(60_000);
    expect(world.play({ type: 'beat' })).toEqual([{ do: 'ping', id: 1 }]);
    expect(beat(world, true)).toEqual([]);
  });

  it('that is told goodbye is read until its successor says hello, however often that fails', () => {
    const world = live();
    world.play({ type: 'goodbye', id: 1 });
    for (const tag of ['connecting', 'dialing', 'greeting'] as const) {
      world.until(tag);
      world.wake();
      expect(statusOf(world.state).state).toBe('live');
      expect(world.open).toEqual(new Set([1]));
    }
    world.until('greeting');
    const successor = world.id;
    expect(world.play({ type: 'hello', id: successor })).toEqual([{ do: 'close', id: 1 }]);
    expect(world.state.current?.id).toBe(successor);
  });

  it('that is told goodbye twice gets one successor', () => {
    const world = live();
    world.play({ type: 'goodbye', id: 1 });
    expect(world.play({ type: 'goodbye', id: 1 })).toEqual([{ do: 'ignored' }]);
  });

  it('whose token changes back is kept', () => {
    const world = live();
    world.play({ type: 'update', spec: facts({ tokenDigest: 'd2' }) });
    world.until('greeting');
    world.play({ type: 'update', spec: facts() });
    expect([world.state.attempt.tag, world.state.current?.id]).toEqual(['none', 1]);
  });

  it('of another team than the spec names now is closed at once', () => {
    const world = live();
    expect(world.play({ type: 'update', spec: facts({ teamID: 'T2', tokenDigest: 'd2' }) })).toMatchObject([
      { do: 'close', id: 1 },
      { do: 'joinLine' },
    ]);
  });

  it('that is paused has no deadline, is pinged now and then, and ends after the limit', () => {
    const world = live(facts({ pauseLimitMs: 120_000 }));
    expect(world.play({ type: 'pressure', pressed: true })).toEqual([{ do: 'pause', id: 1 }]);
    const effects = Array.from({ length: 48 }, () => beat(world, false)).flat();
    expect(effects).toEqual(Array.from({ length: 12 }, () => ({ do: 'ping', id: 1 })));
    expect(beat(world, false)).toEqual([{ do: 'terminate', id: 1 }]);
    world.live();
    expect(statusOf(world.state).state).toBe('paused');
  });

  it('that is paused is read to its end when a successor replaces it', () => {
    const world = live();
    world.play({ type: 'pressure', pressed: true });
    world.play({ type: 'update', spec: facts({ tokenDigest: 'd2' }) });
    world.until('greeting');
    expect(world.play({ type: 'hello', id: 2 })).toEqual([
      { do: 'pause', id: 2 },
      { do: 'resume', id: 1 },
      { do: 'close', id: 1 },
    ]);
  });

  it('that was paused has its deadline back when it is read again', () => {
    const world = live();
    world.play({ type: 'pressure', pressed: true });
    beat(world, false);
    world.play({ type: 'pressure', pressed: false });
    const effects = [beat(world, false), beat(world, false), beat(world, false), beat(world, false)];
    expect(effects.map((list) => list.map((effect) => effect.do))).toEqual([[], ['ping'], ['ping'], ['terminate']]);
  });
});

describe('a refusal', () => {
  const refuse = (world: SlotWorld, error: string): readonly unknown[] => {
    world.until('connecting');
    return world.play({
      ...{ type: 'answer', id: world.id },
      answer: { kind: 'terminal', reason: 'TokenInvalid', error, message: 'a new token helps' },
    });
  };

  it.each(['invalid_auth', 'account_inactive', 'token_revoked'])('by %s is told to the queue once a token', (error) => {
    const world = started();
    expect(refuse(world, error)).toEqual([{ do: 'leaveLine' }, { do: 'disableBot', error }]);
    world.play({ type: 'update', spec: facts({ generation: 2 }) });
    expect(refuse(world, error)).toEqual([{ do: 'leaveLine' }]);
    world.play({ type: 'update', spec: facts({ generation: 2, tokenDigest: 'd2' }) });
    expect(refuse(world, error)).toContainEqual({ do: 'disableBot', error });
  });

  it.each(['missing_scope', 'not_allowed_token_type'])('by %s is not', (error) => {
    expect(refuse(started(), error)).toEqual([{ do: 'leaveLine' }]);
  });

  it('is final until the token or the generation changes', () => {
    const world = started();
    refuse(world, 'invalid_auth');
    expect(world.play({ type: 'update', spec: facts() })).toEqual([]);
    expect(wakeAtMs(world.state)).toBeUndefined();
    expect(world.play({ type: 'update', spec: facts({ generation: 2 }) })).toMatchObject([{ do: 'joinLine' }]);
  });

  it('of a new token is told, while the socket of the old one is read', () => {
    const world = live();
    world.play({ type: 'update', spec: facts({ tokenDigest: 'd2' }) });
    refuse(world, 'invalid_auth');
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'TokenInvalid', tokenDigest: 'd2' });
    expect(world.open).toEqual(new Set([1]));
  });

  it('of the wrong team opens no socket', () => {
    const world = started();
    world.until('connecting');
    expect(world.play({ type: 'answer', id: 1, answer: ok('T9') })).toEqual([{ do: 'leaveLine' }]);
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'TeamMismatch' });
  });

  it('is none of an organization whose workspace answers', () => {
    const world = started(facts({ teamID: 'E1' }));
    world.until('connecting');
    world.play({ type: 'answer', id: 1, answer: { ...ok('T1'), enterpriseID: 'E1' } });
    expect(world.state.attempt.tag).toBe('dialing');
  });
});
