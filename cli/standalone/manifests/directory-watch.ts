import { type FSWatcher, type Stats, statSync, watch } from 'node:fs';
import { basename } from 'node:path';

/** What the system has reported of a directory. */
export interface Reported {
  /** Something that is no single file: every file must be looked at. */
  all: boolean;
  /** Names in the directory. */
  names: ReadonlySet<string>;
}

/** Kubernetes replaces all files of a mounted ConfigMap by one rename of this link. */
const ALL_FILES_LINK = '..data';

/**
 * Listens to what the system reports of a directory, as a hint at what to look at. It never is the only source: network file
 * systems and some mounts report nothing, a queue of reports that overflows loses some, and a link to a file elsewhere shows
 * no change of that file.
 */
export class DirectoryWatch {
  readonly #path: string;
  #watcher: FSWatcher | undefined;
  /** The directory that is watched; another one may have taken its place. */
  #watched: string | undefined;
  #all = false;
  #names = new Set<string>();
  #wake: (() => void) | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get isOpen(): boolean {
    return this.#watcher !== undefined;
  }

  /**
   * Watches the directory that is there now. Nothing happens if there is none, or the system can't watch it.
   * @returns whether it has only now begun to watch it: what happened there before was not reported
   */
  open(): boolean {
    const there = identityOf(this.#path);
    if (this.#watcher !== undefined && there === this.#watched) return false;
    this.close();
    if (there === undefined) return false;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, (_, name) => this.#report(name));
    } catch {
      // Such as no watch left for this user (ENOSPC).
      return false;
    }
    this.#watched = there;
    this.#watcher.on('error', () => this.close());
    return true;
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Since the last call. */
  take(): Reported {
    const reported = { all: this.#all, names: this.#names };
    this.#all = false;
    this.#names = new Set();
    return reported;
  }

  /** Resolves after `ms`, or when `signal` aborts, or, if `early`, when something is reported. */
  async pause(ms: number, signal: AbortSignal, { early }: { early: boolean }): Promise<void> {
    if (signal.aborted || (early && (this.#all || this.#names.size > 0))) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const timer = setTimeout(wake, ms);
    if (early) this.#wake = wake;
    signal.addEventListener('abort', wake);
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
    signal.removeEventListener('abort', wake);
  }

  #report(name: string | null): void {
    // The directory itself goes by its own name.
    if (name === null || name === ALL_FILES_LINK || name === basename(this.#path)) this.#all = true;
    else this.#names.add(name);
    this.#wake?.();
  }
}

function identityOf(path: string): string | undefined {
  const found: Stats | undefined = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
}
