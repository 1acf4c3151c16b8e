import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statusOf } from '#connector/slot/slot-status.ts';
import { HEARTBEAT_MS } from '#connector/slot/state.ts';
import { CLOSED, facts, live, type SlotWorld } from './slot-world.ts';

describe('a live socket', () => {
  /** Heartbeats for so long. @returns what each does, with the time since the beginning */
  const beats = (world: SlotWorld, forMs: number, each = (): void => {}): string[] => {
    const beganAtMs = world.nowMs;
    const done: string[] = [];
    while (world.nowMs - beganAtMs < forMs && world.state.current !== undefined) {
      world.pass(HEARTBEAT_MS);
      each();
      for (const effect of world.heartbeat()) done.push(`${(world.nowMs - beganAtMs) / 1_000} s: ${effect.do}`);
    }
    return done.filter((what) => !what.endsWith('markLive'));
  };
  const DEAD = ['6 s: ping', '8 s: ping', '9 s: terminate'];
  const rtm = () => live();
  const answering = () => live(facts({ answersPings: true }));

  it('that has been heard from is left alone', () => {
    const world = rtm();
    expect(beats(world, 600_000, () => world.hear())).toEqual([]);
  });

  it('that falls silent is pinged twice and closed within 10 s', () => {
    const world = rtm();
    expect(beats(world, 60_000)).toEqual(DEAD);
    expect(statusOf(world.state)).toMatchObject({ state: 'connecting', reason: 'ConnectionLost' });
  });

  it('that is silent but answers costs a ping in 6 s', () => {
    const world = rtm();
    let pings = 0;
    for (let n = 0; n < 600; n += 1) {
      const sent = beats(world, HEARTBEAT_MS);
      pings += sent.length;
      if (sent.length > 0) world.hear();
    }
    expect(pings).toBe(100);
  });

  it.each([['RTM', rtm] as const, ['Socket Mode', answering] as const])(
    'over %s that is dead is found within 10 s of its last sign of life, after two pings, however the heartbeats fall',
    (_, begin) => {
      fc.assert(
        fc.property(
          fc.integer({ min: 0, max: 999 }),
          fc.array(fc.integer({ min: 1, max: 20_000 })),
          (phaseMs, signs) => {
            const world = begin();
            world.pass(phaseMs);
            let [beatAtMs, pings, diedAtMs] = [world.nowMs, 0, world.nowMs];
            const beat = (): void => {
              beatAtMs += HEARTBEAT_MS;
              world.nowMs = beatAtMs;
              pings += world.heartbeat().filter((effect) => effect.do === 'ping').length;
            };
            // As long as a sign comes at least every 3 s, or right after a ping, the socket lives.
            for (const ms of signs) {
              for (const untilMs = world.nowMs + Math.min(ms, 3_000); beatAtMs + HEARTBEAT_MS <= untilMs; ) beat();
              world.hear();
              [pings, diedAtMs] = [0, world.nowMs];
            }
            expect(world.state.current).toBeDefined();
            while (world.state.current !== undefined) beat();
            expect([pings, world.nowMs - diedAtMs >= 9_000, world.nowMs - diedAtMs <= 10_000]).toEqual([2, true, true]);
          },
        ),
      );
    },
  );

  it('that sends, but answers no websocket ping, is closed within 10 s: nothing that we send gets through', () => {
    const world = answering();
    expect(beats(world, 60_000, () => world.hear(false))).toEqual(DEAD);
    expect(statusOf(world.state)).toMatchObject({ state: 'connecting', reason: 'ConnectionLost' });
    expect(statusOf(world.state).message).toContain('though it sends');
  });

  it('that sends and answers websocket pings is left open', () => {
    const world = answering();
    for (let n = 0; n < 100; n += 1) {
      world.hear(false);
      if (beats(world, HEARTBEAT_MS).length > 0) world.hear();
    }
    expect(world.state.current).toBeDefined();
  });

  it.each([['RTM', rtm] as const, ['Socket Mode', answering] as const])(
    'over %s is not blamed for pings that a held-up process could not hear answered',
    (_, begin) => {
      const world = begin();
      expect(beats(world, 8_000)).toEqual(DEAD.slice(0, 2));
      world.pass(60_000);
      world.steadySinceMs = world.nowMs;
      expect(beats(world, 60_000)).toEqual(DEAD);
    },
  );

  it('inherits no unanswered ping from the one that it replaces', () => {
    const world = live();
    beats(world, 8_000);
    world.play({ type: 'leaving', id: 1 });
    world.live();
    expect(beats(world, 60_000)).toEqual(DEAD);
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
    const marks = Array.from({ length: 1_200 }, () => {
      world.pass(1_000);
      world.hear();
      return world.heartbeat();
    }).flat();
    expect(marks).toEqual(Array.from({ length: 4 }, () => ({ do: 'markLive', tokenDigest: 'd1' })));
  });

  it('is marked again within seconds when Redis may not know it', () => {
    const world = live();
    world.play({ type: 'unmarked' });
    const marks = Array.from({ length: 6 }, () => {
      world.pass(2_500);
      world.hear();
      return world.heartbeat().map((effect) => effect.do);
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
    world.hear();
    expect(world.heartbeat()).toEqual([{ do: 'markLive', tokenDigest: 'd1' }]);
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
    expect(beats(world, 120_000)).toEqual([]);
    expect(beats(world, HEARTBEAT_MS)).toEqual(['1 s: terminate']);
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
    beats(world, 7_000);
    world.play({ type: 'pressure', pressed: false });
    expect(beats(world, 60_000)).toEqual(DEAD);
  });
});
