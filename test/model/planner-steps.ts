import { encodeSlot, type Slot, type SlotID } from '#core/protocol/assignment.ts';
import type { Desired } from '#operator/fleet/desired.ts';
import { heldOwners, NO_FENCES, type planFences } from '#operator/fleet/fences.ts';
import { observe } from '#operator/fleet/fleet-memory.ts';
import { type PodMemory, remember, wrote } from '#operator/fleet/pod-memory.ts';
import type { plan } from '#operator/plan/plan.ts';
import type { PlanInput, PodWrite, SocketSet } from '#operator/plan/types.ts';
import type { Step } from './checker.ts';
import {
  connectorSetOf,
  excuse,
  NO_POD,
  type Op,
  OWNER,
  type PlannerState,
  type RedisPod,
  type RedisState,
  reportsOf,
  sameRecord,
  setOf,
  type World,
  withRedisPod,
} from './world.ts';

export type MakePlan = typeof plan;
export type Fences = typeof planFences;

/** The planner's clock stands still; what is "long ago" is made so by `steps.ts` when a lease ends. */
export const NOW_MS = 1_000_000_000;
export const LONG_AGO_MS = 0;

/** Long enough after the reading for a fleet that gathers, too short for a session to be called dead. */
const PLAN_MS = NOW_MS + 2_000;

/** Voluntary moves are part of it: budget for one. */
const BUDGET = 1;

const step = (name: string, to: World, violation?: string): Step<World> => ({
  name,
  to,
  disturbance: false,
  violation,
});

export interface PlannerRules {
  /** Sockets that the one bot wants. */
  replicas: number;
  makePlan: MakePlan;
  fences: Fences;
}

export function plannerSteps(world: World, rules: PlannerRules): Step<World>[] {
  const { planner } = world;
  if (planner === null) {
    const fresh: PlannerState = { memory: new Map(), settled: false, ops: [], planned: null };
    return [step('a planner starts', { ...world, planner: fresh })];
  }
  if (planner.ops.length > 0) return [write(world, planner)];
  return [round(world, planner, rules), ...settle(world, planner)];
}

/** Reads everything and decides; what is decided is written in later steps. */
function round(world: World, before: PlannerState, rules: PlannerRules): Step<World> {
  const planner = read(world.redis, before);
  const set = setOf(world.spec, rules.replicas);
  const desired = desiredOf(world, set);
  const sets = new Map([...desired.bots].map(([ownerUid, bot]) => [ownerUid, bot.set]));
  const wanted = {
    synced: true,
    unlisted: new Set<string>(),
    stopped: desired.stopped,
    kept: new Set<string>(),
    sets,
    fleetKeys: KEYS,
    lastMoveMs: new Map<string, number>(),
    connectorSet: connectorSetOf(world),
  };
  const input = observe({ pods: planner.memory, settled: () => planner.settled }, wanted, PLAN_MS, PLAN_MS);
  const made = rules.makePlan(input, BUDGET);
  const fences = rules.fences(
    { ...NO_FENCES, entries: new Map(Object.entries(world.redis.fence)) },
    ...([desired, heldOwners(input), { nowMs: NOW_MS, windowMs: 0 }] as const),
  );
  const ops: Op[] = [
    ...[...fences.set].map(([ownerUid, generation]): Op => ({ kind: 'fence', ownerUid, generation })),
    ...fences.remove.map((ownerUid): Op => ({ kind: 'unfence', ownerUid })),
    ...made.writes.map((one): Op => ({ kind: 'write', write: one, excused: excusable(input, made.writes) })),
    ...made.drainedPods.flatMap((pod) => tellDrained(world.redis, pod)),
    ...made.deadPods.flatMap((pod): Op[] =>
      planner.memory.get(pod)?.slots.size === 0 ? [{ kind: 'forgetPod', pod }] : [],
    ),
  ];
  const redis = { ...world.redis, claimed: true };
  const memory = new Map([...planner.memory].map(([pod, known]) => [pod, bare(known)]));
  const to = { ...world, redis, planner: { ...planner, memory, ops, planned: world.spec } };
  return step('the planner reads and plans', to, unserved(input, made, [...sets.values()]));
}

