import { describe, expect, it } from 'vitest';
import { statusOf } from '#connector/slot/slot-status.ts';
import { HEARTBEAT_MS, wakeAtMs } from '#connector/slot/state.ts';
import { CLOSED, facts, LINK_DISABLED, live, type SlotWorld, started, TOO_MANY } from './slot-world.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const waitMs = (world: SlotWorld): number => (wakeAtMs(world.state) ?? Number.NaN) - world.nowMs;

/** Greets the attempt under way, with Slack's count, and says how many Relax knows. */
function hear(world: SlotWorld, sockets: number, known: number): void {
  world.until('greeting');
  const { id } = world;
  world.play({ type: 'hello', id, sockets });
  world.play({ type: 'known', id, known });
}

function liveWith(sockets: number, known: number): SlotWorld {
  const world = started();
  hear(world, sockets, known);
  return world;
}

function pass(world: SlotWorld, ms: number): string[] {
  const done: string[] = [];
  for (const endMs = world.nowMs + ms; world.nowMs < endMs; ) {
    world.pass(HEARTBEAT_MS);
    world.hear();
    done.push(...world.heartbeat().map((effect) => effect.do));
  }
  return done;
}

describe('Slack has too many websockets of the app', () => {
  const refused = (world: SlotWorld): void => {
    world.until('greeting');
    world.play({ type: 'closing', id: world.id, trouble: TOO_MANY });
  };

  it('said instead of hello: the waits grow from half a minute to ten minutes', () => {
    const world = started();
    const waits = Array.from({ length: 8 }, () => {
      refused(world);
      return Math.round(waitMs(world) / SECOND_MS);
    });
    expect(waits).toEqual([26, 53, 105, 210, 420, 525, 525, 525]);
    expect(statusOf(world.state)).toMatchObject({ state: 'waiting', ...TOO_MANY });
  });

  it('said after hello, each time: a socket that lived only seconds does not make the waits short again', () => {
    const world = started();
    const waits = Array.from({ length: 4 }, () => {
      world.live();
      world.pass(5 * SECOND_MS);
      world.play({ type: 'closing', id: world.id, trouble: TOO_MANY });
      return Math.round(waitMs(world) / SECOND_MS);
    });
    expect(waits).toEqual([26, 53, 105, 210]);
  });

  it('said after a minute of life: the waits begin anew', () => {
    const world = started();
    for (let round = 0; round < 5; round += 1) refused(world);
    world.live();
    world.pass(MINUTE_MS);
    expect(world.play({ type: 'closing', id: world.id, trouble: TOO_MANY })).toMatchObject([{ do: 'close' }]);
    expect(Math.round(waitMs(world) / SECOND_MS)).toBe(26);
  });

  it('nothing shortens the wait: neither the end of an outage nor the loss of the socket that was to be replaced', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    refused(world);
    const untilMs = wakeAtMs(world.state);
    world.play({ type: 'recovered' });
    world.play({ type: 'closed', id: 1, close: CLOSED });
    expect(wakeAtMs(world.state)).toBe(untilMs);
  });

  it('said to the live socket while its successor is on its way: that one is kept, since Slack counts it already', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    world.until('greeting');
    world.play({ type: 'closing', id: 1, trouble: TOO_MANY });
    expect(world.state.attempt.tag).toBe('greeting');
    expect(world.open).toEqual(new Set([2]));
  });

  it('said to the live socket before its successor was asked for: the successor waits, too', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    world.until('asking');
    world.play({ type: 'closing', id: 1, trouble: TOO_MANY });
    expect(world.state.attempt.tag).toBe('backingOff');
    expect(waitMs(world)).toBeGreaterThan(20 * SECOND_MS);
  });
});

describe('Relax itself has no place for another socket of the app', () => {
  const full = (world: SlotWorld): void => {
    world.until('asking');
    world.play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 15_000, full: true } });
  };

  it('the slot waits, asks less and less often, and says why', () => {
    const world = started();
    const waits = Array.from({ length: 5 }, () => {
      full(world);
      return Math.round(waitMs(world) / SECOND_MS);
    });
    expect(waits).toEqual([16, 31, 61, 121, 121]);
    expect(statusOf(world.state)).toMatchObject({ state: 'waiting', reason: 'TooManyWebsockets' });
    expect(statusOf(world.state).message).toContain('spec.replicas');
    world.live();
    expect(statusOf(world.state)).toMatchObject({ state: 'live', reason: '', message: '' });
  });

  it('it says so no longer when there is a place and only a connect is missing', () => {
    const world = started();
    full(world);
    world.until('asking');
    world.play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 15_000 } });
    expect(statusOf(world.state)).toMatchObject({ state: 'waiting', reason: 'WaitingForBudget' });
  });

  it('a socket that was to be replaced is read on; if it is lost meanwhile, the slot asks at once as one in need', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    full(world);
    expect(statusOf(world.state)).toMatchObject({ state: 'live', reason: '' });
    world.play({ type: 'closed', id: 1, close: CLOSED });
    expect(world.play({ type: 'permitted', id: world.id })).toMatchObject([{ purpose: 'needed' }]);
  });
});

