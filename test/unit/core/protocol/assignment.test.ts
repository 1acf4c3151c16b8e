import { describe, expect, it } from 'vitest';
import { decodeSlot, encodeSlot, teamOf } from '#core/protocol/assignment.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';

describe('A slot in Redis', () => {
  it.each(['place', 'drain', 'spread', 'rebalance'] as const)('with cause %s is read as it was written', (cause) => {
    const slot = slotOf({ cause });
    expect(decodeSlot(encodeSlot(slot))).toEqual(slot);
  });

  it('is shown to programs that do not know the cause "spread" as one that they know', () => {
    expect(JSON.parse(encodeSlot(slotOf({ cause: 'spread' })))).toMatchObject({ cause: 'rebalance' });
  });

  it('whose cause a later version invented is run all the same', () => {
    const later = JSON.stringify({ ...slotOf(), cause: 'whim' });
    expect(decodeSlot(later)).toEqual(slotOf({ cause: 'place' }));
  });

  it.each(['rtm', 'socketMode'] as const)('of kind %s names its team, or it cannot be read', (kind) => {
    expect(decodeSlot(encodeSlot(slotOf({ kind })))).toMatchObject(slotOf({ kind }));
    expect(decodeSlot(JSON.stringify({ ...slotOf({ kind }), teamID: undefined }))).toBeUndefined();
  });

  it('of an app is of no team', () => {
    const slot = decodeSlot(JSON.stringify({ ...slotOf({ kind: 'app' }), teamID: undefined }));
    expect(slot).toMatchObject({ kind: 'app' });
    expect(slot && teamOf(slot)).toBe('');
  });

  it('of a kind that a later version invented is unknown, not gone', () => {
    expect(decodeSlot(JSON.stringify({ ...slotOf(), kind: 'carrierPigeon' }))).toBeUndefined();
  });
});
