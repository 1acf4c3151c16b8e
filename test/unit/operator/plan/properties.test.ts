import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOAD_BOUND } from '#operator/plan/fleet.ts';
import { plan } from '#operator/plan/plan.ts';
import type { PlanInput } from '#operator/plan/types.ts';
import { SampleFleet, socketSet } from './sample-fleet.ts';

const ZONES = ['a', 'b', 'c'];

/** Equal zones, room for all: nothing but the planner keeps loads from being even. */
const evenFleet = fc
  .record({
    zones: fc.integer({ min: 1, max: 3 }),
    pods: fc.integer({ min: 1, max: 4 }),
    sets: fc.integer({ min: 1, max: 80 }),
  })
  .chain(({ zones, pods, sets }) =>
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: sets, maxLength: sets }).map((replicas) => {
      const fleet = new SampleFleet();
      for (const zone of ZONES.slice(0, zones)) {
        for (let n = 0; n < pods; n++) fleet.addPod(`${zone}${n}`, zone);
      }
      return fleet.addSets(...replicas.map((count, n) => socketSet(`u${n}`, { replicas: count })));
    }),
  );

/** Any zones, and perhaps too little room. */
const anyFleet = fc
  .record({
    pods: fc.array(fc.record({ zone: fc.constantFrom(...ZONES), capacity: fc.integer({ min: 0, max: 40 }) }), {
      minLength: 1,
      maxLength: 8,
    }),
    replicas: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 40 }),
  })
  .map(({ pods, replicas }) => {
    const fleet = new SampleFleet();
    for (const [n, { zone, capacity }] of pods.entries()) fleet.addPod(`p${n}`, zone, { capacity });
    return fleet.addSets(...replicas.map((count, n) => socketSet(`u${n}`, { replicas: count })));
  });

/** Things that happen to a fleet; `pick` and `more` choose what they happen to. */
const happening = fc.record({
  what: fc.constantFrom(
    'kill',
    'return',
    'drain',
    'shrink',
    'join',
    'resize',
    'spec',
    'token',
    'stop',
    'report',
    'refuse',
    'plan',
    'forget' as const,
  ),
  pick: fc.nat(1000),
  more: fc.nat(1000),
});
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

function happen(fleet: SampleFleet, { what, pick, more }: Happening): void {
  const [name = '', pod] = [...fleet.pods][pick % fleet.pods.size] ?? [];
  const set = [...fleet.sets.values()][pick % Math.max(1, fleet.sets.size)];
  switch (what) {
    case 'kill':
      fleet.kill(name);
      return;
    case 'return':
      fleet.restart(name);
      return;
    case 'drain':
      if (pod?.state === 'up') pod.state = 'draining';
      return;
    case 'shrink':
      Object.assign(fleet.pod(name), { returns: more % 4 === 0 });
      return;
    case 'join':
      if (fleet.pods.size < 8) fleet.addPod(`n${fleet.pods.size}`, ZONES[more % 3] ?? 'a');
      return;
    case 'resize':
      if (set !== undefined) fleet.addSets({ ...set, replicas: 1 + (more % 4), generation: set.generation + 1 });
      return;
    case 'spec':
      if (set !== undefined) fleet.addSets({ ...set, generation: set.generation + 1 });
      return;
    case 'token':
      if (set !== undefined) fleet.addSets({ ...set, tokenDigest: `d${more}`, generation: set.generation + 1 });
      return;
    case 'stop':
      if (set !== undefined && fleet.sets.size > 1) fleet.sets.delete(set.ownerUid);
      return;
    case 'report':
      if (pod?.state !== 'gone') fleet.report(name, {}, (id) => (id.length + id.charCodeAt(1) + more) % 2 === 0);
      return;
    case 'refuse':
      if (pod?.state !== 'gone') fleet.report(name, { state: 'failed' }, (id) => id.startsWith(`${set?.ownerUid}/`));
      return;
    case 'plan':
      fleet.step(more % 4);
      return;
    case 'forget':
      fleet.settled = more % 2 === 0;
      return;
    default:
      what satisfies never;
  }
}

function expectApart(fleet: SampleFleet): void {
  for (const ownerUid of fleet.sets.keys()) {
    const pods = fleet.podsOf(ownerUid);
    expect(new Set(pods).size, `${ownerUid} on ${pods.join(', ')}`).toBe(pods.length);
  }
}

/** Zone counts of every set differ by at most one among zones where a pod has room for it. */
function expectZonesEven(fleet: SampleFleet): void {
  for (const ownerUid of fleet.sets.keys()) {
    const mine = fleet.podsOf(ownerUid);
    const count = (zone: string): number => mine.filter((name) => fleet.pod(name).zone === zone).length;
    const withRoom = [...fleet.pods]
      .filter(
        ([name, { state, capacity }]) =>
          state === 'up' && (fleet.assignments.get(name)?.size ?? 0) < capacity && !mine.includes(name),
      )
      .map(([, { zone }]) => zone);
    const most = Math.max(...ZONES.map(count));
    for (const zone of withRoom)
      expect(most - count(zone), `${ownerUid} on ${mine.join(', ')}; room in ${zone}`).toBeLessThanOrEqual(1);
  }
}