/** What may be removed: anything once a socket that stays has said hello, or nobody wants one. */
function excusable(input: PlanInput, writes: readonly PodWrite[]): string[] {
  const staying = after(input, writes);
  const served = [...staying].some(([pod, ids]) =>
    [...ids].some((id) => {
      const report = input.reports.get(pod)?.get(id);
      return report?.state === 'live' && report.epoch === input.assignments.get(pod)?.get(id)?.epoch;
    }),
  );
  if (!served && input.sets.length > 0) return [];
  const entries = [...input.assignments].flatMap(([pod, slots]) => [...slots.keys()].map((id) => ({ pod, id })));
  return entries.filter(({ pod, id }) => !staying.get(pod)?.has(id)).map(({ pod, id }) => `${pod} ${id}`);
}

/** Without what the next reading replaces in any case: fewer states that differ in nothing that matters. */
const bare = (known: PodMemory): PodMemory => ({
  ...known,
  session: undefined,
  lastSession: undefined,
  reportsRead: undefined,
  returnUntilMs: 0,
  doubted: false,
  reports: known.lost && !known.known ? known.reports : new Map(),
});

/** Every slot that is wanted has an entry on a pod that may live, or stands in `pending`. */
function unserved(input: PlanInput, made: ReturnType<MakePlan>, sets: readonly SocketSet[]): string | undefined {
  const dead = new Set(made.deadPods);
  for (const { ownerUid, replicas } of sets) {
    const placed = new Set<SlotID>();
    for (const [pod, slots] of after(input, made.writes)) {
      for (const id of slots) if (id.startsWith(`${ownerUid}/`) && !dead.has(pod)) placed.add(id);
    }
    for (const { slot } of made.pending) placed.add(slot);
    if (placed.size < replicas) return `${ownerUid} has ${placed.size} of ${replicas} slots placed or pending`;
  }
  return undefined;
}

/** Pod -> slots it has when all is written. */
function after({ assignments, lost }: PlanInput, writes: readonly PodWrite[]): Map<string, Set<SlotID>> {
  const pods = new Map([...assignments].map(([pod, slots]) => [pod, new Set(slots.keys())]));
  for (const { pod, set, remove } of writes) {
    const slots = lost.has(pod) ? new Set<SlotID>() : (pods.get(pod) ?? new Set<SlotID>());
    for (const id of set.keys()) slots.add(id);
    for (const id of remove) slots.delete(id);
    pods.set(pod, slots);
  }
  return pods;
}

const KEYS = [{ id: 'k', secret: Buffer.alloc(32) }];

function desiredOf({ spec }: World, set: SocketSet): Desired {
  const { generation } = spec;
  const bots = new Map(spec.suspended ? [] : [[OWNER, { set, token: '' }]]);
  const stopped = new Map(spec.suspended ? [[OWNER, { why: 'suspended' as const, generation }]] : []);
  return { synced: true, unlisted: new Set(), bots, stopped, routed: new Map(), kept: new Set() };
}

function read(redis: RedisState, planner: PlannerState): PlannerState {
  const names = new Set([
    ...planner.memory.keys(),
    ...Object.keys(redis.pods).filter((pod) => redis.pods[pod]?.listed === true),
  ]);
  const time = { nowMs: NOW_MS, redisNowMs: NOW_MS };
  const memory = new Map<string, PodMemory>();
  let lost = planner.memory.size > 0 && !redis.claimed;
  for (const pod of [...names].sort()) {
    const { session, version, hash, reports } = redis.pods[pod] ?? NO_POD;
    const before = planner.memory.get(pod);
    if (version === null && before?.stored !== undefined) lost = true;
    const head = {
      session: session === null ? undefined : JSON.stringify(session),
      version: version ?? undefined,
      renewedMs: undefined,
    };
    const body = { assign: hash, reports: session === null ? undefined : reports };
    memory.set(pod, remember(before, { ...head, fields: Object.keys(hash).length }, body, time));
  }
  return { ...planner, memory, settled: planner.settled && !lost };
}

function tellDrained({ pods }: RedisState, pod: string): Op[] {
  const { session, drained } = pods[pod] ?? NO_POD;
  if (session === null || drained === session.incarnation) return [];
  return [{ kind: 'drained', pod, incarnation: session.incarnation }];
}

