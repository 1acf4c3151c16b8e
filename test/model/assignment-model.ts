import { heldAfterRead } from '#connector/assignment/held-slots.ts';
import { decodeSlot } from '#core/protocol/assignment.ts';
import { planFences } from '#operator/fleet/fences.ts';
import { plan } from '#operator/plan/plan.ts';
import { type Model, reach, type Step } from './checker.ts';
import { connectorSteps, type Hold } from './connector-steps.ts';
import { type Fences, LONG_AGO_MS, type MakePlan, plannerSteps } from './planner-steps.ts';
import {
  type BotSpec,
  keyOf,
  NO_POD,
  OWNER,
  type Proc,
  type RedisPod,
  reportsOf,
  sameRecord,
  type World,
  withProc,
  withRedisPod,
} from './world.ts';

export type Disturbance =
  | 'kill'
  | 'sigterm'
  | 'cut'
  | 'flush'
  | 'rewind'
  | 'planner'
  | 'suspend'
  | 'resume'
  | 'token'
  | 'revoke'
  | 'drop'
  | 'shrink';

export interface ModelOptions {
  pods: readonly string[];
  /** Sockets that the one bot wants. */
  replicas: number;
  /** What may happen, at any moment. */
  disturbances: readonly Disturbance[];
  /** How many of them may happen in one history. */
  most: number;
  /** A fleet of which nothing runs yet, or one that is whole and has been watched for long. */
  from: 'nothing' | 'whole';
  /** The rules under test; the real ones unless given. */
  makePlan?: MakePlan;
  hold?: Hold;
  fences?: Fences;
}

/** The real plan, the real connector rule and the real memory of the planner, with everything that may come between. */
export function assignmentModel(options: ModelOptions): Model<World> {
  const { pods, replicas, makePlan = plan, hold = heldAfterRead, fences = planFences } = options;
  const model: Model<World> = {
    initial: {
      redis: EMPTY,
      backup: EMPTY,
      procs: Object.fromEntries(pods.map((pod) => [pod, null])),
      planner: null,
      spec: { generation: 1, digest: 'd1', suspended: false },
      connectors: pods.length,
      refused: [],
      excused: [],
      left: options.most,
    },
    steps: (world) => [
      ...connectorSteps(world, hold),
      ...plannerSteps(world, { replicas, makePlan, fences }),
      ...leaseEnds(world),
      ...cured(world),
      ...(world.left > 0 ? options.disturbances.flatMap((what) => disturb(world, what)) : []),
    ],
    key: keyOf,
    wrong: fencedThoughLive,
    goal: (world) => isWhole(world, replicas),
  };
  if (options.from === 'nothing') return model;
  const whole = reach(
    assignmentModel({ ...options, disturbances: [], most: 0, from: 'nothing' }),
    (world) => model.goal(world) && world.planner?.settled === true,
  );
  return { ...model, initial: { ...whole, backup: whole.redis, left: options.most } };
}

const EMPTY: World['redis'] = { claimed: false, pods: {}, fence: {} };

/** A lease of a process that does not renew it ends, and its grace with it. */
function leaseEnds(world: World): Step<World>[] {
  return Object.entries(world.procs).flatMap(([pod, proc]) => {
    const session = world.redis.pods[pod]?.session ?? null;
    if (session === null || (proc !== null && !proc.cut)) return [];
    const gone = withRedisPod(world, pod, { session: null, reports: {} });
    return [{ name: `the lease of ${pod} ends`, to: forgetSeen(gone, pod), disturbance: false }];
  });
}

function forgetSeen(world: World, pod: string): World {
  const { planner } = world;
  const known = planner?.memory.get(pod);
  if (planner === null || known === undefined) return world;
  const memory = new Map([...planner.memory, [pod, { ...known, lastSeenMs: LONG_AGO_MS }]]);
  return { ...world, planner: { ...planner, memory } };
}

/** A person gives a bot whose token is refused a new one, and wakes one that is suspended. */
function cured(world: World): Step<World>[] {
  const { spec, refused } = world;
  if (spec.suspended || !refused.includes(spec.digest)) return [];
  const to = { ...world, spec: { ...spec, generation: spec.generation + 1, digest: `${spec.digest}'` } };
  return [{ name: 'a new token is given', to, disturbance: false }];
}

