import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Clock } from '../../../core/process/clock.ts';
import { errorText } from '../../../core/process/log.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { keepLastGood } from './last-good.ts';
import { type ManifestProblem, type Manifests, mergeManifests, NO_MANIFESTS, parseManifests } from './manifest.ts';

/** A file of the bots directory that was read, or that is gone. */
export interface FileChange {
  /** The path as a person would type it from where standalone was started. */
  path: string;
  kind: 'read' | 'changed' | 'gone';
  bots: number;
  apps: number;
  secrets: number;
  problems: number;
}

export interface DirectoryContent extends Manifests {
  /** Every file has been read without problems at least once, so what is not here does not exist. */
  complete: boolean;
  /** Files that were read, or are gone, since the content before. */
  changes: readonly FileChange[];
}

/** Editors write a file in steps, or move it away and back, so a change counts once the file is unchanged for this long. */
const SETTLE_MS = 300;
/** How often every file is looked at where the system reports changes: it never is sure to report all. */
const LOOK_BEHIND_WATCH_MS = 30_000;
/** And where it does not, or has missed one lately. */
const LOOK_MS = 1_000;
/** After a change that was not reported. */
const DISTRUST_MS = 600_000;
const FILE_NAME = /^[^.].*\.(ya?ml|json)$/i;

interface FileMemory {
  /** Identifies a state of the file; undefined if it does not exist. */
  signature: string | undefined;
  sinceMs: number;
  /** Of the state that counts. */
  applied: string | undefined;
  gives: Manifests | undefined;
  /** Its first reading had problems, and no later one was without. */
  neverWhole: boolean;
  /** The system has told of this state. */
  reported: boolean;
}

