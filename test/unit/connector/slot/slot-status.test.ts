import { describe, expect, it } from 'vitest';
import { statusOf, waitUntilMs } from '#connector/slot/slot-status.ts';
import { CLOSED, ok, SlotWorld } from './slot-world.ts';

/** Redis' clock runs beside the slot's, and is elsewhere. */
const OFFSET_MS = 1_000_000_250;
const waitOf = (world: SlotWorld, told?: number): number | undefined =>
  waitUntilMs(world.state, told, world.nowMs + OFFSET_MS, (untilMs) => untilMs - world.nowMs);

function waiting(waitMs: number): SlotWorld {
  const world = new SlotWorld();
  world.play({ type: 'start' });
  world.until('asking').play({ type: 'budget', id: world.id, answer: { granted: false, waitMs } });
  return world;
}

describe('the end of a wait', () => {
  it('for the budget is reported in whole seconds of the common clock', () => {
    const world = waiting(42_000);
    const until = waitOf(world) ?? 0;
    expect(until % 1000).toBe(0);
    // The jitter of those who wait for one moment is half a second here.
    expect(until - (world.nowMs + OFFSET_MS)).toBeGreaterThanOrEqual(42_500);
    expect(until - (world.nowMs + OFFSET_MS)).toBeLessThan(43_500);
  });

  it('is reported beside the problem that led to it', () => {
    const world = new SlotWorld().live();
    world.play({ type: 'closed', id: world.id, close: CLOSED });
    world.until('asking').play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 50_000 } });
    expect(statusOf(world.state)).toMatchObject({ state: 'waiting', reason: 'ConnectionLost' });
    expect(waitOf(world)).toBeGreaterThan(world.nowMs + OFFSET_MS + 50_000);
  });

  it('stays the same while only the clock of Redis has moved slightly', () => {
    const world = waiting(42_000);
    const told = waitOf(world) ?? 0;
    for (const drift of [-900, 0, 900, 1_500]) {
      const later = waitUntilMs(world.state, told, world.nowMs + OFFSET_MS + drift, (untilMs) => untilMs - world.nowMs);
      expect(later).toBe(told);
    }
  });

  it('stands while the slot asks again, and makes way for the next one', () => {
    const world = waiting(42_000);
    const told = waitOf(world) ?? 0;
    world.wake();
    world.pass(1_000);
    expect(world.state.attempt.tag).toBe('inLine');
    expect(waitOf(world, told)).toBe(told);
    world.until('asking').play({ type: 'budget', id: world.id, answer: { granted: false, waitMs: 30_000 } });
    expect(waitOf(world, told)).toBeGreaterThan(told + 20_000);
  });

  it('ends with a live socket, and when the slot goes on before its time', () => {
    const world = waiting(42_000);
    const told = waitOf(world);
    world.play({ type: 'update', spec: { ...world.state.spec, tokenDigest: 'd2' } });
    expect(waitOf(world, told)).toBeUndefined();
    world.live();
    expect(waitOf(world, told)).toBeUndefined();
  });

  it('of a long backoff is reported, of a short one not', () => {
    const world = new SlotWorld();
    world.play({ type: 'start' });
    const fail = () => {
      world.until('connecting');
      world.play({
        type: 'answer',
        id: world.id,
        answer: { kind: 'retry', reason: 'SlackUnavailable', error: 'e', message: 'm' },
      });
    };
    fail();
    expect(waitOf(world)).toBeUndefined();
    for (let n = 0; n < 8; n += 1) fail();
    expect(waitOf(world)).toBeGreaterThan(world.nowMs + OFFSET_MS + 20_000);
  });
});

it('a live socket tells what people should know of it, until it is replaced by one without', () => {
  const world = new SlotWorld();
  world.play({ type: 'start' });
  const trouble = { reason: 'BotTokenRefused', message: 'The bot token is of no use.' } as const;
  const answer = ok();
  world
    .until('connecting')
    .play({ type: 'answer', id: world.id, answer: { ...answer, self: { ...answer.self, trouble } } });
  world.live();
  expect(statusOf(world.state)).toMatchObject({ state: 'live', ...trouble });
  world.play({ type: 'leaving', id: world.id });
  world.live();
  expect(statusOf(world.state)).toMatchObject({ state: 'live', reason: '', message: '' });
});
