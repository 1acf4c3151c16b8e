import { describe, expect, it } from 'vitest';
import { isOutlived } from '#connector/slot/attempt.ts';
import { statusOf } from '#connector/slot/slot-status.ts';
import { wakeAtMs } from '#connector/slot/state.ts';
import { CLOSED, facts, live, ok, SlotWorld, started } from './slot-world.ts';

describe('a new slot', () => {
  it('asks for its turn, the budget, Slack and a socket, one after the other', () => {
    const world = started();
    expect(world.play({ type: 'permitted', id: 1 })).toEqual([
      { do: 'takeBudget', id: 1, purpose: 'needed', unspaced: false, sparing: false },
    ]);
    expect(world.play({ type: 'budget', id: 1, answer: { granted: true } })).toEqual([{ do: 'connect', id: 1 }]);
    const { url, self } = ok();
    expect(world.play({ type: 'answer', id: 1, answer: ok() })).toEqual([{ do: 'dial', id: 1, url, self }]);
    expect(world.play({ type: 'opened', id: 1 })).toEqual([{ do: 'leaveLine' }]);
    expect(world.play({ type: 'hello', id: 1 })).toEqual([{ do: 'markLive', tokenDigest: 'd1' }]);
    expect(statusOf(world.state)).toEqual({
      state: 'live',
      reason: '',
      message: '',
      tokenDigest: 'd1',
      teamName: 'Acme',
      botUserID: 'U1',
    });
  });

  it('keeps no socket URL in its state', () => {
    const world = started();
    world.until('dialing');
    expect(JSON.stringify(world.state)).not.toContain('ticket');
  });

  it('for balance connects from a full budget only, until it has been live', () => {
    const world = started(facts({ rebalance: true }));
    expect(world.play({ type: 'permitted', id: 1 })).toMatchObject([{ purpose: 'rebalance' }]);
    world.play({ type: 'budget', id: 1, answer: 'away' });
    expect(world.state.attempt.tag).toBe('waiting');
    world.live();
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    world.wake();
    expect(world.play({ type: 'permitted', id: world.id })).toMatchObject([{ purpose: 'needed' }]);
  });

  it('that restores the spread of its set gives way to others, and can wait for Redis, until it has been live', () => {
    const world = started(facts({ spread: true }));
    expect(world.play({ type: 'permitted', id: 1 })).toMatchObject([{ purpose: 'spread' }]);
    world.play({ type: 'budget', id: 1, answer: 'away' });
    expect(world.state.attempt.tag).toBe('waiting');
    world.live();
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    world.wake();
    expect(world.play({ type: 'permitted', id: world.id })).toMatchObject([{ purpose: 'needed' }]);
  });

  it('for balance asks at once when it is needed after all', () => {
    const world = started(facts({ rebalance: true }));
    world.play({ type: 'permitted', id: 1 });
    world.play({ type: 'budget', id: 1, answer: { granted: false, waitMs: 120_000 } });
    world.play({ type: 'update', spec: facts() });
    expect(world.play({ type: 'permitted', id: 2 })).toMatchObject([{ purpose: 'needed' }]);
  });

  it('with a value that is not a bot token asks nobody', () => {
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
    expect(world.play({ type: 'budget', id: 1, answer: { granted: true } })).toEqual([]);
  });

  it('is asked again by a slot whose socket dies while it waits for a refresh', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    world.play({ type: 'permitted', id: 2 });
    world.play({ type: 'budget', id: 2, answer: { granted: false, waitMs: 60_000 } });
    world.play({ type: 'closed', id: 1, close: CLOSED });
    expect(world.play({ type: 'permitted', id: 3 })).toMatchObject([{ purpose: 'needed' }]);
  });

  it('is asked again when it refuses a refresh whose socket has died in the meantime', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    world.play({ type: 'permitted', id: 2 });
    world.play({ type: 'closed', id: 1, close: CLOSED });
    expect(world.play({ type: 'budget', id: 2, answer: { granted: false, waitMs: 60_000 } })).toEqual([
      { do: 'leaveLine' },
      { do: 'joinLine', id: 3 },
    ]);
  });

  it('is blocked by a 429, which is waited out even by a slot without a socket', () => {
    const world = started();
    world.until('connecting');
    expect(world.play({ type: 'answer', id: 1, answer: { kind: 'rateLimited', retryAfterMs: 58_000 } })).toEqual([
      { do: 'blockBudget', forMs: 58_000 },
      { do: 'leaveLine' },
    ]);
    expect(statusOf(world.state)).toMatchObject({ state: 'waiting', reason: 'RateLimited' });
    expect(wakeAtMs(world.state)).toBeGreaterThanOrEqual(58_000);
  });

  it('is not hammered by an answer 429 that asks for no wait, again and again', () => {
    const world = started();
    for (let refusals = 0; refusals < 12; refusals += 1) {
      world.until('connecting');
      world.play({ type: 'answer', id: world.id, answer: { kind: 'rateLimited', retryAfterMs: 0 } });
    }
    expect(world.nowMs).toBeGreaterThan(180_000);
  });
});