/** The manifests of a directory, subdirectories and hidden files aside, kept up to date. */
export class BotsDirectory {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #lookBehindWatchMs: number;
  readonly #files = new Map<string, FileMemory>();
  /** Rises with each change of what the directory gives. */
  #revision = 0;
  #ownProblem: ManifestProblem | undefined;
  #changes: FileChange[] = [];
  readonly #watch: DirectoryWatch;
  /** Files that may be in the middle of a change. */
  readonly #settling = new Set<string>();
  #distrustedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, clock: Clock, lookBehindWatchMs = LOOK_BEHIND_WATCH_MS) {
    this.#path = path;
    this.#clock = clock;
    this.#lookBehindWatchMs = lookBehindWatchMs;
    this.#watch = new DirectoryWatch(path);
  }

  /**
   * Reads once, for the start.
   * @throws Error naming the directory and the remedy when it can't be read
   */
  async open(): Promise<void> {
    // Before the first look, or a change between the two would be reported to nobody.
    this.#watch.open();
    await this.#lookAtAll(true);
    if (this.#ownProblem === undefined) return;
    this.#watch.close();
    throw new Error(`--bots ${this.#path}: ${this.#ownProblem.message}`);
  }

  /** Calls `onChange` with each new content, the first included, until `signal` aborts. */
  async follow(onChange: (content: DirectoryContent) => Promise<void>, signal: AbortSignal): Promise<void> {
    let told: number | undefined;
    let lookedMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const { all, names } = this.#watch.take();
      if (all || this.#clock.monotonicMs() >= lookedMs + this.#lookEveryMs()) {
        const isNew = this.#watch.open();
        await this.#lookAtAll(all || isNew, names);
        lookedMs = this.#clock.monotonicMs();
      } else await this.#lookAtSome(names);
      // The first content must be complete: a list that lacks a file would close the sockets of its bots.
      const settling = this.#settling.size > 0;
      if (this.#revision !== told && (told !== undefined || !settling)) {
        told = this.#revision;
        await onChange(this.#content());
      }
      // What settles takes its time, whatever else is reported meanwhile.
      const waitMs = settling ? SETTLE_MS : lookedMs + this.#lookEveryMs() - this.#clock.monotonicMs();
      await this.#watch.pause(Math.max(0, waitMs), signal, { early: !settling });
    }
    this.#watch.close();
  }

  #lookEveryMs(): number {
    const isTrusted = this.#watch.isOpen && this.#clock.monotonicMs() >= this.#distrustedUntilMs;
    return isTrusted && this.#ownProblem === undefined ? this.#lookBehindWatchMs : LOOK_MS;
  }

  /** @param all the system has told that any file may have changed */
  async #lookAtAll(all: boolean, reported: ReadonlySet<string> = new Set()): Promise<void> {
    const names = await this.#list();
    if (names === undefined) return;
    for (const name of new Set([...names, ...this.#files.keys()])) await this.#lookAt(name, all || reported.has(name));
  }

  async #lookAtSome(reported: ReadonlySet<string>): Promise<void> {
    for (const name of new Set([...this.#settling, ...reported])) {
      if (FILE_NAME.test(name)) await this.#lookAt(name, reported.has(name));
    }
  }

  async #list(): Promise<string[] | undefined> {
    try {
      const names = await readdir(this.#path);
      if (this.#ownProblem !== undefined) this.#revision += 1;
      this.#ownProblem = undefined;
      return names.filter((name) => FILE_NAME.test(name)).sort();
    } catch (error) {
      // Unknown is not empty: everything stays as it was.
      const code = codeOf(error);
      const remedy = code === 'ENOENT' ? 'make it (mkdir)' : 'make it readable';
      const message = `the directory can't be read (${code}): ${remedy}, or give another with --bots`;
      if (this.#ownProblem === undefined) this.#revision += 1;
      this.#ownProblem = { file: this.#path, document: 1, field: '', message };
      return undefined;
    }
  }

  async #lookAt(name: string, reported: boolean): Promise<void> {
    if (await this.#isSettling(name, reported)) this.#settling.add(name);
    else this.#settling.delete(name);
  }

  async #isSettling(name: string, reported: boolean): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs();
    const signature = await this.#signatureOf(name);
    const memory = this.#files.get(name);
    if (memory === undefined && signature === undefined) return false;
    if (memory === undefined || memory.signature !== signature) {
      const before = memory ?? { applied: undefined, gives: undefined, neverWhole: false };
      this.#files.set(name, { ...before, signature, sinceMs: nowMs, reported });
      return true;
    }
    memory.reported ||= reported;
    if (memory.signature === memory.applied && memory.gives !== undefined) return false;
    if (nowMs - memory.sinceMs < SETTLE_MS) return true;
    // A report comes sooner than this, if one comes.
    if (!memory.reported) this.#distrustedUntilMs = nowMs + DISTRUST_MS;
    if (signature !== undefined) return !(await this.#apply(name, memory));
    this.#files.delete(name);
    this.#revision += 1;
    this.#note(name, 'gone', NO_MANIFESTS);
    return false;
  }

  /** @returns false: it changed while it was read */
  async #apply(name: string, memory: FileMemory): Promise<boolean> {
    const now = await this.#parse(name);
    if ((await this.#signatureOf(name)) !== memory.signature) return false;
    const first = memory.gives === undefined;
    this.#revision += 1;
    this.#note(name, first ? 'read' : 'changed', now);
    this.#files.set(name, {
      ...memory,
      applied: memory.signature,
      gives: keepLastGood(memory.gives, now),
      neverWhole: now.problems.length > 0 && (first || memory.neverWhole),
    });
    return true;
  }

  #note(name: string, kind: FileChange['kind'], { bots, apps, secrets, problems }: Manifests): void {
    const whole = join(this.#path, name);
    const fromHere = relative(process.cwd(), whole);
    const path = fromHere.startsWith('..') ? whole : fromHere;
    const counts = { bots: bots.length, apps: apps.length, secrets: secrets.length, problems: problems.length };
    this.#changes.push({ path, kind, ...counts });
  }

  async #parse(name: string): Promise<Manifests> {
    try {
      return parseManifests(await readFile(join(this.#path, name), 'utf8'), name);
    } catch (error) {
      const message = `can't be read (${codeOf(error)}): make it readable for this user, or remove it`;
      return { ...NO_MANIFESTS, problems: [{ file: name, document: 1, field: '', message }] };
    }
  }

  async #signatureOf(name: string): Promise<string | undefined> {
    try {
      const { ino, size, mtimeNs, ctimeNs } = await stat(join(this.#path, name), { bigint: true });
      return [ino, size, mtimeNs, ctimeNs].join(' ');
    } catch {
      return undefined;
    }
  }

  #content(): DirectoryContent {
    const files = [...this.#files.values()];
    const merged = mergeManifests(files.flatMap(({ gives }) => gives ?? []));
    const problems = this.#ownProblem === undefined ? merged.problems : [this.#ownProblem, ...merged.problems];
    const changes = this.#changes;
    this.#changes = [];
    return { ...merged, problems, changes, complete: !files.some(({ neverWhole }) => neverWhole) };
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : errorText(error);