describe('Slack counts websockets that Relax does not know', () => {
  it('the slot stays live and tells both numbers', () => {
    const status = statusOf(liveWith(5, 2).state);
    expect(status).toMatchObject({ state: 'live', reason: 'UnknownWebsockets' });
    expect(status.message).toMatch(/counts 5 websockets.*knows 2/);
  });

  it.each([
    [2, 2],
    [1, 2],
    [0, 1],
  ])('%i at Slack and %i known are none', (sockets, known) => {
    expect(statusOf(liveWith(sockets, known).state)).toMatchObject({ state: 'live', reason: '', message: '' });
  });

  it('a hello that counts nothing tells nothing', () => {
    const world = live();
    world.play({ type: 'known', id: 1, known: 0 });
    expect(statusOf(world.state).reason).toBe('');
  });

  it('the socket that is being replaced is not one of them', () => {
    const world = liveWith(2, 2);
    world.play({ type: 'leaving', id: 1 });
    hear(world, 3, 2);
    expect(statusOf(world.state).reason).toBe('');
    world.play({ type: 'leaving', id: world.id });
    hear(world, 6, 2);
    expect(statusOf(world.state).message).toMatch(/counts 5 websockets.*knows 2/);
  });

  it('those that others which are being replaced would explain are told when they are still there soon after', () => {
    const world = liveWith(3, 2);
    expect(statusOf(world.state).reason).toBe('');
    expect(pass(world, 20 * SECOND_MS)).not.toContain('joinLine');
    expect(pass(world, 5 * SECOND_MS)).toContain('joinLine');
    hear(world, 4, 2);
    expect(statusOf(world.state).message).toMatch(/counts 3 websockets.*knows 2/);
  });

  it('all sockets of an app that are replaced together, again and again, are never told', () => {
    const world = liveWith(2, 2);
    for (let round = 0; round < 5; round += 1) {
      pass(world, 15 * SECOND_MS);
      world.play({ type: 'leaving', id: world.id });
      hear(world, 4, 2);
      expect(statusOf(world.state)).toMatchObject({ state: 'live', reason: '' });
    }
  });

  it('those that have been told stay told when Slack replaces the socket', () => {
    const world = liveWith(5, 2);
    world.play({ type: 'leaving', id: world.id });
    hear(world, 4, 2);
    expect(statusOf(world.state).message).toMatch(/counts 3 websockets.*knows 2/);
  });

  it('those that were only being replaced are never told', () => {
    const world = liveWith(3, 2);
    pass(world, 25 * SECOND_MS);
    hear(world, 3, 2);
    expect(statusOf(world.state).reason).toBe('');
    expect(pass(world, 60 * MINUTE_MS)).not.toContain('joinLine');
  });

  it('what comes about a socket that was replaced meanwhile is ignored', () => {
    const world = liveWith(1, 1);
    world.play({ type: 'leaving', id: 1 });
    hear(world, 2, 1);
    world.play({ type: 'known', id: 1, known: 0 });
    expect(statusOf(world.state).reason).toBe('');
  });

  it('Slack is heard again after some minutes by a successor, which never takes one of the last connects', () => {
    const world = liveWith(5, 2);
    expect(pass(world, 5 * MINUTE_MS)).toEqual(['markLive']);
    expect(pass(world, 2 * MINUTE_MS)).toContain('joinLine');
    expect(world.play({ type: 'permitted', id: world.id })).toMatchObject([{ purpose: 'rebalance' }]);
    expect(world.open).toEqual(new Set([1]));
    hear(world, 3, 2);
    expect(statusOf(world.state)).toMatchObject({ state: 'live', reason: '', message: '' });
    expect(pass(world, 60 * MINUTE_MS)).not.toContain('joinLine');
  });

  it('the longer they stay, the less often, up to half an hour', () => {
    const world = liveWith(5, 2);
    const looks = Array.from({ length: 5 }, () => {
      const fromMs = world.nowMs;
      while (world.state.attempt.tag === 'none') pass(world, MINUTE_MS);
      hear(world, 6, 2);
      return Math.round((world.nowMs - fromMs) / MINUTE_MS);
    });
    expect(looks).toEqual([6, 6, 12, 23, 34]);
  });

  it('the status stays the same while Relax has not counted again', () => {
    const world = liveWith(5, 2);
    const before = statusOf(world.state);
    world.play({ type: 'leaving', id: 1 });
    world.until('greeting');
    world.play({ type: 'hello', id: world.id, sockets: 6 });
    expect(statusOf(world.state)).toEqual(before);
  });

  it('a slot whose socket dies while it asks for a look connects at once, also while Redis is away', () => {
    const world = liveWith(5, 2);
    while (world.state.attempt.tag === 'none') pass(world, MINUTE_MS);
    world.until('asking');
    world.play({ type: 'closed', id: 1, close: CLOSED });
    world.play({ type: 'budget', id: world.id, answer: 'away' });
    expect(world.state.attempt.tag).toBe('connecting');
  });

  it('a goodbye while it only looks makes the successor needed as any other', () => {
    const world = liveWith(5, 2);
    while (world.state.attempt.tag === 'none') pass(world, MINUTE_MS);
    world.until('asking');
    world.play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 100_000 } });
    world.play({ type: 'leaving', id: 1 });
    expect(world.play({ type: 'permitted', id: world.id })).toMatchObject([{ purpose: 'refresh' }]);
  });
});

