import { namespaceOf } from '../../core/api/object-name.ts';
import type { KubeObject, ResourceType } from './object.ts';
import { Reflector } from './reflector.ts';
import type { ReflectorOptions, ReflectorStats } from './reflector-options.ts';
import type { Change } from './store.ts';

/** What readers see of all watched objects of a type, in all watched namespaces. */
export interface ObjectsView<T extends KubeObject> {
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  byIndex(index: string, value: string): T[];
  readonly hasSynced: boolean;
}

export interface ResourceWatchOptions<T extends KubeObject> extends Omit<ReflectorOptions<T>, 'scope' | 'onChange'> {
  resource: ResourceType;
  /** Empty: all, by one watch. */
  namespaces: readonly string[];
}

/** Objects of one type in some namespaces, by a reflector each, since a Role allows no watch over more than its own. */
export class ResourceWatch<T extends KubeObject> implements ObjectsView<T> {
  readonly #reflectors = new Map<string, Reflector<T>>();
  readonly #listeners = new Set<(change: Change<T>) => void>();

  constructor({ resource, namespaces, ...options }: ResourceWatchOptions<T>) {
    const onChange = (change: Change<T>): void => {
      for (const listener of this.#listeners) listener(change);
    };
    if (namespaces.length === 0) this.#reflectors.set('', new Reflector<T>({ ...options, scope: resource, onChange }));
    for (const namespace of namespaces) {
      this.#reflectors.set(namespace, new Reflector<T>({ ...options, scope: { ...resource, namespace }, onChange }));
    }
  }

  start(): void {
    for (const reflector of this.#all()) reflector.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all()].map((reflector) => reflector.stop()));
  }

  /** @returns a function that ends it */
  listen(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves to true once every namespace was listed, to false if stopped before. */
  async synced(): Promise<boolean> {
    return (await Promise.all([...this.#all()].map((reflector) => reflector.synced))).every(Boolean);
  }

  /** Resolves once this namespace was listed ('' for all of them by one watch), to false if stopped before. */
  async listed(namespace: string): Promise<boolean> {
    return (await this.#reflectors.get(namespace)?.synced) ?? false;
  }

  /** Namespaces that were never listed so far; '' means all of them by one watch. */
  unlisted(): string[] {
    return [...this.#reflectors].filter(([, { hasSynced }]) => !hasSynced).map(([namespace]) => namespace);
  }

  /**
   * Lists everything again, since a watch may have been silent: see Reflector.refresh.
   * @returns whether all of it was listed; what was not is as last known
   */
  async refresh(patienceMs: number, signal: AbortSignal): Promise<boolean> {
    const lists = [...this.#all()].map((reflector) => reflector.refresh(patienceMs, signal));
    return (await Promise.all(lists)).every(Boolean);
  }

  get hasSynced(): boolean {
    return [...this.#all()].every((reflector) => reflector.hasSynced);
  }

  get(key: string): T | undefined {
    const namespace = namespaceOf(key);
    return (this.#reflectors.get(namespace) ?? this.#reflectors.get(''))?.store.get(key);
  }

  *values(): IterableIterator<T> {
    for (const reflector of this.#all()) yield* reflector.store.values();
  }

  byIndex(index: string, value: string): T[] {
    return [...this.#all()].flatMap((reflector) => reflector.store.byIndex(index, value));
  }

  /** The last activity of the watch that has been idle for the longest: see Reflector.lastActivityMs. */
  lastActivityMs(): number {
    return Math.min(...[...this.#all()].map((reflector) => reflector.lastActivityMs()));
  }

  /** Why not all of it is being watched, by namespace ('' for all of them by one watch); empty while it is. */
  errors(): { namespace: string; error: string }[] {
    return [...this.#reflectors].flatMap(([namespace, reflector]) => {
      const error = reflector.lastError();
      return error === undefined ? [] : [{ namespace, error }];
    });
  }

  stats(): ReflectorStats[] {
    return [...this.#all()].map((reflector) => ({ ...reflector.stats }));
  }

  #all(): IterableIterator<Reflector<T>> {
    return this.#reflectors.values();
  }
}
