import type { HeldSlots } from '#connector/assignment/held-slots.ts';
import { parseSlotID, type SlotID } from '#core/protocol/assignment.ts';
import type { ConnectorSet } from '#core/protocol/connector-set.ts';
import type { SlotReport } from '#core/protocol/report.ts';
import type { Session } from '#core/protocol/session.ts';
import type { PodMemory } from '#operator/fleet/pod-memory.ts';
import type { PodWrite, SocketSet } from '#operator/plan/types.ts';

/**
 * Everything that assignment and handover depend on, as one immutable value: what Redis holds, what each connector
 * process holds and has open, what the planner remembers and is about to write, and what the spec wants. Time is not in it:
 * a lease may end, a fleet may settle, at every moment at which it could in life (`steps`).
 */
export interface World {
  redis: RedisState;
  /** Pod -> its process; null while none runs. */
  procs: Readonly<Record<string, Proc | null>>;
  planner: PlannerState | null;
  spec: BotSpec;
  /** Connectors that there are to be: of the pods, in their order, the first so many. The others do not return. */
  connectors: number;
  /** Digests of tokens that Slack refuses. */
  refused: readonly string[];
  /**
   * "pod slot" of entries whose removal was right when it was decided: a socket that stays had said hello, or the bot was
   * not wanted. History that only the invariants look at.
   */
  excused: readonly string[];
  /** What Redis held when the history began: what a replica that lagged, or a backup, brings back. */
  backup: RedisState;
  /** Disturbances that may still happen. */
  left: number;
}

export interface RedisState {
  /** The planner's lock and the owner of the scope: both gone after a flush. */
  claimed: boolean;
  pods: Readonly<Record<string, RedisPod>>;
  fence: Readonly<Record<string, number>>;
}

export interface RedisPod {
  /** In the sorted set of pods. */
  listed: boolean;
  session: Session | null;
  version: number | null;
  /** JSON, as in Redis. */
  hash: Readonly<Record<SlotID, string>>;
  reports: Readonly<Record<SlotID, string>>;
  drained: string | null;
}

export const NO_POD: RedisPod = { listed: false, session: null, version: null, hash: {}, reports: {}, drained: null };

export interface Proc {
  incarnation: string;
  phase: 'up' | 'draining';
  /** Can't reach Redis; its sockets are another matter. */
  cut: boolean;
  held: HeldSlots;
  sockets: Readonly<Record<SlotID, SocketState>>;
}

export interface SocketState {
  state: 'connecting' | 'live' | 'failed';
  digest: string;
}

export interface PlannerState {
  memory: ReadonlyMap<string, PodMemory>;
  settled: boolean;
  /** Decided and not yet written: one a step, anything may come between. */
  ops: readonly Op[];
  /** The spec that the last plan was made from. */
  planned: BotSpec | null;
}

export type Op =
  | { kind: 'fence'; ownerUid: string; generation: number }
  | { kind: 'unfence'; ownerUid: string }
  | { kind: 'write'; write: PodWrite; excused: readonly string[] }
  | { kind: 'drained'; pod: string; incarnation: string }
  | { kind: 'forgetPod'; pod: string };

export interface BotSpec {
  generation: number;
  digest: string;
  suspended: boolean;
}

export const OWNER = 'u';

export const setOf = (spec: BotSpec, replicas: number): SocketSet => ({
  ownerUid: OWNER,
  bot: 'bots/u',
  kind: 'rtm',
  teamID: 'T1',
  replicas,
  generation: spec.generation,
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  tokenDigest: spec.digest,
});

/** Pods are named p-0, p-1 and so on. */
export const connectorSetOf = ({ connectors }: World): ConnectorSet => ({
  kind: 'sized',
  name: 'p',
  first: 0,
  replicas: connectors,
});

export const isOurs = (id: SlotID): boolean => parseSlotID(id).ownerUid === OWNER;

export function withProc(world: World, pod: string, proc: Proc | null): World {
  return { ...world, procs: { ...world.procs, [pod]: proc } };
}

export function withRedisPod(world: World, pod: string, change: Partial<RedisPod>): World {
  const before = world.redis.pods[pod] ?? NO_POD;
  return { ...world, redis: { ...world.redis, pods: { ...world.redis.pods, [pod]: { ...before, ...change } } } };
}

