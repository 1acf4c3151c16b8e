import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HeldSlots, heldAfterRead, type SlotsRead } from '#connector/assignment/held-slots.ts';
import { type Convergence, converge } from '#connector/registry/converge.ts';
import type { Slot } from '#core/protocol/assignment.ts';
import { slotOf } from './slots.ts';

const held = (version: number, slots: Record<string, Slot> = {}): HeldSlots => ({
  version,
  slots: new Map(Object.entries(slots)),
});
const hash = (slots: Record<string, Slot | string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(slots).map(([id, slot]) => [id, typeof slot === 'string' ? slot : JSON.stringify(slot)]),
  );

/** A read, and what it makes of a connector that runs what it held until then. */
function read(before: HeldSlots, what: SlotsRead): Convergence & ReturnType<typeof heldAfterRead> {
  const after = heldAfterRead(before, what);
  const running = [...before.slots].map(([id, slot]) => [id, { slot, runner: id, failure: undefined }] as const);
  return { ...after, ...converge(after.held.slots, new Map(running), 0) };
}

const one = slotOf();
const two = slotOf({ bot: 'bots/other' });

describe('a connector that holds slots', () => {
  it('closes a slot that a higher version lacks', () => {
    const diff = read(held(4, { 'a/0': one, 'b/0': two }), { version: 5, fields: hash({ 'b/0': two }) });
    expect(diff).toMatchObject({ open: [], update: [], close: ['a/0'] });
    expect(diff.held).toEqual(held(5, { 'b/0': two }));
  });

  it('starts and updates what a higher version brings, and leaves alone what is the same', () => {
    const newer = { ...one, generation: 2 };
    const fields = hash({ 'a/0': newer, 'b/0': two, 'c/1': one });
    const diff = read(held(4, { 'a/0': one, 'b/0': two }), { version: 9, fields });
    expect(diff).toMatchObject({ open: [['c/1', one]], update: [['a/0', newer]], close: [] });
  });

  it('keeps a slot whose field it cannot decode', () => {
    const diff = read(held(4, { 'a/0': one }), { version: 5, fields: hash({ 'a/0': '{', 'b/0': 'null' }) });
    expect(diff).toMatchObject({ open: [], update: [], close: [], unreadable: ['a/0', 'b/0'] });
    expect(diff.held).toEqual(held(5, { 'a/0': one }));
  });

  it.each<[string, number | undefined]>([
    ['missing', undefined],
    ['lower', 3],
    ['equal', 4],
    ['zero', 0],
  ])('changes nothing when the version is %s, whatever the hash says', (_name, version) => {
    for (const fields of [{}, hash({ 'b/0': two })]) {
      const before = held(4, { 'a/0': one });
      expect(read(before, { version, fields })).toEqual({
        open: [],
        update: [],
        close: [],
        unreadable: [],
        held: before,
      });
    }
  });

  it('keeps the identical object for an unchanged slot, so that others can compare cheaply', () => {
    const before = held(4, { 'a/0': one });
    const { slots } = read(before, { version: 5, fields: hash({ 'a/0': { ...one }, 'b/0': two }) }).held;
    expect(slots.get('a/0')).toBe(one);
  });

  it('ignores fields of a newer operator', () => {
    const fields = { 'a/0': JSON.stringify({ ...one, colour: 'blue' }) };
    expect(read(held(1, { 'a/0': one }), { version: 2, fields }).update).toEqual([]);
  });
});

describe('a connector that starts', () => {
  it.each([undefined, 0, 7])('takes up whatever it can read, at version %s', (version) => {
    const diff = read(held(0), { version, fields: hash({ 'a/0': one, 'b/0': 'nonsense' }) });
    expect(diff.open).toEqual([['a/0', one]]);
    expect(diff.held).toEqual(held(version ?? 0, { 'a/0': one }));
  });

  it('keeps what it adopted without a version until one appears', () => {
    const first = read(held(0), { version: undefined, fields: hash({ 'a/0': one }) });
    const lost = read(first.held, { version: undefined, fields: {} });
    expect(lost.held).toEqual(first.held);
    expect(read(lost.held, { version: 1, fields: {} }).close).toEqual(['a/0']);
  });
});

describe('any sequence of reads', () => {
  const anyRead = fc.record({
    version: fc.option(fc.nat(6), { nil: undefined }),
    fields: fc
      .dictionary(fc.constantFrom('a/0', 'b/0', 'c/0'), fc.constantFrom(JSON.stringify(one), JSON.stringify(two), '{'))
      .map((fields) => ({ ...fields })),
  });

  it('closes a slot only for a version higher than the held one whose hash lacks it, and never goes back', () => {
    fc.assert(
      fc.property(fc.array(anyRead, { maxLength: 12 }), (reads) => {
        let before = held(0);
        for (const each of reads) {
          const diff = read(before, each);
          for (const id of diff.close) {
            expect(each.version).toBeGreaterThan(before.version);
            expect(Object.keys(each.fields)).not.toContain(id);
          }
          expect(diff.held.version).toBeGreaterThanOrEqual(before.version);
          const expected = new Set([...before.slots.keys(), ...diff.open.map(([id]) => id)]);
          for (const id of diff.close) expected.delete(id);
          expect(new Set(diff.held.slots.keys())).toEqual(expected);
          before = diff.held;
        }
      }),
    );
  });
});
