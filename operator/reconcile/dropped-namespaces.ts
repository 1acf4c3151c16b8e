import { namespaceOf } from '../../core/api/object-name.ts';
import { errorText } from '../../core/process/log.ts';
import { sleep, systemTimers } from '../../core/process/timers.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { namesOf } from './kind.ts';
import { ourObjects, type ReleaseObjectsOptions, releaseObjects } from './release-objects.ts';
import { type Dropped, droppedNamespaces, parseWatched, watchedOf } from './watched-namespaces.ts';
import { type LeaseName, noteWatched, readNote } from './watched-note.ts';

/** Namespaces that we are no longer allowed to read; 'others': every one that is not watched. */
type Forbidden = readonly string[] | 'others';

/** Whether any object of ours is there, as far as our rights go. */
export async function holdsDropped(
  options: ReleaseObjectsOptions,
  dropped: Dropped,
  watched: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const namespaces of listsOfDropped(dropped)) {
    try {
      for await (const { object } of ourObjects(options, namespaces, signal)) {
        if (!watched.includes(object.metadata.namespace)) return true;
      }
    } catch (error) {
      if (!isKubeError(error, 'forbidden')) throw error;
    }
  }
  return false;
}

/** Releases the objects of namespaces that are no longer watched. */
export async function releaseDropped(
  options: ReleaseObjectsOptions,
  dropped: Dropped,
  watched: readonly string[],
  signal: AbortSignal,
): Promise<{ released: number; forbidden: Forbidden }> {
  let released = 0;
  const forbidden: string[] = [];
  for (const namespaces of listsOfDropped(dropped)) {
    try {
      released += await releaseObjects(
        options,
        namespaces,
        signal,
        ({ metadata }) => !watched.includes(metadata.namespace),
      );
    } catch (error) {
      if (!isKubeError(error, 'forbidden')) throw error;
      if (namespaces.length === 0) return { released, forbidden: 'others' };
      forbidden.push(...namespaces);
    }
  }
  return { released, forbidden };
}

/** What to list at a time: each named namespace by itself, since we may have no wider rights, or all (an empty list). */
function listsOfDropped(dropped: Dropped): string[][] {
  switch (dropped.kind) {
    case 'named':
      return dropped.namespaces.map((namespace) => [namespace]);
    case 'others':
      return [[]];
  }
  return dropped satisfies never;
}

export interface DroppedNamespacesOptions extends Omit<ReleaseObjectsOptions, 'reason' | 'client' | 'operator'> {
  client: Pick<KubeClient, 'get' | 'replace' | 'listPage' | 'patch' | 'patchStatus'>;
  lease: LeaseName;
  /** As in RELAX_WATCH_NAMESPACES. */
  namespaces: readonly string[];
  /** As holder of the Lease: only the leader notes what is watched. */
  identity: string;
  /** Aborts when our term as leader ends; undefined while we have none: another that leads may watch these namespaces. */
  leadership: () => AbortSignal | undefined;
  /** Owner uid -> line of `relax status`: the fleet's own record of which bots it has in which namespace. */
  lines: () => Promise<ReadonlyMap<string, BotSummary>>;
}

const AGAIN_MS = 2_000;

/**
 * What an operator does about namespaces that its predecessors watched and it does not: as the leader it releases
 * their objects, where it still may. Where it may not, their sockets are kept, since nobody could say so in their status, and
 * readiness reports it.
 */
export class DroppedNamespaces {
  readonly #options: DroppedNamespacesOptions;
  #kept: readonly string[] = [];

  constructor(options: DroppedNamespacesOptions) {
    this.#options = options;
  }

  /** For readiness. */
  faults(): string[] {
    return this.#kept.map((namespace) => this.#faultOf(namespace));
  }

  /**
   * To be awaited before anything is removed for belonging to no object, and again from time to time as long as it returns
   * any. Waits while the API server or Redis is unreachable.
   * @returns owner uid -> line, for each owner whose sockets are to stay as they are
   */
  async settle(signal: AbortSignal): Promise<ReadonlyMap<string, BotSummary>> {
    const { log, timers = systemTimers } = this.#options;
    while (!signal.aborted) {
      try {
        return await this.#settle(signal);
      } catch (error) {
        if (signal.aborted) break;
        log.warn(
          { err: errorText(error) },
          'previously watched namespaces are not known yet, removing nothing until they are',
        );
        await sleep(timers, AGAIN_MS, signal);
      }
    }
    return new Map();
  }

  async #settle(signal: AbortSignal): Promise<ReadonlyMap<string, BotSummary>> {
    const { client, kinds, lease, namespaces, identity, log, timers = systemTimers } = this.#options;
    const watched = watchedOf(namespaces);
    const before = parseWatched(await readNote(client, lease, signal)) ?? watched;
    const operator = `${lease.namespace}/${lease.name}`;
    const letting = { client, kinds, operator, reason: 'NotWatched', log, timers } as const;
    const dropped = droppedNamespaces(before, watched);
    const leadership = this.#options.leadership();
    if (leadership === undefined) {
      this.#kept = [];
      return this.#keptOf(dropped.kind === 'others' ? 'others' : dropped.namespaces);
    }
    const term = AbortSignal.any([signal, leadership]);
    const { released, forbidden } = await releaseDropped(letting, dropped, namespaces, term);
    if (released > 0) {
      log.info({ released, before, watched }, 'released the objects of namespaces that are no longer watched');
    }
    const kept = await this.#keptOf(forbidden);
    const names = [...new Set([...kept.values()].map(({ bot }) => namespaceOf(bot)))].sort();
    for (const fault of names.filter((name) => !this.#kept.includes(name))) log.error(this.#faultOf(fault));
    this.#kept = names;
    await noteWatched(client, lease, watched === 'all' ? watched : [...watched, ...names], term, identity);
    return kept;
  }

  /** A namespace of which the fleet has no sockets needs nothing to be kept: it may not even exist any more. */
  async #keptOf(forbidden: Forbidden): Promise<Map<string, BotSummary>> {
    const { namespaces, lines } = this.#options;
    if (forbidden.length === 0) return new Map();
    const isKept = (namespace: string): boolean =>
      forbidden === 'others' ? !namespaces.includes(namespace) : forbidden.includes(namespace);
    return new Map([...(await lines())].filter(([, line]) => isKept(namespaceOf(line.bot))));
  }

  #faultOf(namespace: string): string {
    const { kinds, lease, namespaces } = this.#options;
    const names = namesOf(kinds);
    return (
      `namespace ${namespace} is no longer watched, and the operator lacks the rights to release its ${names}: their sockets stay open. ` +
      `Watch it again, or run with the rights to patch ${names} there: relax operator --release-finalizers ` +
      `--keep-namespaces ${namespaces.join(',')} --leader-namespace ${lease.namespace} (docs/install.md, Upgrade)`
    );
  }
}