describe('Slack switches the sockets of the app off', () => {
  const off = (world: SlotWorld): void => {
    world.play({ type: 'refused', id: world.id, refusal: LINK_DISABLED, mismatch: false });
  };

  it('the live socket is closed, and so is its successor', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    world.until('greeting');
    world.play({ type: 'refused', id: 1, refusal: LINK_DISABLED, mismatch: false });
    expect(world.open.size).toBe(0);
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'SocketModeDisabled' });
  });

  it('Slack is asked again within seconds, then less and less often, and the slot is failed all the time', () => {
    const world = live();
    off(world);
    const waits = Array.from({ length: 5 }, () => {
      const wait = Math.round(waitMs(world) / SECOND_MS);
      world.until('connecting');
      expect(statusOf(world.state).reason).toBe('SocketModeDisabled');
      world.until('greeting');
      expect(statusOf(world.state).reason).toBe('SocketModeDisabled');
      off(world);
      return wait;
    });
    expect(waits).toEqual([8, 45, 90, 180, 360]);
  });

  it('a hello takes it back', () => {
    const world = live();
    off(world);
    world.live();
    expect(statusOf(world.state)).toMatchObject({ state: 'live', reason: '', message: '' });
  });

  it('a person who changes the spec is obeyed at once', () => {
    const world = live();
    off(world);
    world.play({ type: 'update', spec: facts({ generation: 2 }) });
    expect(world.state.attempt.tag).toBe('inLine');
  });

  it('a socket of something else than the spec names is asked for again after an hour at the earliest', () => {
    const world = started();
    world.until('greeting');
    const refusal = { reason: 'AppMismatch', error: 'app_mismatch', message: 'The token is of another app.' } as const;
    world.play({ type: 'refused', id: world.id, refusal, mismatch: true });
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'AppMismatch' });
    expect(waitMs(world)).toBeGreaterThanOrEqual(60 * MINUTE_MS);
  });
});

describe('a socket whose events Slack hands to no other', () => {
  const refreshed = (spec = facts({ redelivers: true }), says = true): SlotWorld => {
    const world = live(spec);
    if (says) world.play({ type: 'leaving', id: 1 });
    else world.play({ type: 'update', spec: facts({ ...spec, tokenDigest: 'd2' }) });
    world.until('greeting');
    return world;
  };

  it('is read until Slack closes it, when Slack has said that it will', () => {
    const world = refreshed();
    expect(world.play({ type: 'hello', id: 2 })).toContainEqual({ do: 'letClose', id: 1 });
  });

  it('is closed by us when the app has so many sockets that others which are replaced need the room', () => {
    const world = refreshed();
    expect(world.play({ type: 'hello', id: 2, sockets: 7 })).toContainEqual({ do: 'close', id: 1 });
  });

  it('is closed by us when nobody else will', () => {
    const world = refreshed(facts({ redelivers: true }), false);
    expect(world.play({ type: 'hello', id: 2 })).toContainEqual({ do: 'close', id: 1 });
  });

  it('is closed by us where every socket gets a copy', () => {
    const world = refreshed(facts());
    expect(world.play({ type: 'hello', id: 2 })).toContainEqual({ do: 'close', id: 1 });
  });
});

it('a socket whose events Slack sends again is never paused', () => {
  const world = live(facts({ redelivers: true }));
  expect(world.play({ type: 'pressure', pressed: true })).toEqual([]);
  expect(statusOf(world.state).state).toBe('live');
  world.pass(6_000);
  expect(world.heartbeat()).toEqual([{ do: 'ping', id: 1 }]);
});
