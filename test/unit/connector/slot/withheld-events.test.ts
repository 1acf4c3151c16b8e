import { beforeEach, describe, expect, it } from 'vitest';
import { CopiedEvents } from '#connector/slot/copied-events.ts';
import { statusOf } from '#connector/slot/slot-status.ts';
import { type Effect, HEARTBEAT_MS } from '#connector/slot/state.ts';
import { facts, live, type SlotWorld } from './slot-world.ts';

let world: SlotWorld;
beforeEach(() => {
  world = live();
});

const MINUTE = 60_000;
const current = (): number => world.state.current?.id ?? 0;
const withheld = (): readonly Effect[] => world.play({ type: 'withheld', id: current() });
const reason = (): string => statusOf(world.state).reason;
const isOpening = (): boolean => world.state.attempt.tag !== 'none';
/** Purpose of the next connect that the slot asks for. */
function purpose(): string | undefined {
  const effects = world.play({ type: 'permitted', id: world.id });
  return effects.find((effect) => effect.do === 'takeBudget')?.purpose;
}
/** Minutes pass, with heartbeats and pongs. */
function pass(minutes: number): void {
  for (let ms = 0; ms < minutes * MINUTE; ms += HEARTBEAT_MS) {
    world.pass(HEARTBEAT_MS);
    world.hear();
    world.heartbeat();
  }
}

describe('a socket from which events are withheld', () => {
  it('is read until its successor has said hello, and then closed', () => {
    const before = current();
    expect(withheld()).toContainEqual({ do: 'joinLine', id: before + 1 });
    world.until('greeting');
    expect([...world.open]).toEqual([before, before + 1]);
    expect(world.play({ type: 'hello', id: world.id })).toContainEqual({ do: 'close', id: before });
    expect(current()).toBe(before + 1);
  });

  it('takes a connect as one that Slack will close does', () => {
    withheld();
    expect(purpose()).toBe('refresh');
  });

  it('is live, and says what is the matter, until its successor has brought an event', () => {
    withheld();
    expect(statusOf(world.state)).toMatchObject({ state: 'live', reason: 'EventsWithheld' });
    world.live();
    expect(reason()).toBe('EventsWithheld');
    world.play({ type: 'brought', id: current() });
    expect(reason()).toBe('');
  });

  it('says no more of it a minute after it was replaced, when there are no events to tell by', () => {
    withheld();
    world.live();
    pass(0.9);
    expect(reason()).toBe('EventsWithheld');
    pass(0.2);
    expect(reason()).toBe('');
  });

  it('is replaced at growing intervals if its successors bring nothing either, and only from a full budget', () => {
    const minutes: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      const startMs = world.nowMs;
      withheld();
      while (!isOpening()) pass(0.25);
      minutes.push(Math.round((world.nowMs - startMs) / MINUTE));
      expect(purpose()).toBe(n === 0 ? 'refresh' : 'rebalance');
      expect(reason()).toBe('EventsWithheld');
      world.live();
    }
    expect(minutes).toEqual([0, 1, 2, 4, 8, 16, 30, 30]);
  });

  it('is the first again after an hour without another', () => {
    withheld();
    world.live();
    pass(61);
    withheld();
    expect(purpose()).toBe('refresh');
  });

  it('stays if it brings events again before a successor is asked for', () => {
    withheld();
    world.play({ type: 'permitted', id: world.id });
    world.play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 30_000 } });
    world.play({ type: 'brought', id: current() });
    expect([isOpening(), reason()]).toEqual([false, '']);
  });

  it('is replaced all the same if it brings events while its successor connects', () => {
    withheld();
    world.until('dialing');
    world.play({ type: 'brought', id: current() });
    expect(world.state.attempt.tag).toBe('dialing');
  });

  it('is in a hurry once Slack says that it will close it', () => {
    withheld();
    world.live();
    withheld();
    pass(1);
    world.play({ type: 'permitted', id: world.id });
    world.play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 180_000 } });
    world.play({ type: 'leaving', id: current() });
    expect(purpose()).toBe('refresh');
  });

  it('is not one that is paused, that Slack closes, or that is replaced already', () => {
    world.play({ type: 'pressure', pressed: true });
    withheld();
    expect([isOpening(), reason()]).toEqual([false, '']);
    world.play({ type: 'pressure', pressed: false });
    world.play({ type: 'leaving', id: current() });
    const { id } = world;
    withheld();
    expect(world.id).toBe(id);
  });

  it('is not the successor of one that was', () => {
    const before = current();
    withheld();
    world.live();
    world.play({ type: 'withheld', id: before });
    expect(isOpening()).toBe(false);
  });

  it('is left for a new token at once, from the budget of any token that changes', () => {
    withheld();
    world.live();
    withheld();
    world.play({ type: 'update', spec: facts({ tokenDigest: 'd2' }) });
    expect(purpose()).toBe('refresh');
  });
});

describe('the events that a socket brought', () => {
  it('are those that every socket of its token gets, and no repetition', () => {
    const events = new CopiedEvents();
    expect(events.atMs).toBe(Number.NEGATIVE_INFINITY);
    events.read('message/C1/1', 10);
    events.read(undefined, 20);
    events.read('message/C1/1', 30);
    expect(events.atMs).toBe(10);
    events.read('message/C1/2', 40);
    events.read('message/C1/1', 50);
    expect(events.atMs).toBe(40);
  });
});
