import { describe, expect, it } from 'vitest';
import type { Slot } from '../../../../core/assignment.ts';
import type { FleetKey } from '../../../../core/seal.ts';
import type { PodMemory } from '../../../../operator/fleet/pod-memory.ts';
import { RESEALS_A_ROUND, withReseals } from '../../../../operator/fleet/reseal.ts';

const key = (id: string): FleetKey => ({ id, secret: Buffer.alloc(32) });
const [fresh, old] = [key('new'), key('old')];
const slot = (keyID: string) => ({ epoch: 3, token: `v1.${keyID}.x`, assignedAtMs: 4 }) as unknown as Slot;
const pod = (keyIDs: string[], sealedBy: string[], change: Partial<PodMemory> = {}) =>
  ({
    ...{ session: { keyIDs }, lost: false, slots: new Map(sealedBy.map((id, n) => [`u${n}/0`, slot(id)])) },
    ...change,
  }) as unknown as PodMemory;
const resealed = (memory: PodMemory, target = fresh): string[] =>
  withReseals([], new Map([['a', memory]]), [fresh, old], target).flatMap(({ set }) => [...set.keys()]);

describe('Sealing again', () => {
  it.each<[string, PodMemory, FleetKey, string[]]>([
    ['what an older key sealed', pod(['new', 'old'], ['old', 'new']), fresh, ['u0/0']],
    ['what a retired key sealed', pod(['new', 'gone'], ['gone']), fresh, ['u0/0']],
    ['what the pod cannot read', pod(['old'], ['new']), old, ['u0/0']],
    ['nothing that a newer key than the present one sealed, if the pod has it', pod(['new', 'old'], ['new']), old, []],
    ['nothing of a pod that has not the present key', pod(['old'], ['old']), fresh, []],
    ['nothing of a lost pod', pod(['new'], ['old'], { lost: true }), fresh, []],
    ['nothing of a pod without a session', pod(['new'], ['old'], { session: undefined }), fresh, []],
  ])('takes %s', (_what, memory, target, slots) => {
    expect(resealed(memory, target)).toEqual(slots);
  });

  it('goes with what is planned and adds only so much in a round', () => {
    const many = pod(['new'], Array(1_000).fill('old'));
    const write = { pod: 'a', set: new Map([['u0/0', { epoch: 9 } as never]]), remove: ['u1/0'] };
    const [first] = withReseals([write], new Map([['a', many]]), [fresh, old], fresh);
    expect([first?.set.size, first?.set.get('u0/0')?.epoch, first?.set.has('u1/0')]).toEqual([
      RESEALS_A_ROUND + 1,
      9,
      false,
    ]);
    expect(first?.set.get('u2/0')).toEqual({ epoch: 3 });
  });
});
