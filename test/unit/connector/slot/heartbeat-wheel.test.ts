import { expect, it } from 'vitest';
import { HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import { HEARTBEAT_MS } from '#connector/slot/state.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';

it('calls each member once a period, spread over it', async () => {
  const timers = new FakeTimers();
  const wheel = new HeartbeatWheel(timers);
  const heartbeats: { member: number; atMs: number }[] = [];
  for (let member = 0; member < 50; member += 1)
    wheel.join({ heartbeat: () => heartbeats.push({ member, atMs: timers.monotonicMs() }) });
  await timers.advance(4 * HEARTBEAT_MS);
  expect(heartbeats).toHaveLength(200);
  expect(new Set(heartbeats.map(({ atMs }) => atMs)).size).toBe(40);
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
  wheel.join({
    heartbeat: () => {
      heartbeats += 1;
      late = true;
    },
  });
  await timers.advance(HEARTBEAT_MS);
  await timers.advance(HEARTBEAT_MS);
  expect(heartbeats).toBeLessThanOrEqual(3);
});

it('tells since when the process has not been delayed', async () => {
  const timers = new FakeTimers();
  let lateMs = 0;
  const wheel = new HeartbeatWheel({ ...bound(timers), monotonicMs: () => timers.monotonicMs() + lateMs });
  const steady = new Set<number>();
  wheel.join({ heartbeat: (sinceMs) => steady.add(sinceMs) });
  await timers.advance(HEARTBEAT_MS);
  lateMs = 900;
  await timers.advance(HEARTBEAT_MS);
  expect([...steady]).toEqual([Number.NEGATIVE_INFINITY]);
  lateMs += 30_000;
  const heldUpAtMs = timers.monotonicMs() + lateMs;
  await timers.advance(2 * HEARTBEAT_MS);
  expect(steady.size).toBe(2);
  expect(Math.max(...steady)).toBeGreaterThanOrEqual(heldUpAtMs);
});

it('gives a member the time between two heartbeats also after a short standstill', async () => {
  const timers = new FakeTimers();
  let lateMs = 0;
  const monotonicMs = (): number => timers.monotonicMs() + lateMs;
  const wheel = new HeartbeatWheel({ ...bound(timers), monotonicMs });
  const heartbeats: number[] = [];
  wheel.join({ heartbeat: () => heartbeats.push(monotonicMs()) });
  await timers.advance(HEARTBEAT_MS / 20);
  lateMs = HEARTBEAT_MS - 100;
  await timers.advance(3 * HEARTBEAT_MS);
  expect(heartbeats.length).toBeGreaterThan(1);
  const gaps = heartbeats.slice(1).map((atMs, index) => atMs - (heartbeats[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.9 * HEARTBEAT_MS);
});

it('runs no timer without members, and one however often members come and go', async () => {
  const timers = new FakeTimers();
  const wheel = new HeartbeatWheel(timers);
  expect(timers.pending).toBe(0);
  let heartbeats = 0;
  const counts = {
    heartbeat: () => {
      heartbeats += 1;
    },
  };
  const first = {
    heartbeat: () => {
      wheel.leave(first);
      wheel.join(counts);
    },
  };
  wheel.join(first);
  await timers.advance(2 * HEARTBEAT_MS);
  heartbeats = 0;
  await timers.advance(HEARTBEAT_MS);
  expect([heartbeats, timers.pending]).toEqual([1, 1]);
  wheel.leave(counts);
  wheel.leave(counts);
  await timers.advance(2 * HEARTBEAT_MS);
  expect([heartbeats, timers.pending]).toEqual([1, 0]);
});

const bound = (timers: FakeTimers) => ({
  wallMs: () => timers.wallMs(),
  monotonicMs: () => timers.monotonicMs(),
  after: (delayMs: number, fire: () => void) => timers.after(delayMs, fire),
});
