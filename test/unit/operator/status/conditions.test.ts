import { describe, expect, it } from 'vitest';
import type { Condition } from '#core/api/condition.ts';
import { conditionOf, conditionsOf, hasFlipped } from '#operator/status/conditions.ts';

const BEFORE = '2026-11-24T00:00:00Z';
const NOW = '2026-11-25T00:00:00Z';
const types = ['Ready', 'Warm'] as const;
const previous: Condition[] = types.map((type) => ({
  type,
  status: 'True',
  reason: 'Well',
  message: 'all is well',
  lastTransitionTime: BEFORE,
  observedGeneration: 1,
}));
const history = { previous, generation: 2, nowMs: Date.parse(NOW) + 400 };
const cold = { status: 'False', reason: 'Cold', message: 'it is cold' } as const;
const well = { status: 'True', reason: 'Better', message: 'all is better' } as const;

describe('conditions', () => {
  it('have a new time only where the status flips, in whole seconds', () => {
    const made = conditionsOf(types, (type) => (type === 'Warm' ? cold : well), history);
    expect(made.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
      ['Ready', BEFORE],
      ['Warm', NOW],
    ]);
  });

  it('stand in the order of their types, about the generation that was judged', () => {
    const made = conditionsOf(types, () => well, { ...history, previous: previous.toReversed() });
    expect(made.map(({ type, reason, observedGeneration }) => [type, reason, observedGeneration])).toEqual([
      ['Ready', 'Better', 2],
      ['Warm', 'Better', 2],
    ]);
  });

  it('have no longer a message than the schema takes', () => {
    const [made] = conditionsOf(['Ready'], () => ({ ...well, message: 'x'.repeat(40_000) }), history);
    expect(made?.message).toHaveLength(32_768);
  });

  it('that are new have flipped, and those with another reason only have not', () => {
    const status = { conditions: previous };
    const [ready, warm] = conditionsOf(types, (type) => (type === 'Warm' ? cold : well), history);
    const flipped = [ready, warm].map((each) => each !== undefined && hasFlipped(status, each));
    expect(flipped).toEqual([false, true]);
    expect(ready !== undefined && hasFlipped(undefined, ready)).toBe(true);
    expect(conditionOf(status, 'Cosy')).toBeUndefined();
  });
});
