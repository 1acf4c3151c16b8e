import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SlotID, slotID } from '#core/protocol/assignment.ts';
import type { Holding } from '#operator/plan/holdings.ts';
import { Ledger } from '#operator/plan/ledger.ts';
import { plan } from '#operator/plan/plan.ts';
import { type Pod, podsOf } from '#operator/plan/pods.ts';
import type { PlanInput, PodWrite } from '#operator/plan/types.ts';
import { SampleFleet, socketSet } from './sample-fleet.ts';

const PODS = ['a0', 'b0', 'c0'];

/** Three pods, each with slots of earlier plans; the last one may have been lost by Redis. */
const sampleFleet = fc
  .record({
    capacities: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 3, maxLength: 3 }),
    sets: fc.integer({ min: 0, max: 6 }),
    lost: fc.boolean(),
  })
  .map(({ capacities, sets, lost }) => {
    const fleet = new SampleFleet();
    for (const [at, name] of PODS.entries()) fleet.addPod(name, name.charAt(0), { capacity: capacities[at] ?? 0 });
    fleet.addSets(...Array.from({ length: sets }, (_, n) => socketSet(`u${n}`)));
    fleet.converge();
    if (lost) fleet.lost.add('c0');
    return fleet;
  });

const operation = fc.record({
  what: fc.constantFrom('place', 'move', 'depart', 'keep', 'release'),
  pick: fc.nat(1000),
  to: fc.constantFrom(...PODS),
});

/** The ledger, and beside it a plain list of entries: true for the source of a move. */
class Bookkeeping {
  readonly input: PlanInput;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly ledger: Ledger;
  readonly entries = new Map<string, Map<SlotID, boolean>>();
  #placed = 0;

  constructor(fleet: SampleFleet) {
    this.input = fleet.observe();
    this.pods = podsOf(this.input);
    this.ledger = new Ledger(this.input, this.pods.values());
    for (const name of this.pods.keys()) {
      const ids = this.input.assignments.get(name)?.keys() ?? [];
      this.entries.set(name, new Map([...ids].map((id) => [id, false])));
    }
  }

  /** What may happen to an entry happens only once in a plan, and only to entries that it began with. */
  act({ what, pick, to }: { what: string; pick: number; to: string }): void {
    const pod = this.#pod(to);
    const placement = { epoch: 9, role: 'active', cause: 'place' } as const;
    const holding = this.#pickHolding(pick);
    if (what === 'place') {
      const id = slotID('new', this.#placed++);
      if (!this.ledger.hasRoom(pod)) {
        expect(() => this.ledger.place(socketSet('new'), pod, id, placement)).toThrow(RangeError);
        return;
      }
      this.ledger.place(socketSet('new'), pod, id, placement);
      this.entries.get(to)?.set(id, false);
    }
    if (holding === undefined) return;
    const { id } = holding;
    const from = this.entries.get(holding.pod.name);
    const set = socketSet('u', { generation: 2 });
    if (what === 'move' && this.ledger.hasRoom(pod) && !this.entries.get(to)?.has(id)) {
      this.ledger.move(set, holding, pod, { ...placement, role: 'incoming' });
      from?.set(id, true);
      this.entries.get(to)?.set(id, false);
    }
    if (what === 'depart') {
      this.ledger.depart(holding);
      from?.set(id, true);
    }
    if (what === 'keep') this.ledger.keep(set, holding);
    if (what === 'release') {
      this.ledger.release(holding);
      from?.delete(id);
    }
  }

  #pod(name: string): Pod {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    return pod;
  }

  #pickHolding(pick: number): Holding | undefined {
    const holdings = [...this.input.assignments].flatMap(([name, slots]) =>
      [...slots]
        .filter(([id]) => this.entries.get(name)?.has(id))
        .map(([id, slot]) => ({ pod: this.#pod(name), id, slot })),
    );
    return holdings[pick % Math.max(1, holdings.length)];
  }
}

/** Ids in the pod's hash once the writes are made, as the writer makes them. */
function idsAfter({ assignments, lost }: PlanInput, writes: readonly PodWrite[], pod: string): SlotID[] {
  const write = writes.find((each) => each.pod === pod);
  const ids = new Set(write !== undefined && lost.has(pod) ? [] : assignments.get(pod)?.keys());
  for (const id of write?.remove ?? []) ids.delete(id);
  for (const id of write?.set.keys() ?? []) ids.add(id);
  return [...ids].sort();
}

describe('the ledger of a plan', () => {
  it('counts what each pod holds and what stays there, and never exceeds a capacity', () => {
    fc.assert(
      fc.property(sampleFleet, fc.array(operation, { maxLength: 30 }), (fleet, operations) => {
        const books = new Bookkeeping(fleet);
        for (const each of operations) {
          books.act(each);
          for (const [name, pod] of books.pods) {
            const entries = [...(books.entries.get(name)?.values() ?? [])];
            expect(books.ledger.held(pod)).toBe(entries.length);
            expect(books.ledger.load(pod)).toBe(entries.filter((departs) => !departs).length);
            expect(books.ledger.held(pod)).toBeLessThanOrEqual(pod.capacity);
          }
        }
      }),
    );
  });

  it('writes what makes each hash hold just the entries that it counts', () => {
    fc.assert(
      fc.property(sampleFleet, fc.array(operation, { maxLength: 30 }), (fleet, operations) => {
        const books = new Bookkeeping(fleet);
        for (const each of operations) books.act(each);
        const writes = books.ledger.writes();
        for (const [name, entries] of books.entries) {
          expect(idsAfter(books.input, writes, name), name).toEqual([...entries.keys()].sort());
        }
      }),
    );
  });

  it('removes an entry that was updated before, also when its pod is written whole', () => {
    const fleet = new SampleFleet().addPod('a0', 'a').addPod('b0', 'b').addSets(socketSet('u'));
    fleet.converge();
    const twin = fleet.slot('b0', 'u/0') ?? fleet.slot('b0', 'u/1');
    const [id = ''] = fleet.assignments.get('b0')?.keys() ?? [];
    if (twin === undefined) throw new Error('b0 has no slot');
    fleet.assignments.get('a0')?.set(id, twin);
    fleet.assignments.delete('b0');
    fleet.pods.delete('b0');
    fleet.reports.delete('b0');
    fleet.lost.add('a0');
    fleet.reportAll();
    fleet.addSets(socketSet('u', { generation: 2 }));
    const [write] = plan(fleet.observe(), 0).writes;
    expect(write?.set.size).toBe(1);
  });
});
