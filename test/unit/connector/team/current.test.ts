import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../../connector/team/slot-status.ts';
import { BEAT_MS, wakeAtMs } from '../../../../connector/team/state.ts';
import { facts, live, ok, type SlotWorld, started } from './slot-world.ts';

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
    expect(world.play({ type: 'beat' })).toEqual([]);
    expect(beat(world, false)).toEqual([{ do: 'ping', id: 1 }]);
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
    expect(world.play({ type: 'goodbye', id: 1 })).toEqual([]);
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

  it('that is paused has no deadline, is sent nothing, and ends after the limit', () => {
    const world = live(facts({ pauseLimitMs: 120_000 }));
    expect(world.play({ type: 'pressure', pressed: true })).toEqual([{ do: 'pause', id: 1 }]);
    const effects = Array.from({ length: 48 }, () => beat(world, false)).flat();
    expect(effects).toEqual([]);
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
