import { describe, expect, it } from 'vitest';
import { converge, failedAgain, nextRetryMs, type SlotEntry, type SlotFailure } from '#connector/registry/converge.ts';
import type { Slot } from '#core/protocol/assignment.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';

const one = slotOf();
const newer = slotOf({ generation: 2 });
const otherKind = slotOf({ kind: 'socketMode' });
const running = (slot: Slot, changes: Partial<SlotEntry> = {}): SlotEntry => ({
  slot,
  runner: {},
  failure: undefined,
  ...changes,
});
const failedAt = (retryAtMs: number): SlotFailure => ({ times: 1, retryAtMs });

describe('what runs', () => {
  it.each<[string, SlotEntry | undefined, Slot | undefined, string]>([
    ['is left alone when it is what is held', running(one), { ...one }, ''],
    ['is opened when it is held and does not run', undefined, one, 'open'],
    ['is updated when another assignment is held', running(one), newer, 'update'],
    ['is closed when it is held no more', running(one), undefined, 'close'],
    [
      'is closed when it is held no more, though it failed',
      running(one, { failure: failedAt(200) }),
      undefined,
      'close',
    ],
    ['waits after a failure', running(one, { runner: undefined, failure: failedAt(101) }), one, ''],
    [
      'is opened again when its time has come',
      running(one, { runner: undefined, failure: failedAt(100) }),
      one,
      'open',
    ],
    ['is updated again when its time has come', running(one, { failure: failedAt(100) }), one, 'update'],
    ['is closed and opened when it is of another kind now', running(one), otherKind, 'close open'],
    [
      'is closed and opened when it is of another kind now, though it failed',
      running(one, { failure: failedAt(200) }),
      otherKind,
      'close open',
    ],
    ['waits for nothing when another assignment is held', running(one, { failure: failedAt(200) }), newer, 'update'],
  ])('%s', (_name, now, wanted, expected) => {
    const todo = converge(
      new Map(wanted === undefined ? [] : [['a/0', wanted]]),
      new Map(now === undefined ? [] : [['a/0', now]]),
      100,
    );
    expect(todo).toEqual({
      close: expected.includes('close') ? ['a/0'] : [],
      open: expected.includes('open') ? [['a/0', wanted]] : [],
      update: expected.includes('update') ? [['a/0', wanted]] : [],
    });
  });
});

describe('the next try', () => {
  it('comes after 1, 2, 4 and 8 s, then every 10 s forever', () => {
    let failure: SlotFailure | undefined;
    const waits: number[] = [];
    for (let nowMs = 0; waits.length < 1_100; nowMs = failure.retryAtMs) {
      failure = failedAgain(failure, nowMs);
      waits.push(failure.retryAtMs - nowMs);
    }
    expect(waits.slice(0, 6)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    expect(waits.at(-1)).toBe(10_000);
  });

  it('is that of the slot which is due first, at once if it is late, and never if none failed', () => {
    const slots = [running(one), running(one, { failure: failedAt(300) }), running(one, { failure: failedAt(200) })];
    expect(nextRetryMs(slots, 150)).toBe(50);
    expect(nextRetryMs(slots, 250)).toBe(0);
    expect(nextRetryMs(slots.slice(0, 1), 0)).toBe(Number.POSITIVE_INFINITY);
  });
});
