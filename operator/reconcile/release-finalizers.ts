import { randomUUID } from 'node:crypto';
import type { Log } from '../../core/process/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { keyOf } from '../kube/object.ts';
import { DEFAULT_LEADER_TIMES, heldSpec, type Lease } from '../leadership/lease.ts';
import type { KindObject } from '../status/status-kind.ts';
import { CLAIM } from './claim.ts';
import { holdsDropped, releaseDropped } from './dropped-namespaces.ts';
import type { Kind } from './kind.ts';
import { type ReleaseObjectsOptions, releaseObjects } from './release-objects.ts';
import { droppedNamespaces, parseWatched, watchedOf } from './watched-namespaces.ts';
import { type LeaseName, leaseScope, noteWatched, readNote } from './watched-note.ts';

export interface ReleaseOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'replace' | 'listPage' | 'patch' | 'patchStatus'>;
  kinds: readonly Kind[];
  /** Of the operator's Lease. */
  lease: LeaseName;
  /** Empty: all. */
  namespaces: readonly string[];
  /** Only what is in no namespace of these; undefined: everything. */
  keep?: readonly string[] | undefined;
  log: Log;
  timers?: Timers;
}

/** Longer than an uninstall takes: no operator leads before it, unless it is to go on. */
const HELD_MS = 300_000;
/** As long as an upgrade takes to replace the operators, which watch the old list. */
const HELD_FOR_UPGRADE_MS = 60_000;
const TRIES = 20;

/**
 * Releases the objects that this operator has claimed, all of them or those of namespaces that are watched no longer,
 * so that nothing that is deleted later waits for an operator that is gone. The leading operator would take them again, so
 * first its Lease is taken, if there is one: it stops to lead, and for a while no other starts to. Sockets stay open until
 * the connectors end or the next leader closes them.
 */
export function releaseAllFinalizers(options: ReleaseOptions, signal: AbortSignal): Promise<number> {
  const { keep } = options;
  return keep === undefined ? releaseAll(options, signal) : releaseOthers(options, keep, signal);
}

async function releaseAll(options: ReleaseOptions, signal: AbortSignal): Promise<number> {
  const { client, kinds, lease, log, timers = systemTimers } = options;
  await depose(options, HELD_MS, signal);
  const letting = { client, kinds, operator: operatorOf(lease), reason: 'OperatorGone', log, timers } as const;
  const released = await releaseObjects(letting, options.namespaces, signal);
  const elsewhere = options.namespaces.length === 0 ? 0 : await releaseElsewhere(letting, signal);
  log.info({ released: released + elsewhere }, 'finalizers released');
  return released + elsewhere;
}

/** What carries our claim in a namespace that was watched once, if we may look there; without a claim it may be another's. */
async function releaseElsewhere(letting: ReleaseObjectsOptions, signal: AbortSignal): Promise<number> {
  const isClaimed = ({ metadata }: KindObject): boolean => metadata.annotations?.[CLAIM] === letting.operator;
  try {
    return await releaseObjects(letting, [], signal, isClaimed);
  } catch (error) {
    if (!isKubeError(error, 'forbidden')) throw error;
    return 0;
  }
}

/** What the operators watched until now and are to watch no longer; without any of it nobody is disturbed. */
async function releaseOthers(options: ReleaseOptions, keep: readonly string[], signal: AbortSignal): Promise<number> {
  const { client, kinds, lease, log, timers = systemTimers } = options;
  const watched = watchedOf(keep);
  // An earlier version left no note: whatever it may have watched, as far as our rights go.
  const before = parseWatched(await readNote(client, lease, signal)) ?? 'all';
  const dropped = droppedNamespaces(before, watched);
  const letting = { client, kinds, operator: operatorOf(lease), reason: 'NotWatched', log, timers } as const;
  if (await holdsDropped(letting, dropped, keep, signal)) await depose(options, HELD_FOR_UPGRADE_MS, signal);
  const { released, forbidden } = await releaseDropped(letting, dropped, keep, signal);
  log.info({ released, forbidden, keep }, 'objects of other namespaces released');
  await noteWatched(client, lease, forbidden === 'others' ? before : [...keep, ...forbidden], signal);
  return released;
}

const operatorOf = ({ namespace, name }: LeaseName): string => `${namespace}/${name}`;

/** When it resolves, nobody writes any longer. */
async function depose(options: ReleaseOptions, heldMs: number, signal: AbortSignal): Promise<void> {
  const { timers = systemTimers } = options;
  if (await takeLease(options, heldMs, signal)) await sleep(timers, DEFAULT_LEADER_TIMES.renewDeadlineMs, signal);
  signal.throwIfAborted();
}

/** @returns whether somebody may have held it */
async function takeLease(
  { client, lease: at, log, timers = systemTimers }: ReleaseOptions,
  durationMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const scope = leaseScope(at);
  const times = { ...DEFAULT_LEADER_TIMES, durationMs };
  const identity = `release-finalizers_${randomUUID()}`;
  for (let tries = 1; ; tries += 1) {
    try {
      const lease = await client.get<Lease>({ ...scope, name: at.name }, { signal });
      const holder = lease.spec?.holderIdentity ?? '';
      const spec = heldSpec(lease.spec, 'acquire', identity, timers.wallMs(), times);
      await client.replace({ ...scope, name: at.name }, { ...lease, spec }, { signal });
      log.info({ lease: keyOf(lease), from: holder }, 'acquired the lease: no operator is leading');
      return holder !== '';
    } catch (error) {
      if (isKubeError(error, 'notFound')) return false;
      if (!isKubeError(error, 'conflict') || tries === TRIES) throw error;
    }
  }
}
