import { expect, it } from 'vitest';
import { HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import { HEARTBEAT_MS } from '#connector/slot/state.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';

it('calls each member once a period, spread over it', async () => {
  const timers = new FakeTimers();
  const wheel = new HeartbeatWheel(timers);
  const heartbeats: { member: number; atMs: number }[] = [];
  for (let member = 0; member < 50; member += 1)
    wheel.join(() => heartbeats.push({ member, atMs: timers.monotonicMs() }));
  await timers.advance(4 * HEARTBEAT_MS);
  expect(heartbeats).toHaveLength(200);
  expect(new Set(heartbeats.map(({ atMs }) => atMs)).size).toBe(100);
  for (let member = 0; member < 50; member += 1) {
    const times = heartbeats.filter((heartbeat) => heartbeat.member === member).map(({ atMs }) => atMs);
    expect(times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0))).toEqual([
      HEARTBEAT_MS,
      HEARTBEAT_MS,
      HEARTBEAT_MS,
    ]);
  }
});

it('does not catch up after a standstill', async () => {
  const timers = new FakeTimers();
  let late = false;
  // The clock jumps while the first timer is under way.
  const wheel = new HeartbeatWheel({ ...bound(timers), monotonicMs: () => timers.monotonicMs() + (late ? 60_000 : 0) });
  let heartbeats = 0;
  wheel.join(() => {
    heartbeats += 1;
    late = true;
  });
  await timers.advance(HEARTBEAT_MS);
  await timers.advance(HEARTBEAT_MS);
  expect(heartbeats).toBeLessThanOrEqual(3);
});

it('gives a member the time between two heartbeats also after a short standstill', async () => {
  const timers = new FakeTimers();
  let lateMs = 0;
  const monotonicMs = (): number => timers.monotonicMs() + lateMs;
  const wheel = new HeartbeatWheel({ ...bound(timers), monotonicMs });
  const heartbeats: number[] = [];
  wheel.join(() => heartbeats.push(monotonicMs()));
  await timers.advance(HEARTBEAT_MS / 50);
  lateMs = HEARTBEAT_MS - 100;
  await timers.advance(3 * HEARTBEAT_MS);
  expect(heartbeats.length).toBeGreaterThan(1);
  const gaps = heartbeats.slice(1).map((atMs, index) => atMs - (heartbeats[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(0.9 * HEARTBEAT_MS);
});

it('runs no timer without members, and one however often members come and go', async () => {
  const timers = new FakeTimers();
  const wheel = new HeartbeatWheel(timers);
  expect(timers.pending).toBe(0);
  let heartbeats = 0;
  let leave = wheel.join(() => {
    leave();
    leave = wheel.join(() => {
      heartbeats += 1;
    });
  });
  await timers.advance(2 * HEARTBEAT_MS);
  heartbeats = 0;
  await timers.advance(HEARTBEAT_MS);
  expect([heartbeats, timers.pending]).toEqual([1, 1]);
  leave();
  leave();
  await timers.advance(2 * HEARTBEAT_MS);
  expect([heartbeats, timers.pending]).toEqual([1, 0]);
});

const bound = (timers: FakeTimers) => ({
  wallMs: () => timers.wallMs(),
  monotonicMs: () => timers.monotonicMs(),
  after: (delayMs: number, fire: () => void) => timers.after(delayMs, fire),
});
