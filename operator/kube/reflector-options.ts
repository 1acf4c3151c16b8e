import type { Log } from '../../core/process/log.ts';
import type { Timers } from '../../core/process/timers.ts';
import type { KubeClient } from './client.ts';
import type { KubeObject, ResourceScope } from './object.ts';
import type { Change, Indexers } from './store.ts';

export interface ReflectorOptions<T extends KubeObject> {
  client: Pick<KubeClient, 'listPage' | 'watch'>;
  scope: ResourceScope;
  log: Log;
  /**
   * Called for every change, after the store has it. Must be quick and synchronous: put a key on a queue. What it throws
   * is counted and logged, and never stops the reflector.
   */
  onChange: (change: Change<T>) => void;
  labelSelector?: string;
  fieldSelector?: string;
  /** Only metadata is fetched, as of Secrets. */
  metadataOnly?: boolean;
  /** Keeps less of each object than the server sends. managedFields and last-applied are gone already. */
  transform?: (object: T) => T;
  indexers?: Indexers<T>;
  pageSize?: number;
  /** A watch that is silent for longer is ended and opened again. */
  inactivityMs?: number;
  /** Handlers are called for so many objects before other work gets a turn. */
  yieldEvery?: number;
  timers?: Timers;
  random?: () => number;
}

/** What happened so far. Counters only grow. */
export interface ReflectorStats {
  lists: number;
  watches: number;
  events: number;
  bookmarks: number;
  /** Failed lists and watches. */
  errors: number;
  /** Watches that ended because the version was too old. */
  expired: number;
  silentWatches: number;
  badLines: number;
  handlerErrors: number;
}
