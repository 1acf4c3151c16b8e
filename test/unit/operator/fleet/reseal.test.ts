import { describe, expect, it } from 'vitest';
import type { Slot } from '#core/protocol/assignment.ts';
import type { FleetKey } from '#core/protocol/seal.ts';
import type { DesiredBot } from '#operator/fleet/desired.ts';
import type { PodMemory } from '#operator/fleet/pod-memory.ts';
import { RESEALS_A_ROUND, withReseals } from '#operator/fleet/reseal.ts';

const key = (id: string): FleetKey => ({ id, secret: Buffer.alloc(32) });
const [fresh, old] = [key('new'), key('old')];
const slot = (keyID: string) =>
  ({ epoch: 3, token: `v1.${keyID}.x`, tokenDigest: 'd', assignedAtMs: 4 }) as unknown as Slot;
const pod = (keyIDs: string[], sealedBy: string[], change: Partial<PodMemory> = {}) =>
  ({
    session: { keyIDs },
    lost: false,
    slots: new Map(sealedBy.map((id, n) => [`u${n}/0`, slot(id)])),
    ...change,
  }) as unknown as PodMemory;
/** Of the bots u0 to u999, whose tokens are known. */
const bots = new Map(Array.from({ length: 1_000 }, (_, n) => [`u${n}`, { set: { tokenDigest: 'd' } } as DesiredBot]));
const resealed = (memory: PodMemory, target = fresh, known = bots): string[] =>
  withReseals([], new Map([['a', memory]]), { keys: [fresh, old], target, bots: known }).flatMap(({ set }) => [
    ...set.keys(),
  ]);

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

  it('leaves a token that is not known, or is another by now: it would be written again and again as it is', () => {
    expect(resealed(pod(['new', 'old'], ['old']), fresh, new Map())).toEqual([]);
    const rotated = new Map([['u0', { set: { tokenDigest: 'of a new token' } } as DesiredBot]]);
    expect(resealed(pod(['new', 'old'], ['old']), fresh, rotated)).toEqual([]);
  });

  it('joins the planned writes and adds only a limited number in a round', () => {
    const many = pod(['new'], Array(1_000).fill('old'));
    const write = { pod: 'a', set: new Map([['u0/0', { epoch: 9 } as never]]), remove: ['u1/0'] };
    const [first] = withReseals([write], new Map([['a', many]]), { keys: [fresh, old], target: fresh, bots });
    expect([first?.set.size, first?.set.get('u0/0')?.epoch, first?.set.has('u1/0')]).toEqual([
      RESEALS_A_ROUND + 1,
      9,
      false,
    ]);
    expect(first?.set.get('u2/0')).toEqual({ epoch: 3, tokenDigest: 'd' });
  });
});
