import { errorText, type Log } from '../../core/process/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import type { KubeClient } from '../kube/client.ts';
import { everyItem } from '../kube/every-item.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { type KubeObject, keyOf, pathOf, scopesOf } from '../kube/object.ts';
import type { KindObject } from '../status/status-kind.ts';
import { CLAIM, mayRelease, releasingOperations } from './claim.ts';
import { hasFinalizer, patchIfUnchanged, removingFinalizer } from './finalizer.ts';
import { type Kind, type NotRunReason, namesOf } from './kind.ts';

export interface ReleaseObjectsOptions {
  client: Pick<KubeClient, 'listPage' | 'patch' | 'patchStatus'>;
  kinds: readonly Kind[];
  /** Whose claims are removed; those of other operators stay. */
  operator: string;
  reason: NotRunReason;
  log: Log;
  timers?: Timers;
}

/** Concurrent calls: each object needs two, and an uninstall does not wait forever. */
const AT_ONCE = 16;

const TRIES = 20;
const AGAIN_MS = 500;

/**
 * Releases every object of ours in these namespaces (none: all): removes finalizer and claim, so that no later deletion
 * waits for an operator that is gone, and says so in its status.
 * @param isMeant left out: every object is
 * @returns how many were released
 * @throws KubeError of the API server, such as forbidden
 */
export async function releaseObjects(
  options: ReleaseObjectsOptions,
  namespaces: readonly string[],
  signal: AbortSignal,
  isMeant: (object: KindObject) => boolean = () => true,
): Promise<number> {
  const { timers = systemTimers } = options;
  let released = 0;
  for (let tries = 1; ; tries += 1) {
    const counts = await releaseOnce(options, namespaces, signal, isMeant);
    released += counts.released;
    if (counts.left === 0) return released;
    if (tries === TRIES) {
      throw new Error(`${counts.left} ${namesOf(options.kinds)} still have the finalizer: run it again`);
    }
    await sleep(timers, AGAIN_MS, signal);
    signal.throwIfAborted();
  }
}

/** @returns how many were released, and how many were not since they had changed meanwhile */
async function releaseOnce(
  options: ReleaseObjectsOptions,
  namespaces: readonly string[],
  signal: AbortSignal,
  isMeant: (object: KindObject) => boolean,
): Promise<{ released: number; left: number }> {
  const counts = { released: 0, left: 0 };
  const running = new Set<Promise<void>>();
  for await (const { kind, object } of ourObjects(options, namespaces, signal)) {
    if (!isMeant(object)) continue;
    if (running.size >= AT_ONCE) await Promise.race(running);
    const work: Promise<void> = releaseOne(options, kind, object, signal)
      .then((done) => {
        counts[done ? 'released' : 'left'] += 1;
      })
      .finally(() => running.delete(work));
    // The first failure is thrown where this is awaited.
    work.catch(() => undefined);
    running.add(work);
  }
  await Promise.all(running);
  return counts;
}

/** An object with the kind that can read it. */
interface OurObject {
  kind: Kind;
  object: KindObject;
}

/** Objects with a finalizer or a claim of ours. A kind whose definition is not installed has none. */
export async function* ourObjects(
  { client, kinds, operator }: Pick<ReleaseObjectsOptions, 'client' | 'kinds' | 'operator'>,
  namespaces: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<OurObject> {
  for (const kind of kinds) {
    const scopes = scopesOf(kind.resource, namespaces);
    try {
      for await (const item of everyItem<KubeObject>(client, scopes, {}, { signal })) {
        const object = kind.parse(item);
        const isHeld = hasFinalizer(object, kind.finalizer) || object.metadata.annotations?.[CLAIM] !== undefined;
        if (isHeld && mayRelease(object.metadata, operator)) yield { kind, object };
      }
    } catch (error) {
      if (!isKubeError(error, 'notFound')) throw error;
    }
  }
}

async function releaseOne(
  options: ReleaseObjectsOptions,
  kind: Kind,
  object: KindObject,
  signal: AbortSignal,
): Promise<boolean> {
  const { client, reason, log, timers = systemTimers } = options;
  const operations = [...removingFinalizer(object, kind.finalizer), ...releasingOperations(object.metadata)];
  const patched = await patchIfUnchanged(client, kind.resource, object, operations, { signal });
  if (patched === 'changed') return false;
  if (patched === 'gone' || object.metadata.deletionTimestamp !== undefined) return true;
  // Only for the version that we wrote: an operator that has claimed it since then writes its status.
  const { uid, resourceVersion } = patched.metadata;
  const body = { metadata: { uid, resourceVersion }, status: kind.statusNotRun(object, reason, timers.wallMs()) };
  try {
    await client.patchStatus(pathOf(kind.resource, object), { type: 'merge', body }, { signal });
  } catch (error) {
    if (!isKubeError(error, 'conflict') && !isKubeError(error, 'notFound')) {
      const named = { kind: kind.resource.kind, object: keyOf(object), err: errorText(error) };
      log.warn(named, 'released, but its status could not be updated');
    }
  }
  return true;
}
