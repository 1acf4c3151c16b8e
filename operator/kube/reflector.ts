import { errorText } from '../../core/process/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import { isKubeError, KubeError } from './kube-error.ts';
import { ListRequests } from './list-requests.ts';
import { type KubeObject, objectKey, stripBulk } from './object.ts';
import { nextStep, reflectorBackoffMs } from './reflector-backoff.ts';
import type { ReflectorOptions, ReflectorStats } from './reflector-options.ts';
import { NO_RETRY } from './retry.ts';
import { type Change, Store, type StoreView } from './store.ts';

/** A watch that lived this long was healthy, so the next one needs no backoff. */
const HEALTHY_WATCH_MS = 5_000;
/**
 * The server ends a watch after this time, jittered upwards by half, and sends a bookmark 2 s before that. A server or
 * network that goes silent without closing the connection is therefore noticed within 40 s, and the next watch, starting
 * from the bookmark's version, costs one request.
 */
const WATCH_SECONDS = 20;
const WATCH_END_LATE_MS = 10_000;

/**
 * Keeps a copy of all objects of one resource: a paged list, then watches from the list's version, forever. Whatever
 * fails, it continues with backoff: from the last version if the server still has it, otherwise from a new list. Only
 * `stop()` ends it.
 *
 * A list is applied atomically: readers see either the old objects or the new ones, and handlers hear of each difference,
 * including objects that vanished while nobody watched. The wait after a failure comes before a list, never between a
 * list and its watch.
 */