export const excuse = (world: World, sockets: readonly string[]): World => ({
  ...world,
  excused: [...new Set([...world.excused, ...sockets])].sort(),
});

/** What a process has to report. */
export function reportsOf({ held, sockets, incarnation }: Proc): Record<SlotID, string> {
  const reports: Record<SlotID, string> = {};
  for (const [id, { epoch }] of [...held.slots].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const socket = sockets[id];
    if (socket === undefined) continue;
    const report: SlotReport = {
      epoch,
      incarnation,
      state: socket.state,
      reason: '',
      message: '',
      tokenDigest: socket.digest,
      teamName: '',
      botUserID: '',
    };
    reports[id] = JSON.stringify(report);
  }
  return reports;
}

/** Open sockets that said hello, over all processes, cut off or not. */
export function liveSockets(world: World): string[] {
  return Object.entries(world.procs).flatMap(([pod, proc]) =>
    Object.entries(proc?.sockets ?? {}).flatMap(([id, { state }]) => (state === 'live' ? [`${pod} ${id}`] : [])),
  );
}

export const sameRecord = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, value]) => b[key] === value);

/**
 * Equal for worlds that will behave alike: of versions only the order matters and whether there is none, of incarnations
 * only whether they are the same.
 */
export function keyOf(world: World): string {
  const { redis, procs, planner, spec, connectors, refused, excused, left } = world;
  const second = Object.keys(procs).filter((pod) => isSecondLife(world, pod));
  const parts = Object.keys(procs).map((pod) => {
    const stored = redis.pods[pod] ?? NO_POD;
    const proc = procs[pod] ?? null;
    const known = planner?.memory.get(pod) ?? null;
    const order = ranks([stored.version, stored.session?.version, proc?.held.version, known?.version, known?.stored]);
    const swapped = second.includes(pod) ? [pod] : [];
    return `${[stored, proc, known].map((part) => numberOf(part, swapped)).join(' ')} ${order}`;
  });
  const rest = [redis.fence, planner?.planned ?? null, planner?.ops ?? null, spec, refused, excused];
  const others = rest.map((part) => numberOf(part, second)).join(' ');
  return `${parts.join(' ')} ${others} ${redis.claimed} ${planner?.settled} ${connectors} ${left}`;
}

/** 0 is "none yet" and stays what it is. */
function ranks(values: readonly (number | null | undefined)[]): string {
  const order = [...new Set([0, ...values.map((value) => value ?? 0)])].sort((a, b) => a - b);
  return values.map((value) => (value === null || value === undefined ? '-' : order.indexOf(value))).join();
}

const numbers = new Map<string, number>();
/** Parts of worlds are immutable and shared by many: each is turned into text once for each renaming. */
const numbered = new WeakMap<object, Map<string, number>>();

/** The same number for what is the same but for versions, and for the names of lives on the pods given. */
function numberOf(part: object | null, swapped: readonly string[]): number {
  if (part === null) return -1;
  const known = numbered.get(part) ?? new Map<string, number>();
  numbered.set(part, known);
  const renaming = swapped.join();
  const before = known.get(renaming);
  if (before !== undefined) return before;
  const text = swapped.reduce(swapLives, JSON.stringify(part, withoutVersions));
  const number = numbers.get(text) ?? numbers.size;
  numbers.set(text, number);
  known.set(renaming, number);
  return number;
}

function withoutVersions(key: string, value: unknown): unknown {
  if (key === 'version' || key === 'stored') return undefined;
  return value instanceof Map ? [...value] : value;
}

/** A process has one of two names, so that it can be told from the one before it. */
export const lifeOf = (pod: string, second: boolean): string => `${pod}-${second ? 'y' : 'x'}`;

const isSecondLife = ({ procs, redis }: World, pod: string): boolean =>
  (procs[pod]?.incarnation ?? redis.pods[pod]?.session?.incarnation) === lifeOf(pod, true);

const swapLives = (text: string, pod: string): string =>
  text.replaceAll(new RegExp(`${pod}-[xy]`, 'g'), (life) => lifeOf(pod, life !== lifeOf(pod, true)));