const moved = (before: readonly string[], after: readonly string[]): string[] => {
  const old = new Set(before);
  return after.filter((entry) => !old.has(entry));
};

describe('the planner, for any fleet', () => {
  /** What operator/fleet/idle-round-cache.ts rests on. */
  it('finds nothing to do later either, once it found nothing and only time has passed', () => {
    fc.assert(
      fc.property(anyFleet, fc.nat(3_600_000), (fleet, laterMs) => {
        fleet.converge();
        const { writes, pending } = fleet.step(100);
        fleet.nowMs += laterMs;
        expect([writes, fleet.step(100)]).toMatchObject([[], { writes: [], pending, drainedPods: [], deadPods: [] }]);
      }),
    );
  });

  it('balances within 1.25 of the mean where zones permit', () => {
    fc.assert(
      fc.property(evenFleet, (fleet) => {
        fleet.converge();
        const loads = fleet.loads();
        const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
        expect(Math.max(...loads)).toBeLessThanOrEqual(Math.ceil(LOAD_BOUND * mean));
      }),
    );
  });

  it('keeps zones even and slots of a set apart, and leaves no slot pending while there is room for it', () => {
    fc.assert(
      fc.property(anyFleet, (fleet) => {
        fleet.converge();
        expectApart(fleet);
        expectZonesEven(fleet);
        for (const { ownerUid } of plan(fleet.observe(), 0).pending) {
          const mine = fleet.podsOf(ownerUid);
          for (const [name, { capacity }] of fleet.pods) {
            expect(mine.includes(name) || fleet.assignments.get(name)?.size === capacity || capacity === 0).toBe(true);
          }
        }
      }),
    );
  });

  it('when a pod is removed, moves the slots that it had and no other', () => {
    fc.assert(
      fc.property(evenFleet, fc.nat(), (fleet, pick) => {
        fleet.converge();
        const before = fleet.entries();
        const gone = [...fleet.pods.keys()][pick % fleet.pods.size] ?? '';
        fleet.kill(gone);
        fleet.step();
        fleet.reportAll();
        fleet.step();
        const stayed = before.filter((entry) => !entry.startsWith(`${gone} `));
        const after = fleet.entries();
        expect(stayed.filter((entry) => !after.includes(entry))).toEqual([]);
        expect(moved(before, after).length).toBeLessThanOrEqual(before.length - stayed.length);
      }),
    );
  });

  it('when a pod comes, moves one slot of a set at most for its zone, and for load only what is above the bound', () => {
    fc.assert(
      fc.property(evenFleet, fc.constantFrom(...ZONES), (fleet, zone) => {
        fleet.converge();
        const isNewZone = ![...fleet.pods.values()].some((pod) => pod.zone === zone);
        fleet.addPod('new', zone);
        const waiting = fleet.entries();
        // Not balance: slots that had no room before.
        fleet.settled = false;
        fleet.step();
        fleet.settled = true;
        const before = fleet.entries();
        expect(waiting.filter((entry) => !before.includes(entry))).toEqual([]);

        const bound = Math.ceil((LOAD_BOUND * before.length) / fleet.pods.size);
        const excess = fleet.loads().reduce((sum, load) => sum + Math.max(0, load - bound), 0);
        fleet.converge();
        const forZone = isNewZone ? fleet.sets.size : 0;
        expect(moved(before, fleet.entries()).length).toBeLessThanOrEqual(excess + forZone);
      }),
    );
  });

  it('moves nothing for pods that only restart, one after the other', () => {
    fc.assert(
      fc.property(evenFleet, (fleet) => {
        // A set on one pod alone is moved when that pod drains: not what this is about.
        for (const set of fleet.sets.values()) fleet.addSets({ ...set, replicas: Math.max(2, set.replicas) });
        fc.pre(fleet.pods.size > 1);
        fleet.converge();
        const before = fleet.entries();
        for (const [name, pod] of fleet.pods) {
          pod.state = 'draining';
          expect(fleet.step(100)).toMatchObject({ writes: [], drainedPods: [name], voluntaryMoves: [] });
          fleet.reports.delete(name);
          expect(fleet.step(100).writes).toEqual([]);
          fleet.restart(name);
          expect(fleet.step(100).writes).toEqual([]);
          fleet.report(name);
          expect(fleet.step(100).writes).toEqual([]);
        }
        expect(fleet.entries()).toEqual(before);
      }),
    );
  });

  it('leaves pods that will not return, one connect a slot, and lets them end when all is live elsewhere or has no place', () => {
    fc.assert(
      fc.property(anyFleet, fc.integer({ min: 1, max: 3 }), fc.boolean(), (fleet, many, told) => {
        fleet.converge();
        const before = fleet.entries();
        const gone = [...fleet.pods.keys()].slice(-many);
        for (const name of gone) Object.assign(fleet.pod(name), { returns: false, state: told ? 'draining' : 'up' });
        const had = before.filter((entry) => gone.includes(entry.slice(0, entry.indexOf(' '))));
        const live = liveOwners(fleet.observe());
        let placed = 0;
        for (let round = 0; round < 4; round++) {
          const { writes, drainedPods } = fleet.step();
          placed += writes.flatMap(({ set }) => [...set.values()]).filter(({ cause }) => cause === 'drain').length;
          expect(liveOwners(fleet.observe())).toEqual(live);
          for (const name of drainedPods) expectLeft(fleet, name);
          fleet.reportAll();
        }
        expect(fleet.step().writes).toEqual([]);
        expect(placed).toBeLessThanOrEqual(had.length);
        for (const name of gone) expectLeft(fleet, name);
        if (told) expect(fleet.step().drainedPods).toEqual([...gone].sort());
      }),
    );
  });

  it('writes nothing when nothing has changed since its last plan, whatever happened before', () => {
    fc.assert(
      fc.property(anyFleet, fc.array(happening, { maxLength: 30 }), fc.nat(3), (fleet, happenings, budget) => {
        for (const it of happenings) happen(fleet, it);
        const first = fleet.step(budget);
        const again = plan(fleet.observe(), Math.max(0, budget - first.voluntaryMoves.length));
        expect(again.writes).toEqual([]);
        expect(again.voluntaryMoves).toEqual([]);
        expect(again.pending).toEqual(first.pending);
        expect(again.drainedPods).toEqual(first.drainedPods);
      }),
      { numRuns: 500 },
    );
  });

  it('never takes a live socket from a team that has no other, whatever happens', () => {
    fc.assert(
      fc.property(anyFleet, fc.array(happening, { maxLength: 40 }), (fleet, happenings) => {
        for (const it of happenings) {
          happen(fleet, it);
          const before = liveOwners(fleet.observe());
          fleet.step(2);
          const after = liveOwners(fleet.observe());
          for (const ownerUid of before) if (fleet.sets.has(ownerUid)) expect(after).toContain(ownerUid);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('lets no pod end with the only live sockets of a team while another is on its way', () => {
    fc.assert(
      fc.property(anyFleet, fc.array(happening, { maxLength: 40 }), (fleet, happenings) => {
        for (const it of happenings) {
          happen(fleet, it);
          const { drainedPods } = fleet.step(2);
          const served = liveOwners(fleet.observe(), (name) => !drainedPods.includes(name));
          const coming = comingOwners(fleet);
          for (const ownerUid of liveOwners(fleet.observe()))
            if (!served.has(ownerUid) && fleet.sets.has(ownerUid)) expect(coming).not.toContain(ownerUid);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('comes to rest with every set whole, apart and even after any history, once all pods are up', () => {
    fc.assert(
      fc.property(anyFleet, fc.array(happening, { maxLength: 30 }), (fleet, happenings) => {
        for (const it of happenings) happen(fleet, it);
        for (const [name, pod] of fleet.pods) {
          fleet.restart(name);
          pod.capacity = 1000;
        }
        fleet.settled = true;
        fleet.converge();
        expectApart(fleet);
        expectZonesEven(fleet);
        for (const { ownerUid, replicas } of fleet.sets.values()) {
          expect(fleet.podsOf(ownerUid)).toHaveLength(Math.min(replicas, fleet.pods.size));
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** What the pod still holds could be nowhere else: every pod that stays is full, or holds another slot of the set. */
function expectLeft(fleet: SampleFleet, name: string): void {
  for (const id of fleet.assignments.get(name)?.keys() ?? []) {
    const ownerUid = id.slice(0, id.lastIndexOf('/'));
    for (const [other, { state, returns, capacity }] of fleet.pods) {
      if (state !== 'up' || !returns || fleet.podsOf(ownerUid).includes(other)) continue;
      expect(fleet.assignments.get(other)?.size ?? 0, `${id} stays on ${name}, ${other} has room`).toBe(capacity);
    }
  }
}

/** Owners with a socket that said hello, of a pod that has a session, and whose entry still stands. */
function liveOwners({ pods, assignments, reports }: PlanInput, on = (_pod: string): boolean => true): Set<string> {
  const owners = new Set<string>();
  for (const { name, session } of pods) {
    if (!on(name)) continue;
    for (const [id, slot] of assignments.get(name) ?? []) {
      const report = reports.get(name)?.get(id);
      if (session !== undefined && report?.epoch === slot.epoch && report.state === 'live')
        owners.add(id.slice(0, id.lastIndexOf('/')));
    }
  }
  return owners;
}

/** Owners with an entry on a pod that stays, which Slack has not refused there. */
function comingOwners(fleet: SampleFleet): Set<string> {
  const owners = new Set<string>();
  for (const [name, { state, returns }] of fleet.pods) {
    if (state !== 'up' || !returns) continue;
    for (const [id, slot] of fleet.assignments.get(name) ?? []) {
      const report = fleet.reports.get(name)?.get(id);
      const refused = report?.state === 'failed' && report.epoch === slot.epoch;
      if (!refused) owners.add(id.slice(0, id.lastIndexOf('/')));
    }
  }
  return owners;
}