function disturb(before: World, what: Disturbance): Step<World>[] {
  const world = { ...before, left: before.left - 1 };
  const { spec } = world;
  const happens = (name: string, to: World): Step<World> => ({ name: `! ${name}`, to, disturbance: true });
  const each = (name: string, change: (pod: string, proc: Proc) => World | undefined): Step<World>[] =>
    Object.entries(world.procs).flatMap(([pod, proc]) => {
      const to = proc === null ? undefined : change(pod, proc);
      return to === undefined ? [] : [happens(`${pod} ${name}`, to)];
    });
  switch (what) {
    case 'kill':
      return each('is killed', (pod) => withProc(withRedisPod(world, pod, { drained: null }), pod, null));
    case 'sigterm':
      return each('is told to end', (pod, proc) =>
        proc.phase === 'up' && !proc.cut ? withProc(world, pod, { ...proc, phase: 'draining' }) : undefined,
      );
    case 'cut':
      return each('is cut off from Redis', (pod, proc) =>
        proc.cut ? undefined : withProc(world, pod, { ...proc, cut: true }),
      );
    case 'drop':
      return each('loses its sockets', (pod, proc) => {
        const sockets = Object.entries(proc.sockets).map(([id, { digest }]) => [id, { state: 'connecting', digest }]);
        return sockets.length === 0
          ? undefined
          : withProc(world, pod, { ...proc, sockets: Object.fromEntries(sockets) });
      });
    case 'flush':
      return [happens('Redis loses everything', { ...world, redis: EMPTY })];
    case 'rewind':
      return [happens('Redis is what it was at first', { ...world, redis: world.backup })];
    case 'planner':
      return world.planner === null ? [] : [happens('the planner is killed', { ...world, planner: null })];
    case 'suspend':
      if (spec.suspended) return [];
      return [happens('the bot is suspended', withSpec(world, { suspended: true }))];
    case 'resume':
      if (!spec.suspended) return [];
      return [happens('the bot is resumed', withSpec(world, { suspended: false }))];
    case 'token':
      return [happens('the token is changed', withSpec(world, { digest: `${spec.digest}'` }))];
    case 'revoke':
      return world.refused.includes(spec.digest) ? [] : [happens('Slack revokes the token', revoke(world))];
    case 'shrink':
      if (world.connectors <= 1) return [];
      return [happens('there is to be one connector less', { ...world, connectors: world.connectors - 1 })];
    default:
      return what satisfies never;
  }
}

const withSpec = (world: World, change: Partial<World['spec']>): World => ({
  ...world,
  spec: { ...world.spec, ...change, generation: world.spec.generation + 1 },
});

function revoke(world: World): World {
  const { digest } = world.spec;
  const procs = Object.entries(world.procs).map(([pod, proc]) => {
    if (proc === null) return [pod, null];
    const sockets = Object.entries(proc.sockets).map(([id, socket]) => [
      id,
      socket.digest === digest ? { ...socket, state: 'failed' } : socket,
    ]);
    return [pod, { ...proc, sockets: Object.fromEntries(sockets) }];
  });
  return { ...world, procs: Object.fromEntries(procs), refused: [...world.refused, digest] };
}

/** Design rule 8. A spec that the planner has not acted on yet is not a fault of the fence. */
function fencedThoughLive({ procs, planner, spec, redis }: World): string | undefined {
  const fence = redis.fence[OWNER];
  if (
    fence === undefined ||
    spec.suspended ||
    planner?.planned?.generation !== spec.generation ||
    planner.ops.length > 0
  )
    return undefined;
  for (const [pod, proc] of Object.entries(procs)) {
    for (const [id, { generation }] of proc?.held.slots ?? []) {
      if (generation > fence || proc?.sockets[id]?.state !== 'live') continue;
      return `the fence at ${fence} blocks ${id} on ${pod} of generation ${generation}, though its bot is wanted`;
    }
  }
  return undefined;
}

/** A process that runs just what its hash says, as the spec wants it, and has reported it. */
function isAtRest(proc: Proc, { hash, reports }: RedisPod, { generation }: BotSpec): boolean {
  if (proc.cut || proc.phase === 'draining' || !sameRecord(reports, reportsOf(proc))) return false;
  return (
    Object.keys(hash).length === Object.keys(proc.sockets).length &&
    Object.entries(proc.sockets).every(([id, { state }]) => {
      const slot = decodeSlot(hash[id] ?? '');
      return state === 'live' && slot?.generation === generation && slot.role === 'active';
    })
  );
}

/** Everything as the spec wants it, known to Redis, and nothing more; or nothing at all of a bot that is suspended. */
function isWhole(world: World, replicas: number): boolean {
  const { planner, redis, spec, refused, connectors } = world;
  const sockets = Math.min(replicas, connectors);
  const pods = Object.keys(world.procs);
  if (pods.slice(connectors).some((pod) => world.procs[pod] !== null)) return false;
  const procs = Object.fromEntries(Object.entries(world.procs).slice(0, connectors));
  if (planner === null || planner.ops.length > 0) return false;
  if (refused.includes(spec.digest) && !spec.suspended) return false;
  if (!Object.entries(procs).every(([pod, proc]) => proc !== null && isAtRest(proc, redis.pods[pod] ?? NO_POD, spec))) {
    return false;
  }
  const live = Object.values(procs).flatMap((proc) => Object.keys(proc?.sockets ?? {}));
  if (spec.suspended) return live.length === 0 && redis.fence[OWNER] !== undefined;
  return live.length === sockets && new Set(live).size === sockets && redis.fence[OWNER] === undefined;
}
