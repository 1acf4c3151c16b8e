import { type KubeObject, objectKey } from './object.ts';

/** Names an index and says under which values an object is found in it. */
export type Indexers<T extends KubeObject> = Record<string, (object: T) => readonly string[]>;

/** What readers see of a reflector's objects: always a whole list, never half of one. */
export interface StoreView<T extends KubeObject> {
  readonly size: number;
  /** @param key `namespace/name`, or `name` for cluster-scoped objects */
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  /** @throws Error if no such index was declared */
  byIndex(index: string, value: string): T[];
}

export type Change<T extends KubeObject> =
  | { type: 'added'; object: T }
  | { type: 'updated'; object: T; previous: T }
  /** The last that was known of it. */
  | { type: 'deleted'; object: T };

export class Store<T extends KubeObject> implements StoreView<T> {
  readonly #indexers: Indexers<T>;
  #objects = new Map<string, T>();
  #indexes: Map<string, Map<string, Set<string>>>;

  constructor(indexers: Indexers<T> = {}) {
    this.#indexers = indexers;
    this.#indexes = new Map(Object.keys(indexers).map((name) => [name, new Map()]));
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  byIndex(index: string, value: string): T[] {
    const entries = this.#indexes.get(index);
    if (entries === undefined) throw new Error(`the store has no index ${index}`);
    const found: T[] = [];
    for (const key of entries.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  /** Takes in an object. An object of the same name and another uid is another object: the old one was deleted. */
  put(object: T): Change<T>[] {
    const key = objectKey(object.metadata);
    const previous = this.#objects.get(key);
    if (previous !== undefined) this.#unindex(key, previous);
    this.#objects.set(key, object);
    this.#index(key, object);
    return changesBetween(previous, object);
  }

  remove(object: T): Change<T>[] {
    const key = objectKey(object.metadata);
    const previous = this.#objects.get(key);
    if (previous === undefined) return [];
    this.#objects.delete(key);
    this.#unindex(key, previous);
    return [{ type: 'deleted', object }];
  }

  /** Replaces everything in one step, so that no reader sees a mix. Deletions come first in the answer. */
  replaceAll(objects: Map<string, T>): Change<T>[] {
    const before = this.#objects;
    this.#objects = objects;
    this.#indexes = new Map(Object.keys(this.#indexers).map((name) => [name, new Map()]));
    const changes: Change<T>[] = [];
    for (const [key, object] of before) {
      if (!objects.has(key)) changes.push({ type: 'deleted', object });
    }
    for (const [key, object] of objects) {
      this.#index(key, object);
      changes.push(...changesBetween(before.get(key), object));
    }
    return changes;
  }

  #index(key: string, object: T): void {
    for (const [name, valuesOf] of Object.entries(this.#indexers)) {
      const entries = this.#indexes.get(name);
      for (const value of valuesOf(object)) {
        const keys = entries?.get(value);
        if (keys === undefined) entries?.set(value, new Set([key]));
        else keys.add(key);
      }
    }
  }

  #unindex(key: string, object: T): void {
    for (const [name, valuesOf] of Object.entries(this.#indexers)) {
      const entries = this.#indexes.get(name);
      for (const value of valuesOf(object)) {
        const keys = entries?.get(value);
        keys?.delete(key);
        if (keys?.size === 0) entries?.delete(value);
      }
    }
  }
}

function changesBetween<T extends KubeObject>(previous: T | undefined, object: T): Change<T>[] {
  if (previous === undefined) return [{ type: 'added', object }];
  if (previous.metadata.uid !== object.metadata.uid) {
    return [
      { type: 'deleted', object: previous },
      { type: 'added', object },
    ];
  }
  if (previous.metadata.resourceVersion === object.metadata.resourceVersion) return [];
  return [{ type: 'updated', object, previous }];
}