export class Reflector<T extends KubeObject> {
  /** Resolves to true at the first complete list, to false if stopped before. */
  readonly synced: Promise<boolean>;
  readonly #options: ReflectorOptions<T>;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #store: Store<T>;
  readonly #stopped = new AbortController();
  readonly #settleSynced: (synced: boolean) => void;
  readonly #stats: ReflectorStats = {
    lists: 0,
    watches: 0,
    events: 0,
    bookmarks: 0,
    errors: 0,
    expired: 0,
    silentWatches: 0,
    badLines: 0,
    handlerErrors: 0,
  };
  #hasSynced = false;
  #lastContactMs: number;
  #lastFailureMs = Number.NEGATIVE_INFINITY;
  #lastError: string | undefined;
  /** Where the next watch starts; undefined means that a list must come first. */
  #resourceVersion: string | undefined;
  /** When the current watch was accepted. */
  #openedAtMs: number | undefined;
  #sinceYield = 0;
  #running: Promise<void> | undefined;
  readonly #requests: ListRequests;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? Math.random;
    this.#store = new Store(options.indexers);
    this.#requests = new ListRequests(this.#timers);
    this.#lastContactMs = this.#timers.monotonicMs();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.synced = promise;
    this.#settleSynced = resolve;
  }

  get store(): StoreView<T> {
    return this.#store;
  }

  get stats(): Readonly<ReflectorStats> {
    return this.#stats;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** When it last did anything, failures included: if that is longer ago than all its timeouts, it has hung. */
  lastActivityMs(): number {
    return Math.max(this.#lastContactMs, this.#lastFailureMs);
  }

  /** Why the server is not being watched; undefined while it is, and after a first failure, which is routine. */
  lastError(): string | undefined {
    return this.#lastError;
  }

  /** Starting twice is the same as once. A stopped reflector does not start again. */
  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * Lists again at once, whatever the watch says: it may have been silent for a while. A first list under way will do.
   * @param patienceMs for how long the server may give no sign of life
   * @returns true once a list that began after this call was taken in and every handler has heard of what it changed;
   * false when the server refused it, did not answer in time, or `signal` aborted: what was known still counts
   */
  refresh(patienceMs: number, signal: AbortSignal): Promise<boolean> {
    if (this.#stopped.signal.aborted) return Promise.resolve(false);
    const lastContactMs = () => this.#lastContactMs;
    return this.#requests.ask({ patienceMs, lastContactMs, interrupts: this.#hasSynced, signal });
  }

  /** Resolves when all of it has stopped. */
  async stop(): Promise<void> {
    this.#stopped.abort(new Error('reflector stopped'));
    this.#settleSynced(false);
    this.#requests.refuseAll();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    let failures = 0;
    while (!signal.aborted) {
      let error: unknown;
      this.#openedAtMs = undefined;
      try {
        this.#resourceVersion ??= await this.#requests.answerBy(() => this.#list(), !this.#hasSynced);
        await this.#watch(this.#resourceVersion);
      } catch (caught) {
        error = caught;
      }
      if (signal.aborted) return;
      if (this.#requests.isPending) {
        this.#resourceVersion = undefined;
        continue;
      }
      const healthy = this.#timers.monotonicMs() - (this.#openedAtMs ?? Number.POSITIVE_INFINITY) >= HEALTHY_WATCH_MS;
      failures = healthy ? 0 : failures + 1;
      if (error !== undefined) this.#noteFailure(error, Math.max(1, failures));
      if (healthy && error === undefined) continue;
      await sleep(this.#timers, this.#delayMs(error, failures), AbortSignal.any([signal, this.#requests.interruption]));
      if (this.#requests.isPending) this.#resourceVersion = undefined;
    }
  }

  #delayMs(error: unknown, failures: number): number {
    const retryAfterMs = isKubeError(error) ? error.retryAfterMs : undefined;
    return reflectorBackoffMs(Math.max(1, failures), this.#random(), retryAfterMs);
  }

  #noteFailure(error: unknown, failures: number): void {
    const stats = this.#stats;
    stats.errors += 1;
    this.#lastFailureMs = this.#timers.monotonicMs();
    if (failures > 1) this.#lastError = errorText(error);
    if (isKubeError(error, 'gone')) stats.expired += 1;
    if (isKubeError(error) && error.reason === 'BadWatchLine') stats.badLines += 1;
    if (isKubeError(error) && error.reason === 'WatchSilent') stats.silentWatches += 1;
    const next = nextStep(error, failures);
    if (next === 'listAgain') this.#resourceVersion = undefined;
    // A single failure is routine: the server restarted or a version expired.
    const level = failures > 1 ? 'warn' : 'info';
    this.#options.log[level](
      { resource: this.#options.scope.plural, next, failures, err: errorText(error) },
      'watch broken',
    );
  }

  /** @returns the version of the whole list */
  async #list(): Promise<string> {
    const { client, scope, pageSize = 500, labelSelector, fieldSelector, metadataOnly } = this.#options;
    const selection = {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(metadataOnly === undefined ? {} : { metadataOnly }),
    };
    const objects = new Map<string, T>();
    let continueToken = '';
    let resourceVersion = '';
    do {
      // A token that expires between pages is a `gone` like any other: the list starts over.
      const query = { ...selection, limit: pageSize, continueToken };
      const page = await client.listPage<T>(scope, query, { signal: this.#stopped.signal, retry: NO_RETRY });
      this.#lastContactMs = this.#timers.monotonicMs();
      for (const object of page.items ?? []) {
        const kept = this.#keep(object);
        objects.set(objectKey(kept.metadata), kept);
      }
      continueToken = page.metadata?.continue ?? '';
      resourceVersion = page.metadata?.resourceVersion ?? '';
    } while (continueToken !== '');
    if (resourceVersion === '') {
      throw new KubeError({ kind: 'transient', status: 200, reason: 'BadAnswer', message: 'list without a version' });
    }
    this.#stats.lists += 1;
    const changes = this.#store.replaceAll(objects);
    for (const change of changes) await this.#notify(change);
    this.#hasSynced = true;
    this.#settleSynced(true);
    return resourceVersion;
  }

  async #watch(resourceVersion: string): Promise<void> {
    const { client, scope, labelSelector, fieldSelector, metadataOnly } = this.#options;
    // Random, so that the watches of many clients don't end together.
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + this.#random() / 2));
    const { inactivityMs = timeoutSeconds * 1_000 + WATCH_END_LATE_MS } = this.#options;
    const silence = new AbortController();
    const signal = AbortSignal.any([this.#stopped.signal, this.#requests.interruption, silence.signal]);
    let cancelWatchdog = (): void => {};
    const heard = (): void => {
      this.#lastContactMs = this.#timers.monotonicMs();
      cancelWatchdog();
      cancelWatchdog = this.#timers.after(inactivityMs, () => silence.abort(silentWatch(inactivityMs)));
    };
    try {
      const query = {
        resourceVersion,
        timeoutSeconds,
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(fieldSelector === undefined ? {} : { fieldSelector }),
        ...(metadataOnly === undefined ? {} : { metadataOnly }),
      };
      const events = await client.watch<T>(scope, query, signal);
      this.#stats.watches += 1;
      heard();
      this.#lastError = undefined;
      this.#openedAtMs = this.#lastContactMs;
      for await (const event of events) {
        heard();
        if (event.type === 'BOOKMARK') this.#stats.bookmarks += 1;
        else await this.#take(event.type, event.object);
        this.#resourceVersion =
          event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
      }
    } finally {
      cancelWatchdog();
    }
  }

  async #take(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): Promise<void> {
    this.#stats.events += 1;
    const kept = this.#keep(object);
    const changes = type === 'DELETED' ? this.#store.remove(kept) : this.#store.put(kept);
    for (const change of changes) await this.#notify(change);
  }

  #keep(object: T): T {
    const stripped = stripBulk(object);
    return this.#options.transform?.(stripped) ?? stripped;
  }

  async #notify(change: Change<T>): Promise<void> {
    try {
      this.#options.onChange(change);
    } catch (error) {
      this.#stats.handlerErrors += 1;
      this.#options.log.error(
        { key: objectKey(change.object.metadata), err: errorText(error) },
        'change handler failed',
      );
    }
    this.#sinceYield += 1;
    if (this.#sinceYield < (this.#options.yieldEvery ?? 500)) return;
    this.#sinceYield = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function silentWatch(inactivityMs: number): KubeError {
  const message = `no event and no bookmark for ${inactivityMs / 1000} s`;
  return new KubeError({ kind: 'transient', status: 0, reason: 'WatchSilent', message });
}
