import { describe, expect, it } from 'vitest';
import type { Mark } from '#connector/event/mark.ts';
import { findsMarkOf, type MarkPlace, markedBucket, markKeys, markPlace } from '#connector/queue/mark-keys.ts';
import { DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { type DedupeSteps, firstSteps, withStep } from '#core/protocol/dedupe-steps.ts';
import { queueKeys } from '#core/protocol/keys.ts';

const keys = queueKeys('relax:events');
interface KeyedPlace extends MarkPlace {
  keys: string[];
}
const place = (
  id: string,
  mark: Mark,
  arrivedAtMs = 0,
  steps: DedupeSteps = firstSteps(DEFAULT_CONTRACT.subBuckets),
): KeyedPlace => {
  const found = markPlace(id, mark, DEFAULT_CONTRACT, arrivedAtMs);
  return { ...found, keys: markKeys(found, steps, keys) };
};

describe('where a mark lives', () => {
  it('is one bucket by the own time of the event, whenever it arrives', () => {
    const early = place('T1/U1/message/C1/600.5', { kind: 'timed', atMs: 600_000 }, 1);
    expect(early.keys).toEqual([expect.stringMatching(/^\{relax:events\}:dd:10:\d{1,2}$/)]);
    expect(early.field).toMatch(/^[\w-]{22}$/);
    expect(early.ttlSeconds).toBe(3_660);
    expect(place('T1/U1/message/C1/600.5', { kind: 'timed', atMs: 600_000 }, 9e12)).toEqual(early);
  });

  it('of an untimed event is the bucket of arrival between its neighbours, so that copies of one minute meet', () => {
    const bucketsOf = ({ keys: [...all] }: KeyedPlace): (string | undefined)[] => all.map((key) => key.split(':')[3]);
    const before = place('x', { kind: 'untimed' }, 659_999);
    const after = place('x', { kind: 'untimed' }, 660_000);
    expect([bucketsOf(before), bucketsOf(after)]).toEqual([
      ['9', '10', '11'],
      ['10', '11', '12'],
    ]);
    expect(after.keys).toContain(before.keys[1]);
    expect(before.keys).toContain(after.keys[1]);
  });

  it('of an event over Socket Mode is in a family of its own if Slack may send it for a day; copies meet in any case', () => {
    const ordinary = place('A1/e1', { kind: 'timed', atMs: 600_000, delayed: false });
    const delayed = place('A1/e1', { kind: 'timed', atMs: 600_000, delayed: true }, 9e12);
    const [key = ''] = ordinary.keys;
    // The first of two gets the mark.
    expect(ordinary.keys).toEqual([key, key.replace(':dd:', ':dd26:')]);
    expect(delayed.keys).toEqual([...ordinary.keys].reverse());
    expect([ordinary.ttlSeconds, delayed.ttlSeconds]).toEqual([3_660, 26 * 3_600 + 60]);
    expect(delayed.field).toBe(ordinary.field);
  });

  it('of an event with a number and no time is a key of its own, for as long as other marks of its kind', () => {
    const ordinary = place('A1/e1', { kind: 'numbered', delayed: false });
    const delayed = place('A1/e1', { kind: 'numbered', delayed: true }, 9e12);
    expect(ordinary.keys).toEqual([`{relax:events}:dd:own:${ordinary.field}`]);
    expect(delayed.keys).toEqual(ordinary.keys);
    expect([ordinary.ttlSeconds, delayed.ttlSeconds]).toEqual([3_660, 26 * 3_600 + 60]);
  });

  it('lives as long as the window, where that is longer than a day', () => {
    const week = { ...DEFAULT_CONTRACT, windowMs: 604_800_000 };
    expect(markPlace('A1/e1', { kind: 'timed', atMs: 0, delayed: true }, week, 0).ttlSeconds).toBe(604_860);
  });

  it('of a lasting fact is a key of its own', () => {
    const { keys: all, field, ttlSeconds } = place('T1/disable_bot/d', { kind: 'own', ttlMs: 2_592_000_000 });
    expect([all, ttlSeconds]).toEqual([[`{relax:events}:dd:own:${field}`], 2_592_000]);
  });

  it('spreads evenly over the sub-buckets', () => {
    const counts = new Map<string, number>();
    for (let n = 0; n < 6_400; n++) {
      const [key = ''] = place(`id ${n}`, { kind: 'timed', atMs: 0 }).keys;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(64);
    expect(Math.max(...counts.values())).toBeLessThan(160);
  });

  it('follows the steps of the dedupe memory, each bucket by its own', () => {
    const steps = [
      { fromBucket: 10, count: 1_000 },
      { fromBucket: 11, count: 1 },
    ].reduce(withStep, firstSteps(1));
    const hashesOf = (mark: Mark, arrivedAtMs = 0): (string | undefined)[] =>
      place('x', mark, arrivedAtMs, steps).keys.map((key) => key.split(':').slice(3).join(':'));
    expect(hashesOf({ kind: 'timed', atMs: 599_999 })).toEqual(['9:0']);
    const [between = ''] = hashesOf({ kind: 'timed', atMs: 600_000 });
    expect(between).toMatch(/^10:\d{1,3}$/);
    expect(hashesOf({ kind: 'untimed' }, 600_000)).toEqual(['9:0', between, '11:0']);
    expect(hashesOf({ kind: 'timed', atMs: 600_000, delayed: true })).toEqual([between, between]);
  });

  it('finds a waiting copy where that will be marked, and nowhere else', () => {
    const timed = (atMs: number, delayed?: boolean): MarkPlace =>
      place('x', delayed === undefined ? { kind: 'timed', atMs } : { kind: 'timed', atMs, delayed });
    const untimed = (arrivedAtMs: number): MarkPlace => place('x', { kind: 'untimed' }, arrivedAtMs);
    const numbered = place('x', { kind: 'numbered', delayed: false });
    expect(findsMarkOf(timed(600_000), timed(659_999))).toBe(true);
    expect(findsMarkOf(timed(600_000), timed(660_000))).toBe(false);
    expect(findsMarkOf(timed(600_000, true), timed(600_000, false))).toBe(true);
    expect(findsMarkOf(timed(600_000), timed(600_000, true))).toBe(false);
    expect(findsMarkOf(untimed(600_000), untimed(660_000))).toBe(true);
    expect(findsMarkOf(untimed(600_000), untimed(720_000))).toBe(false);
    expect(findsMarkOf(numbered, numbered)).toBe(true);
    expect(findsMarkOf(numbered, timed(0))).toBe(false);
    expect(findsMarkOf(timed(0), numbered)).toBe(false);
    expect([markedBucket(untimed(600_000)), markedBucket(numbered)]).toEqual([
      { bucket: 10, delayed: false },
      undefined,
    ]);
  });
});
