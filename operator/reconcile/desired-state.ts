import type { Desired, DesiredBot, RoutedBot, StoppedBot, Want } from '../fleet/desired.ts';

/** What is known of one owner. An owner that wants nothing, and is neither unjudged nor doubted, has no entry. */
interface Entry {
  want: Want;
  /** It was on the first list and has not been judged yet. */
  isUnjudged: boolean;
  /** It has changed since it was judged: the generation that must be judged next. */
  doubtedGeneration: number | undefined;
}

const NONE: Want = { kind: 'none' };

/**
 * What the reconcilers have found out so far, in the planner's terms. The list is not complete until every owner has been
 * judged once, and until then nothing is removed for being absent from it. An owner that can't be judged keeps the sockets
 * it has (design rule 10) and holds up no other. The same goes for one whose object has changed and has not been judged
 * again, since its old copy must not be planned (design rule 9). Methods that change something return whether there is
 * something new to plan.
 */
export class DesiredState {
  readonly #entries = new Map<string, Entry>();
  #unjudgedCount = 0;
  /** App uid -> how many bots it carries. */
  readonly #teams = new Map<string, number>();
  readonly #refused = new Set<string>();
  #unlisted: ReadonlySet<string> = new Set();
  #listed = false;
  #snapshot: Desired | undefined;

  /**
   * @param uids every owner that the server has now
   * @param unlisted namespaces that it has not listed
   */
  begin(uids: Iterable<string>, unlisted: Iterable<string> = []): void {
    for (const uid of uids) this.#put(uid, { ...this.#of(uid), isUnjudged: true });
    this.#unlisted = new Set(unlisted);
    this.#listed = true;
    this.#snapshot = undefined;
  }

  /** The namespace has been listed; its owners are doubted until each has been judged. */
  listed(namespace: string): boolean {
    if (!this.#unlisted.has(namespace)) return false;
    this.#unlisted = new Set([...this.#unlisted].filter((other) => other !== namespace));
    this.#snapshot = undefined;
    return true;
  }

  /**
   * Its object has changed: until it is judged again it keeps what it has, and nothing is opened or closed for it. A
   * judgement of an earlier generation, which may be under way, does not end that.
   */
  doubt(uid: string, generation: number): void {
    this.#put(uid, { ...this.#of(uid), doubtedGeneration: generation });
    this.#snapshot = undefined;
  }

  /** @param generation of the object that was judged; left out: this holds for any generation */
  set(uid: string, want: Want, generation = Number.POSITIVE_INFINITY): boolean {
    const before = this.#of(uid);
    const isKnown = before.want.kind !== 'none' && before.want.kind !== 'unknown';
    const isStillDoubted = before.doubtedGeneration !== undefined && generation < before.doubtedGeneration;
    const after: Entry = {
      want: want.kind === 'unknown' && isKnown ? before.want : want,
      isUnjudged: false,
      doubtedGeneration: isStillDoubted ? before.doubtedGeneration : undefined,
    };
    const wasSynced = this.synced;
    this.#put(uid, after);
    const changed =
      !isSame(before.want, after.want) ||
      before.doubtedGeneration !== after.doubtedGeneration ||
      wasSynced !== this.synced;
    if (changed) this.#snapshot = undefined;
    return changed;
  }

  /** Whether a record of a refused token applies to it: such a record is kept. */
  setRefused(uid: string, isRefused: boolean): void {
    if (this.#refused.has(uid) === isRefused) return;
    if (isRefused) this.#refused.add(uid);
    else this.#refused.delete(uid);
    this.#snapshot = undefined;
  }

  /** What the planner was last told to run of it. */
  wanted(uid: string): DesiredBot | undefined {
    const want = this.#entries.get(uid)?.want;
    return want?.kind === 'run' ? want.bot : undefined;
  }

  /** The row that the planner was last told to have in an app's table for it. */
  routed(uid: string): RoutedBot | undefined {
    return rowOf(this.#of(uid).want);
  }

  /** How many bots this app carries. */
  teamsOf(appUid: string): number {
    return this.#teams.get(appUid) ?? 0;
  }

  get synced(): boolean {
    return this.#listed && this.#unjudgedCount === 0;
  }

  /** Namespaces that the server has not listed so far. */
  get unlisted(): ReadonlySet<string> {
    return this.#unlisted;
  }

  /** A snapshot that never changes; a new one is made after each change. */
  value(): Desired {
    this.#snapshot ??= this.#make();
    return this.#snapshot;
  }

  #make(): Desired {
    const bots = new Map<string, DesiredBot>();
    const stopped = new Map<string, StoppedBot>();
    const routed = new Map<string, RoutedBot>();
    const kept = new Set<string>();
    for (const [uid, { want, doubtedGeneration }] of this.#entries) {
      const isDoubted = doubtedGeneration !== undefined;
      if (isDoubted || want.kind === 'unknown') kept.add(uid);
      // A stop counts even when doubted: at worst the bot is stopped a moment longer.
      if (want.kind === 'stop') stopped.set(uid, { why: want.why, generation: want.generation });
      else if (want.kind === 'run' && !isDoubted) bots.set(uid, want.bot);
      const row = rowOf(want);
      if (row !== undefined && !isDoubted) routed.set(uid, row);
    }
    return {
      synced: this.synced,
      unlisted: this.#unlisted,
      bots,
      stopped,
      routed,
      kept,
      refused: new Set(this.#refused),
    };
  }

  #of(uid: string): Entry {
    return this.#entries.get(uid) ?? { want: NONE, isUnjudged: false, doubtedGeneration: undefined };
  }

  #put(uid: string, entry: Entry): void {
    const before = this.#of(uid);
    this.#count(rowOf(before.want), -1);
    this.#count(rowOf(entry.want), 1);
    this.#unjudgedCount += Number(entry.isUnjudged) - Number(before.isUnjudged);
    const isNothing = entry.want.kind === 'none' && !entry.isUnjudged && entry.doubtedGeneration === undefined;
    if (isNothing) this.#entries.delete(uid);
    else this.#entries.set(uid, entry);
  }

  #count(row: RoutedBot | undefined, by: 1 | -1): void {
    if (row === undefined) return;
    const teams = this.teamsOf(row.appUid) + by;
    if (teams === 0) this.#teams.delete(row.appUid);
    else this.#teams.set(row.appUid, teams);
  }
}

function rowOf(want: Want): RoutedBot | undefined {
  if (want.kind === 'stop' || want.kind === 'run') return want.routed;
  if (want.kind !== 'route') return undefined;
  const { kind: _kind, ...row } = want;
  return row;
}

const isSame = (a: Want, b: Want): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
