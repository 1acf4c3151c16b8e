import { parseArgs } from 'node:util';
import type { Slot, SlotID } from '../core/protocol/assignment.ts';
import type { SlotReport } from '../core/protocol/report.ts';
import { plan } from '../operator/plan/plan.ts';
import type { Plan, PlanInput, PodView, SocketSet } from '../operator/plan/types.ts';

/**
 * What a plan costs: most rounds change nothing, and a plan must not be the reason for slow rounds.
 * `node bench/plan.ts [--sets 10000,100000] [--pods 20] [--replicas 2]`; needs nothing.
 */
const { values } = parseArgs({
  options: {
    sets: { type: 'string', default: '10000,100000' },
    pods: { type: 'string', default: '20' },
    replicas: { type: 'string', default: '2' },
  },
});
const PODS = Number(values.pods);
const REPLICAS = Number(values.replicas);
const ZONES = ['a', 'b', 'c'];

const podView = (n: number, sets: number): PodView => ({
  name: `relax-connector-${n}`,
  session: {
    pod: `relax-connector-${n}`,
    incarnation: `i${n}`,
    zone: ZONES[n % ZONES.length] ?? 'a',
    state: 'up',
    capacity: Math.ceil((sets * REPLICAS * 2) / PODS),
    drainingSinceMs: 0,
    version: 1,
    keyIDs: ['k'],
    reportVersion: 1,
    faults: [],
    pid: 1,
    owner: '',
    machine: '',
    startTicks: '',
  },
  version: 1,
  lastSeenMs: 0,
  firstSeenMs: undefined,
  takesSlots: true,
  returns: true,
});

const set = (n: number): SocketSet => ({
  ownerUid: `${String(n).padStart(8, '0')}-0c4c-4f7e-9a44-2d3a6f0a8f11`,
  bot: `bots/b${n}`,
  kind: 'rtm',
  teamID: `T${n}`,
  replicas: REPLICAS,
  generation: 1,
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  tokenDigest: `d${n}`,
});

/** What the plan wrote, as Redis gives it back: every slot an object of its own. */
function applied(input: PlanInput, { writes }: Plan): PlanInput {
  const assignments = new Map<string, Map<SlotID, Slot>>();
  for (const [pod, slots] of input.assignments) assignments.set(pod, new Map(slots));
  for (const write of writes) {
    const slots = assignments.get(write.pod) ?? new Map<SlotID, Slot>();
    for (const [id, slot] of write.set) slots.set(id, { ...structuredClone(slot), token: 'sealed', assignedAtMs: 0 });
    for (const id of write.remove) slots.delete(id);
    assignments.set(write.pod, slots);
  }
  return { ...input, assignments };
}

function reported(input: PlanInput): PlanInput {
  const reports = new Map<string, Map<SlotID, SlotReport>>();
  for (const [pod, slots] of input.assignments) {
    const own = new Map<SlotID, SlotReport>();
    for (const [id, { epoch, tokenDigest }] of slots) {
      own.set(id, {
        epoch,
        incarnation: 'i',
        state: 'live',
        reason: '',
        message: '',
        tokenDigest,
        teamName: '',
        botUserID: '',
      });
    }
    reports.set(pod, own);
  }
  return { ...input, reports };
}

/** Median of some runs, in ms. */
function took(input: PlanInput, runs: number): number {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const startedAtMs = performance.now();
    plan(input, 100);
    times.push(performance.now() - startedAtMs);
  }
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)] ?? 0;
}

const size = ({ writes }: Plan): number => writes.reduce((sum, { set: slots }) => sum + slots.size, 0);

const rows: { name: string; ms: number[] }[] = [];
const row = (name: string, ms: number): void => {
  const known = rows.find((it) => it.name === name);
  if (known === undefined) rows.push({ name, ms: [ms] });
  else known.ms.push(ms);
};

const SIZES = values.sets.split(',').map(Number);
for (const sets of SIZES) {
  const empty: PlanInput = {
    nowMs: 1e9,
    redisNowMs: 0,
    settled: true,
    synced: true,
    unlisted: new Set<string>(),
    stopped: new Map<string, { generation: number }>(),
    kept: new Set<string>(),
    assignments: new Map(),
    reports: new Map(),
    lost: new Set<string>(),
    lastMoveMs: new Map<string, number>(),
    sets: Array.from({ length: sets }, (_, n) => set(n)),
    pods: Array.from({ length: PODS }, (_, n) => podView(n, sets)),
  };
  plan(empty, 100);
  row('nothing placed yet', took(empty, 3));
  const placed = reported(applied(empty, plan(empty, 0)));
  if (size(plan(placed, 0)) > 0) throw new Error('a plan that follows itself writes');
  took(placed, 5);
  row('nothing changed', took(placed, 11));
  const [gone, ...rest] = placed.pods;
  if (gone === undefined) throw new Error('no pod');
  row('one pod dead', took({ ...placed, pods: [{ ...gone, session: undefined }, ...rest] }, 5));
  const draining = { ...gone, session: gone.session && { ...gone.session, state: 'draining' as const } };
  row('one pod draining', took({ ...placed, pods: [draining, ...rest] }, 5));
}

const cell = (text: string): string => text.padStart(18);
console.log(`plan(), ${PODS} pods in ${ZONES.length} zones, ${REPLICAS} replicas; median, ms`);
console.log(`${''.padEnd(20)}${SIZES.map((sets) => cell(`${sets} sets`)).join('')}${cell('last ÷ first')}`);
for (const { name, ms } of rows) {
  const ratio = (ms.at(-1) ?? 0) / (ms[0] ?? 1);
  console.log(`${name.padEnd(20)}${ms.map((value) => cell(value.toFixed(1))).join('')}${cell(ratio.toFixed(1))}`);
}