/** The next of the planner's writes, whatever has happened since it was decided. */
function write(world: World, planner: PlannerState): Step<World> {
  const [op, ...ops] = planner.ops;
  const rest = { ...planner, ops };
  if (op === undefined) return step('nothing to write', { ...world, planner: rest });
  if (!world.redis.claimed) {
    const lost: PlannerState = { ...rest, ops: [], settled: false, memory: doubted(planner.memory) };
    return step('the planner finds its lock gone', { ...world, planner: lost });
  }
  const to = { ...world, planner: rest };
  switch (op.kind) {
    case 'fence': {
      const fence = { ...world.redis.fence, [op.ownerUid]: op.generation };
      return step(`the fence stops ${op.ownerUid}`, { ...to, redis: { ...world.redis, fence } });
    }
    case 'unfence': {
      const { [op.ownerUid]: _gone, ...fence } = world.redis.fence;
      return step(`the fence lets ${op.ownerUid} through`, { ...to, redis: { ...world.redis, fence } });
    }
    case 'write':
      return step(
        `the planner writes ${op.write.pod}: ${describe(op.write)}`,
        ...assign(to, rest, op.write, op.excused),
      );
    case 'drained':
      return step(`${op.pod} may end`, withRedisPod(to, op.pod, { drained: op.incarnation }));
    case 'forgetPod':
      return step(`${op.pod} is forgotten`, forgetPod(to, rest, op.pod));
    default:
      return op satisfies never;
  }
}

const describe = ({ set, remove }: PodWrite): string =>
  [
    ...[...set].map(([id, { role, epoch }]) => `${id} ${role} epoch ${epoch}`),
    ...remove.map((id) => `${id} removed`),
  ].join(', ');

const doubted = (memory: PlannerState['memory']): PlannerState['memory'] =>
  new Map([...memory].map(([pod, known]) => [pod, { ...known, doubted: true }]));

/** What operator/fleet/writer.ts and its script do. */
function assign(
  world: World,
  planner: PlannerState,
  { pod, set, remove }: PodWrite,
  right: readonly string[],
): [World, string | undefined] {
  const stored: RedisPod = world.redis.pods[pod] ?? NO_POD;
  const memory = planner.memory.get(pod);
  if (memory === undefined) return [world, undefined];
  const expected = (stored.version ?? undefined) === memory.stored && Object.keys(stored.hash).length === memory.fields;
  if (!memory.lost && !expected) return [world, undefined];
  const slots = new Map<SlotID, Slot>(memory.lost ? [] : memory.slots);
  for (const [id, slot] of set) slots.set(id, { ...slot, token: 'sealed', assignedAtMs: 0 });
  for (const id of remove) slots.delete(id);
  const sorted = new Map([...slots].sort(([a], [b]) => (a < b ? -1 : 1)));
  const version = Math.max(stored.version ?? 0, memory.version) + 1;
  const hash = Object.fromEntries([...sorted].map(([id, slot]) => [id, encodeSlot(slot)]));
  const known = new Map([...planner.memory, [pod, wrote(memory, version, sorted)]]);
  const placed = [...sorted].filter(([id, { epoch }]) => memory.slots.get(id)?.epoch !== epoch).map(([id]) => id);
  const excused = world.excused.filter((socket) => !placed.some((id) => socket === `${pod} ${id}`));
  const written = { ...world, excused, planner: { ...planner, memory: known } };
  const to = withRedisPod(excuse(written, right), pod, { version, hash });
  const twins = sorted.size > 1 ? `${pod} gets ${[...sorted.keys()].join(' and ')}, which belong apart` : undefined;
  return [to, twins];
}

function forgetPod(world: World, planner: PlannerState, pod: string): World {
  if (world.redis.pods[pod]?.session !== null) return world;
  const memory = new Map([...planner.memory].filter(([name]) => name !== pod));
  return withRedisPod({ ...world, planner: { ...planner, memory } }, pod, NO_POD);
}

/**
 * Redis was read without a break for a lease and a renewal. By then every process that reaches Redis has renewed its
 * session and written its reports, and the sessions of those that do not are gone, except for a pod that drained.
 */
function settle(world: World, planner: PlannerState): Step<World>[] {
  if (planner.settled || planner.planned === null || !world.redis.claimed) return [];
  for (const [pod, proc] of Object.entries(world.procs)) {
    const { session, reports } = world.redis.pods[pod] ?? NO_POD;
    if (proc === null || proc.cut) {
      if (session?.state === 'up') return [];
    } else if (session?.incarnation !== proc.incarnation || !sameRecord(reportsOf(proc), reports)) return [];
  }
  return [step('the fleet has been watched for long enough', { ...world, planner: { ...planner, settled: true } })];
}