describe('another slot of the team that goes first', () => {
  it('is waited for briefly, then longer and longer, and the slot stays connecting all the while', () => {
    const world = started();
    world.random = 0.999;
    const waits: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      world.until('asking');
      world.play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 30_000, yields: true } });
      expect(statusOf(world.state)).toMatchObject({ state: 'connecting', reason: '' });
      waits.push((wakeAtMs(world.state) ?? 0) - world.nowMs);
    }
    expect(waits).toEqual([250, 500, 1_000, 1_999, 2_997, 2_997].map((ms) => expect.closeTo(ms, -1)));
    world.live();
  });
});

describe('a call that did not get to Slack', () => {
  const unreached = {
    kind: 'retry',
    reason: 'SlackUnavailable',
    error: 'ECONNREFUSED',
    message: 'x',
    isUnreached: true,
  } as const;

  it('gives its connect back, and is tried again within seconds however often it fails', () => {
    const world = started();
    world.random = 0.999;
    for (let round = 0; round < 20; round += 1) {
      world.until('connecting');
      expect(world.play({ type: 'answer', id: world.id, answer: unreached })).toEqual([
        { do: 'leaveLine' },
        { do: 'giveBack' },
      ]);
      expect((wakeAtMs(world.state) ?? 0) - world.nowMs).toBeLessThanOrEqual(5_000);
    }
  });

  it('costs nothing of what a slot allows itself while Redis is away either', () => {
    const world = started();
    for (let round = 0; round < 3; round += 1) {
      world.until('asking');
      expect(world.play({ type: 'budget', id: world.id, answer: 'away' })).toMatchObject([{ do: 'connect' }]);
      expect(world.play({ type: 'answer', id: world.id, answer: unreached })).toEqual([{ do: 'leaveLine' }]);
    }
    expect(world.nowMs).toBeLessThan(15_000);
  });
});

describe('a Slack that has recovered', () => {
  const ill = { kind: 'retry', reason: 'SlackUnavailable', error: 'http_503', message: 'HTTP 503' } as const;

  it('ends a backoff, and connects need no spacing', () => {
    const world = started();
    for (let round = 0; round < 8; round += 1) {
      world.until('connecting');
      world.play({ type: 'answer', id: world.id, answer: ill });
    }
    world.play({ type: 'recovered' });
    expect((wakeAtMs(world.state) ?? 0) - world.nowMs).toBeLessThanOrEqual(1_000);
    world.until('inLine');
    expect(world.play({ type: 'permitted', id: world.id })).toMatchObject([{ do: 'takeBudget', unspaced: true }]);
  });

  it('ends a wait for the next connect, too, and one that is asked for at that very moment', () => {
    for (const tag of ['waiting', 'asking'] as const) {
      const world = started();
      world.until('asking');
      const refuse = (): unknown =>
        world.play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 30_000 } });
      if (tag === 'waiting') refuse();
      world.play({ type: 'recovered' });
      if (tag === 'asking') refuse();
      world.until('asking');
      expect(world.nowMs).toBeLessThanOrEqual(1_000);
      expect(world.state.attempt).toMatchObject({ unspaced: true });
    }
  });

  it.each(['connecting', 'dialing', 'greeting'] as const)(
    'ends an attempt that hangs while %s after 2 s, and the next comes at once',
    (tag) => {
      const world = started();
      for (let round = 0; round < 8; round += 1) {
        world.until('connecting');
        world.play({ type: 'answer', id: world.id, answer: ill });
      }
      world.until(tag);
      const { nowMs } = world;
      world.play({ type: 'recovered' });
      expect((wakeAtMs(world.state) ?? 0) - nowMs).toBe(2_000);
      world.wake();
      expect(isOutlived(world.state), 'only that attempt').toBe(false);
      expect((wakeAtMs(world.state) ?? 0) - world.nowMs).toBeLessThanOrEqual(1_000);
      world.until('asking');
      expect(world.state.attempt).toMatchObject({ unspaced: true });
      world.until('connecting');
      world.play({ type: 'answer', id: world.id, answer: ill });
      world.until('asking');
      expect(world.state.attempt, 'what fails after that is spaced again').toMatchObject({ unspaced: false });
    },
  );

  it('starts to count failures anew, because those of the outage say nothing', () => {
    const world = started();
    for (let round = 0; round < 8; round += 1) {
      world.until('connecting');
      world.play({ type: 'answer', id: world.id, answer: ill });
    }
    world.play({ type: 'recovered' });
    expect(world.state.failures).toBe(0);
  });

  it('ends no wait that Slack asked for', () => {
    const world = started();
    world.until('connecting');
    expect(world.play({ type: 'answer', id: 1, answer: { ...ill, retryAfterMs: 20_000 } })).toEqual([
      { do: 'leaveLine' },
      { do: 'holdBudget', forMs: 20_000 },
    ]);
    world.play({ type: 'recovered' });
    expect(wakeAtMs(world.state)).toBe(20_000);
  });
});

