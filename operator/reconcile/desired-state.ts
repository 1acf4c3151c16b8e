import type { Desired, DesiredBot, StoppedBot, Want } from '../fleet/desired.ts';

/** What is known of one owner. One of which nothing is known has no entry. */
interface Entry {
  want: Want;
  /** On the first list, and not judged yet. */
  isUnjudged: boolean;
  /** It has changed since it was judged: the generation that must be judged next. */
  doubtedGeneration: number | undefined;
}

const NONE: Want = { kind: 'none' };

/**
 * What the reconciler has found out so far, as the planner wants it. Until every owner was judged once the list is not
 * complete, and nothing is removed for being absent from it; an owner that can't be judged keeps the sockets it has
 * (design rule 10), and holds up no other. Nor does one whose object has changed and was not judged again yet: what its copy
 * said before must not be planned (design rule 9). Changing methods say whether the planner has something new to look at.
 */
export class DesiredState {
  readonly #entries = new Map<string, Entry>();
  #unjudgedCount = 0;
  #unlisted: ReadonlySet<string> = new Set();
  #listed = false;
  #snapshot: Desired | undefined;

  /**
   * @param uids every owner that the server has now
   * @param unlisted namespaces that it did not list
   */
  begin(uids: Iterable<string>, unlisted: Iterable<string> = []): void {
    for (const uid of uids) this.#put(uid, { ...this.#of(uid), isUnjudged: true });
    this.#unlisted = new Set(unlisted);
    this.#listed = true;
    this.#snapshot = undefined;
  }

  /** The namespace is known by now; its owners are doubted until each was judged. */
  listed(namespace: string): boolean {
    if (!this.#unlisted.has(namespace)) return false;
    this.#unlisted = new Set([...this.#unlisted].filter((other) => other !== namespace));
    this.#snapshot = undefined;
    return true;
  }

  /**
   * Its object has changed: until it is judged it keeps what it has, and nothing is made or removed for it. A judgement of
   * an earlier generation, which may be under way, does not count.
   */
  doubt(uid: string, generation: number): void {
    this.#put(uid, { ...this.#of(uid), doubtedGeneration: generation });
    this.#snapshot = undefined;
  }

  /** @param generation of the object that was judged; left out: this holds whatever comes */
  set(uid: string, want: Want, generation = Number.POSITIVE_INFINITY): boolean {
    const before = this.#of(uid);
    const isKnown = before.want.kind === 'run' || before.want.kind === 'stop';
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

  /** What it runs, as the planner knows it. */
  wanted(uid: string): DesiredBot | undefined {
    const want = this.#entries.get(uid)?.want;
    return want?.kind === 'run' ? want.bot : undefined;
  }

  get synced(): boolean {
    return this.#listed && this.#unjudgedCount === 0;
  }

  /** Namespaces that the server did not list so far. */
  get unlisted(): ReadonlySet<string> {
    return this.#unlisted;
  }

  /** An immutable copy, made again only after a change. */
  value(): Desired {
    this.#snapshot ??= this.#make();
    return this.#snapshot;
  }

  #make(): Desired {
    const bots = new Map<string, DesiredBot>();
    const stopped = new Map<string, StoppedBot>();
    const kept = new Set<string>();
    for (const [uid, { want, doubtedGeneration }] of this.#entries) {
      const isDoubted = doubtedGeneration !== undefined;
      if (isDoubted || want.kind === 'unknown') kept.add(uid);
      // Stopping needs no proof: at worst it lasts a moment longer.
      if (want.kind === 'stop') stopped.set(uid, { why: want.why, generation: want.generation });
      else if (want.kind === 'run' && !isDoubted) bots.set(uid, want.bot);
    }
    return { synced: this.synced, unlisted: this.#unlisted, bots, stopped, kept };
  }

  #of(uid: string): Entry {
    return this.#entries.get(uid) ?? { want: NONE, isUnjudged: false, doubtedGeneration: undefined };
  }

  #put(uid: string, entry: Entry): void {
    const before = this.#of(uid);
    this.#unjudgedCount += Number(entry.isUnjudged) - Number(before.isUnjudged);
    const isNothing = entry.want.kind === 'none' && !entry.isUnjudged && entry.doubtedGeneration === undefined;
    if (isNothing) this.#entries.delete(uid);
    else this.#entries.set(uid, entry);
  }
}

const isSame = (a: Want, b: Want): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
