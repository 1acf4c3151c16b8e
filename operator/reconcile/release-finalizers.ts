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
  /** Releases only what is outside of these namespaces; undefined: everything. */
  keep?: readonly string[] | undefined;
  log: Log;
  timers?: Timers;
}

/** Longer than an uninstall takes, so that no operator leads meanwhile. If the uninstall is given up, one leads again after it. */
const HELD_MS = 300_000;
/** As long as an upgrade takes to replace the operators that watch the old namespaces. */
const HELD_FOR_UPGRADE_MS = 60_000;
const TRIES = 20;

/**
 * Releases the objects that this operator has claimed, all of them or those of namespaces that are no longer watched, so
 * that no later deletion waits for an operator that is gone. The leader would take them again, so its Lease is taken first,
 * if there is one: it stops leading, and for a while no other starts. Sockets stay open until the connectors end or the next
 * leader closes them.
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

/** Objects with our claim in namespaces that were once watched, as far as our rights go; one without a claim may be another's. */
async function releaseElsewhere(letting: ReleaseObjectsOptions, signal: AbortSignal): Promise<number> {
  const isClaimed = ({ metadata }: KindObject): boolean => metadata.annotations?.[CLAIM] === letting.operator;
  try {
    return await releaseObjects(letting, [], signal, isClaimed);
  } catch (error) {
    if (!isKubeError(error, 'forbidden')) throw error;
    return 0;
  }
}

/** Releases what the operators watched until now and will no longer watch. If there is nothing, the leader keeps its Lease. */
async function releaseOthers(options: ReleaseOptions, keep: readonly string[], signal: AbortSignal): Promise<number> {
  const { client, kinds, lease, log, timers = systemTimers } = options;
  const watched = watchedOf(keep);
  // An earlier version left no note, and may have watched all namespaces.
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

/** When it resolves, no operator writes any more. */
async function depose(options: ReleaseOptions, heldMs: number, signal: AbortSignal): Promise<void> {
  const { timers = systemTimers } = options;
  if (await takeLease(options, heldMs, signal)) await sleep(timers, DEFAULT_LEADER_TIMES.renewDeadlineMs, signal);
  signal.throwIfAborted();
}

/** @returns whether somebody held it */
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