describe('failures in a row', () => {
  it('keep the same message, so that an outage does not write status again and again', () => {
    const world = started();
    const told = new Set<string>();
    const note = (): void => {
      const { reason, message } = statusOf(world.state);
      told.add(`${reason}: ${message}`);
    };
    const answer = { kind: 'retry', reason: 'SlackUnavailable', error: 'http_503', message: 'HTTP 503' } as const;
    world.until('connecting');
    world.play({ type: 'answer', id: world.id, answer });
    for (let round = 0; round < 3; round += 1) {
      note();
      world.until('asking');
      note();
      world.play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 40_000 } });
      expect(statusOf(world.state).state).toBe('waiting');
      note();
      world.until('connecting');
      note();
      world.play({ type: 'answer', id: world.id, answer });
    }
    expect([...told]).toEqual(['SlackUnavailable: HTTP 503']);
  });

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

  it('of an app are waited for 8 s at most in an outage of half a minute, and up to a minute in a long one', () => {
    const world = started(facts({ callsOften: true }));
    const waits = Array.from({ length: 22 }, () => {
      world.random = 0.999;
      return Math.round(failOnce(world) / 1000);
    });
    expect(waits.slice(0, 20)).toEqual([1, 2, 4, ...Array.from({ length: 17 }, () => 8)]);
    expect(waits.slice(20)).toEqual([60, 60]);
  });

  it('that came late have been waited for already', () => {
    const world = started();
    world.random = 0.999;
    for (let round = 0; round < 4; round += 1) failOnce(world);
    world.until('greeting');
    world.pass(10_000);
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    expect(Math.round((wakeAtMs(world.state) ?? 0) - world.nowMs)).toBeLessThan(6_100);
    world.until('greeting');
    world.random = 0;
    world.pass(10_000);
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    expect((wakeAtMs(world.state) ?? 0) - world.nowMs, 'no less than after a first failure').toBe(100);
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
    expect(world.play({ type: 'closed', id: 1, close })).toEqual([
      { do: 'leaveLine' },
      { do: 'holdBudget', forMs: 90_000 },
    ]);
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

describe('a wait that makes no sense', () => {
  const absurd = [Number.NaN, Number.POSITIVE_INFINITY, -Number.MAX_VALUE, 1e300];
  const ends = (world: SlotWorld): void => {
    const leftMs = (wakeAtMs(world.state) ?? Number.NaN) - world.nowMs;
    expect(leftMs).toBeGreaterThanOrEqual(0);
    expect(leftMs).toBeLessThanOrEqual(601_000);
  };

  it.each(absurd)('ends all the same: %d ms', (ms) => {
    const limited = started().until('connecting');
    const effects = limited.play({
      type: 'answer',
      id: limited.id,
      answer: { kind: 'rateLimited', retryAfterMs: ms },
    });
    ends(limited);
    const block = effects.find((effect) => effect.do === 'blockBudget');
    expect(block?.forMs).toBeGreaterThanOrEqual(0);
    expect(block?.forMs).toBeLessThanOrEqual(600_000);

    const closed = started().until('dialing');
    closed.play({ type: 'closed', id: closed.id, close: { ...CLOSED, kind: 'refused', retryAfterMs: ms } });
    ends(closed);

    for (const how of [{}, { yields: true }, { full: true }]) {
      const asking = started().until('asking');
      asking.play({ type: 'budget', id: asking.id, answer: { granted: false, waitMs: ms, ...how } });
      ends(asking);
    }
  });
});
