import { describe, expect, it } from 'vitest';
import { statusOf } from '#connector/slot/slot-status.ts';
import { HEARTBEAT_MS } from '#connector/slot/state.ts';
import { CLOSED, facts, live, type SlotWorld } from './slot-world.ts';

describe('a live socket', () => {
  const heartbeat = (world: SlotWorld, heard: boolean): readonly { do: string }[] => {
    if (heard) world.play({ type: 'heard', id: world.state.current?.id ?? 0 });
    world.pass(HEARTBEAT_MS);
    return world.play({ type: 'heartbeat' });
  };

  it('that has been heard from is left alone', () => {
    const world = live();
    for (let n = 0; n < 100; n += 1) expect(heartbeat(world, true)).toEqual([]);
  });

  it('that falls silent is pinged twice and closed within 10 s', () => {
    const world = live();
    const effects = [heartbeat(world, true), heartbeat(world, false), heartbeat(world, false), heartbeat(world, false)];
    expect(effects.map((list) => list.map((effect) => effect.do))).toEqual([[], ['ping'], ['ping'], ['terminate']]);
    expect(world.nowMs).toBe(10_000);
    expect(statusOf(world.state)).toMatchObject({ state: 'connecting', reason: 'ConnectionLost' });
  });

  it('that sends, but answers no websocket ping, is closed after about 10 s: nothing that we send gets through', () => {
    const world = live(facts({ answersPings: true }));
    const effects = Array.from({ length: 4 }, () => heartbeat(world, true).map((effect) => effect.do));
    expect(effects).toEqual([[], ['ping'], ['ping'], ['terminate']]);
    expect(world.nowMs).toBe(10_000);
    expect(statusOf(world.state)).toMatchObject({ state: 'connecting', reason: 'ConnectionLost' });
  });

  it('that sends and answers websocket pings is left open', () => {
    const world = live(facts({ answersPings: true }));
    for (let n = 0; n < 100; n += 1) {
      const effects = heartbeat(world, true);
      if (effects.length === 0) continue;
      expect(effects).toEqual([{ do: 'ping', id: 1 }]);
      world.play({ type: 'heard', id: 1, answered: true });
    }
  });

  it('is not blamed for pings that a held-up process could not hear answered', () => {
    const world = live(facts({ answersPings: true }));
    heartbeat(world, true);
    world.pass(60_000);
    expect(world.play({ type: 'heartbeat' })).toEqual([]);
    expect(heartbeat(world, true)).toEqual([]);
  });

  it('inherits no unanswered ping from the one that it replaces', () => {
    const world = live();
    for (let n = 0; n < 3; n += 1) heartbeat(world, false);
    world.play({ type: 'leaving', id: 1 });
    world.live();
    const done = Array.from({ length: 4 }, () => heartbeat(world, false).map((effect) => effect.do));
    expect(done).toEqual([[], ['ping'], ['ping'], ['terminate']]);
  });

  it('is not blamed for a process that was held up', () => {
    const world = live();
    heartbeat(world, false);
    heartbeat(world, false);
    heartbeat(world, false);
    world.pass(60_000);
    expect(world.play({ type: 'heartbeat' })).toEqual([]);
    expect(heartbeat(world, false)).toEqual([{ do: 'ping', id: 1 }]);
    expect(heartbeat(world, true)).toEqual([]);
  });

  it('that gets a goodbye is read until its successor says hello, however often that fails', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    for (const tag of ['connecting', 'dialing', 'greeting'] as const) {
      world.until(tag);
      world.wake();
      expect(statusOf(world.state).state).toBe('live');
      expect(world.open).toEqual(new Set([1]));
    }
    world.until('greeting');
    const successor = world.id;
    expect(world.play({ type: 'hello', id: successor })).toMatchObject([{ do: 'markLive' }, { do: 'close', id: 1 }]);
    expect(world.state.current?.id).toBe(successor);
  });

  it('that dies while its refresh backs off is replaced at once, as one that is needed', () => {
    const world = live();
    world.pass(60_000);
    world.play({ type: 'leaving', id: 1 });
    world.until('greeting');
    for (let round = 0; round < 6; round += 1) {
      world.play({ type: 'closed', id: world.id, close: CLOSED });
      world.until('greeting');
    }
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    expect(world.state.attempt.tag).toBe('backingOff');
    expect(world.play({ type: 'closed', id: 1, close: CLOSED })).toMatchObject([{ do: 'joinLine' }]);
    expect(world.play({ type: 'permitted', id: world.id })).toMatchObject([{ purpose: 'needed' }]);
  });

  it('is marked as live again and again, so that others know', () => {
    const world = live();
    const marks = Array.from({ length: 480 }, () => heartbeat(world, true)).flat();
    expect(marks).toEqual(Array.from({ length: 4 }, () => ({ do: 'markLive', tokenDigest: 'd1' })));
  });

  it('is marked again within seconds when Redis may not know it', () => {
    const world = live();
    world.play({ type: 'unmarked' });
    const marks = Array.from({ length: 6 }, () => {
      world.pass(HEARTBEAT_MS);
      world.play({ type: 'heard', id: 1 });
      return world.play({ type: 'heartbeat' }).map((effect) => effect.do);
    });
    expect(marks).toEqual([[], ['markLive'], [], [], [], []]);
  });

  it('is marked by its own token, also while Slack refuses the next one', () => {
    const world = live();
    world.play({ type: 'update', spec: facts({ tokenDigest: 'd2' }) });
    world.until('connecting');
    const refusal = { reason: 'TokenInvalid', error: 'invalid_auth', message: 'Slack refused it.' } as const;
    world.play({ type: 'answer', id: world.id, answer: { kind: 'terminal', ...refusal } });
    world.pass(300_000);
    expect(heartbeat(world, true)).toEqual([{ do: 'markLive', tokenDigest: 'd1' }]);
  });

  it('that gets two goodbyes has one successor', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    expect(world.play({ type: 'leaving', id: 1 })).toEqual([]);
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
    expect(world.play({ type: 'update', spec: facts({ streamID: 'T2', tokenDigest: 'd2' }) })).toMatchObject([
      { do: 'close', id: 1 },
      { do: 'joinLine' },
    ]);
  });

  it('that is paused has no deadline, is sent nothing, and ends after the limit', () => {
    const world = live(facts({ pauseLimitMs: 120_000 }));
    expect(world.play({ type: 'pressure', pressed: true })).toEqual([{ do: 'pause', id: 1 }]);
    const effects = Array.from({ length: 48 }, () => heartbeat(world, false)).flat();
    expect(effects).toEqual([]);
    expect(heartbeat(world, false)).toEqual([{ do: 'terminate', id: 1 }]);
    world.live();
    expect(statusOf(world.state).state).toBe('paused');
  });

  it('that is paused is read to its end when a successor replaces it', () => {
    const world = live();
    world.play({ type: 'pressure', pressed: true });
    world.play({ type: 'update', spec: facts({ tokenDigest: 'd2' }) });
    world.until('greeting');
    expect(world.play({ type: 'hello', id: 2 })).toEqual([
      { do: 'markLive', tokenDigest: 'd2' },
      { do: 'pause', id: 2 },
      { do: 'resume', id: 1 },
      { do: 'close', id: 1 },
    ]);
  });

  it('that was paused has its deadline back when it is read again', () => {
    const world = live();
    world.play({ type: 'pressure', pressed: true });
    heartbeat(world, false);
    world.play({ type: 'pressure', pressed: false });
    const effects = [
      heartbeat(world, false),
      heartbeat(world, false),
      heartbeat(world, false),
      heartbeat(world, false),
    ];
    expect(effects.map((list) => list.map((effect) => effect.do))).toEqual([[], ['ping'], ['ping'], ['terminate']]);
  });
});
