import type { HeldSlots, heldAfterRead } from '#connector/assignment/held-slots.ts';
import { type Convergence, converge } from '#connector/registry/converge.ts';
import type { SlotID, Slots } from '#core/protocol/assignment.ts';
import { mayReturn } from '#core/protocol/connector-set.ts';
import type { Session } from '#core/protocol/session.ts';
import type { Step } from './checker.ts';
import {
  connectorSetOf,
  lifeOf,
  liveSockets,
  NO_POD,
  type Proc,
  reportsOf,
  type SocketState,
  type World,
  withProc,
  withRedisPod,
} from './world.ts';

export type Hold = typeof heldAfterRead;

/** What connector processes do by themselves, in whatever order. */
export function connectorSteps(world: World, hold: Hold): Step<World>[] {
  return Object.entries(world.procs).flatMap(([pod, proc]) =>
    proc === null
      ? start(world, pod)
      : [
          ...(proc.phase === 'up' && !comesBack(world, pod) ? [tellToEnd(world, pod, proc)] : []),
          proc.cut ? heal(world, pod, proc) : heartbeat(world, pod, proc, hold),
          ...Object.keys(proc.sockets).flatMap((id) => hello(world, pod, proc, id)),
          ...(proc.phase === 'draining' ? [end(world, pod, proc)] : []),
        ],
  );
}

const step = (name: string, to: World, violation?: string): Step<World> => ({
  name,
  to,
  disturbance: false,
  violation,
});

const comesBack = (world: World, pod: string): boolean => mayReturn(connectorSetOf(world), pod, false);

/** The set is smaller now, and whoever manages it ends what is too many. */
const tellToEnd = (world: World, pod: string, proc: Proc): Step<World> =>
  step(`${pod} is told to end for good`, withProc(world, pod, { ...proc, phase: 'draining' }));

/** A pod's next process; kubelet brings it back under its name. */
function start(world: World, pod: string): Step<World>[] {
  if (!comesBack(world, pod)) return [];
  const before = world.redis.pods[pod]?.session?.incarnation ?? '';
  const proc: Proc = {
    incarnation: lifeOf(pod, before === lifeOf(pod, false)),
    phase: 'up',
    cut: false,
    held: { version: 0, slots: new Map() },
    sockets: {},
  };
  return [step(`${pod} starts`, withProc(world, pod, proc))];
}

const heal = (world: World, pod: string, proc: Proc): Step<World> =>
  step(`${pod} reaches Redis again`, withProc(world, pod, { ...proc, cut: false }));

/**
 * Renews the session, reads the assignments, does what they say and reports. The first renewal of a life, or after a
 * loss, goes without reports: the connector writes them when the answer has told it that there are none.
 */
function heartbeat(world: World, pod: string, proc: Proc, hold: Hold): Step<World> {
  const { hash, version, session: known, reports: old } = world.redis.pods[pod] ?? NO_POD;
  const { held } = hold(proc.held, { version: version ?? undefined, fields: hash });
  const todo = converge(held.slots, runningAsHeld(proc.held.slots), 0);
  const after = { ...proc, held, sockets: socketsAfter(proc.sockets, todo) };
  const session = sessionOf(pod, after);
  const reports = known?.incarnation === proc.incarnation ? reportsOf(after) : old;
  const renewed = withRedisPod(withProc(world, pod, after), pod, { listed: true, session, reports });
  const violation = closedTooEarly(world, pod, proc, todo.close) ?? closedForNoVersion(proc.held, version, todo.close);
  return step(`${pod} renews its session and reads version ${version ?? 'none'}`, renewed, violation);
}

/** A connector of the model brings about at once what it is told. */
const runningAsHeld = (slots: Slots): Parameters<typeof converge>[1] =>
  new Map([...slots].map(([id, slot]) => [id, { slot, runner: id, failure: undefined }]));

function socketsAfter(sockets: Proc['sockets'], { open, update, close }: Convergence): Proc['sockets'] {
  const after: Record<SlotID, SocketState> = { ...sockets };
  for (const id of close) delete after[id];
  for (const [id, { tokenDigest }] of open) after[id] = { state: 'connecting', digest: tokenDigest };
  for (const [id, { tokenDigest }] of update) {
    const { state, digest } = after[id] ?? { state: 'connecting', digest: tokenDigest };
    // A new token opens a socket before the old one closes; one that was refused starts again.
    after[id] = { state: state === 'failed' && digest !== tokenDigest ? 'connecting' : state, digest: tokenDigest };
  }
  return Object.fromEntries(Object.entries(after).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A socket that lives closes only when its replacement said hello, its set has another, or its bot was not wanted. */
function closedTooEarly(world: World, pod: string, proc: Proc, stop: readonly SlotID[]): string | undefined {
  for (const id of stop) {
    if (proc.sockets[id]?.state !== 'live' || world.excused.includes(`${pod} ${id}`)) continue;
    const others = liveSockets(world).filter((socket) => socket !== `${pod} ${id}`);
    if (others.length === 0) return `${pod} closes the live socket ${id} before another said hello`;
  }
  return undefined;
}

function closedForNoVersion(held: HeldSlots, version: number | null, stop: readonly SlotID[]): string | undefined {
  if (stop.length === 0 || (version !== null && version > held.version)) return undefined;
  return `sockets close though Redis says nothing newer: holds version ${held.version}, read ${version ?? 'none'}`;
}

const sessionOf = (pod: string, { incarnation, phase, held }: Proc): Session => ({
  pod,
  incarnation,
  zone: `zone-${pod}`,
  capacity: 10,
  state: phase,
  drainingSinceMs: 0,
  version: held.version,
  keyIDs: ['k'],
  reportVersion: 0,
  faults: [],
  pid: 0,
  owner: '',
  machine: '',
  startTicks: '',
});

/** Slack answers. */
function hello(world: World, pod: string, proc: Proc, id: SlotID): Step<World>[] {
  const socket = proc.sockets[id];
  if (socket?.state !== 'connecting') return [];
  const state = world.refused.includes(socket.digest) ? 'failed' : 'live';
  const answered = withProc(world, pod, { ...proc, sockets: { ...proc.sockets, [id]: { ...socket, state } } });
  if (state === 'failed') return [step(`${pod}: Slack refuses the token of ${id}`, answered)];
  return [step(`${pod}: hello on ${id}`, answered)];
}

/** Told that nothing is left to move, or at the end of its grace time, which may come at any moment. */
function end(world: World, pod: string, proc: Proc): Step<World> {
  const told = world.redis.pods[pod]?.drained === proc.incarnation;
  const ended = withRedisPod(withProc(world, pod, null), pod, { drained: null });
  return step(`${pod} ends ${told ? 'as told' : 'with its grace time'}`, ended);
}
