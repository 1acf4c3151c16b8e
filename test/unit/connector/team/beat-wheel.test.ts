import { expect, it } from 'vitest';
import { BeatWheel } from '../../../../connector/team/beat-wheel.ts';
import { BEAT_MS } from '../../../../connector/team/state.ts';
import { FakeTimers } from '../../../support/kube/fake-timers.ts';

it('beats for each member once a period, spread over it', async () => {
  const timers = new FakeTimers();
  const wheel = new BeatWheel(timers);
  const beats: { member: number; atMs: number }[] = [];
  for (let member = 0; member < 50; member += 1) wheel.join(() => beats.push({ member, atMs: timers.monotonicMs() }));
  await timers.advance(4 * BEAT_MS);
  expect(beats).toHaveLength(200);
  expect(new Set(beats.map(({ atMs }) => atMs)).size).toBe(100);
  for (let member = 0; member < 50; member += 1) {
    const times = beats.filter((beat) => beat.member === member).map(({ atMs }) => atMs);
    expect(times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0))).toEqual([BEAT_MS, BEAT_MS, BEAT_MS]);
  }
});

it('makes up for nothing after a standstill', async () => {
  const timers = new FakeTimers();
  let late = false;
  // The clock jumps while the first timer is under way.
  const wheel = new BeatWheel({ ...bound(timers), monotonicMs: () => timers.monotonicMs() + (late ? 60_000 : 0) });
  let beats = 0;
  wheel.join(() => {
    beats += 1;
    late = true;
  });
  await timers.advance(BEAT_MS);
  await timers.advance(BEAT_MS);
  expect(beats).toBeLessThanOrEqual(3);
});

it('gives a member the time between two beats also after a short standstill', async () => {
  const timers = new FakeTimers();
  let lateMs = 0;
  const monotonicMs = (): number => timers.monotonicMs() + lateMs;
  const wheel = new BeatWheel({ ...bound(timers), monotonicMs });
  const beats: number[] = [];
  wheel.join(() => beats.push(monotonicMs()));
  await timers.advance(BEAT_MS / 50);
  lateMs = BEAT_MS - 100;
  await timers.advance(3 * BEAT_MS);
  expect(beats.length).toBeGreaterThan(1);
  const gaps = beats.slice(1).map((atMs, index) => atMs - (beats[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(0.9 * BEAT_MS);
});

it('runs no timer without members, and one however often members come and go', async () => {
  const timers = new FakeTimers();
  const wheel = new BeatWheel(timers);
  expect(timers.pending).toBe(0);
  let leave = wheel.join(() => {
    leave();
    leave = wheel.join(() => {});
  });
  await timers.advance(2 * BEAT_MS);
  expect([wheel.members, timers.pending]).toEqual([1, 1]);
  leave();
  leave();
  expect([wheel.members, timers.pending]).toEqual([0, 0]);
});

const bound = (timers: FakeTimers) => ({
  wallMs: () => timers.wallMs(),
  monotonicMs: () => timers.monotonicMs(),
  after: (delayMs: number, fire: () => void) => timers.after(delayMs, fire),
});
