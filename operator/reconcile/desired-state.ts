import type { Desired, DesiredBot, StoppedBot } from '../fleet/desired.ts';

/**
 * What the reconciler has found out so far, as the planner wants it. Until every owner was judged once the list is not
 * complete, and nothing is removed for being absent from it; an owner that can't be judged keeps the sockets it has
 * (design rule 10), and holds up no other. Nor does one whose object has changed and was not judged anew: what its copy
 * said before must not be planned (design rule 9). Changing methods say whether the planner has something new to look at.
 */
export class DesiredState {
  readonly #bots = new Map<string, DesiredBot>();
  readonly #stopped = new Map<string, StoppedBot>();
  /** On the first list, and not judged yet. */
  readonly #unjudged = new Set<string>();
  /** Changed since it was judged -> generation that is to be judged. */
  readonly #doubted = new Map<string, number>();
  #unlisted: ReadonlySet<string> = new Set();
  /** Looked at, but what it wants can't be told. */
  readonly #kept = new Set<string>();
  #listed = false;
  #snapshot: Desired | undefined;

  /**
   * @param uids every owner that the server has now
   * @param unlisted namespaces that it did not list
   */
  begin(uids: Iterable<string>, unlisted: Iterable<string> = []): void {
    for (const uid of uids) this.#unjudged.add(uid);
    this.#unlisted = new Set(unlisted);
    this.#listed = true;
    this.#snapshot = undefined;
  }

  /** The namespace is known by now; its owners are doubted until each was judged. */
  listed(namespace: string): boolean {
    if (!this.#unlisted.has(namespace)) return false;
    this.#unlisted = new Set([...this.#unlisted].filter((other) => other !== namespace));
    return this.#noted(true);
  }

  /**
   * Its object has changed: until it is judged it keeps what it has, and nothing is made or removed for it. A judgement of
   * an earlier generation, which may be under way, does not count.
   */
  doubt(uid: string, generation: number): void {
    this.#doubted.set(uid, generation);
    this.#snapshot = undefined;
  }

  /** It wants these sockets. */
  run(bot: DesiredBot): boolean {
    const uid = bot.set.ownerUid;
    const same = JSON.stringify(this.#bots.get(uid)) === JSON.stringify(bot);
    return this.#judged(uid, bot.set.generation, () => {
      this.#bots.set(uid, bot);
      return this.#stopped.delete(uid) || !same;
    });
  }

  /** It must have none, and its late events are refused. */
  stop(uid: string, stopped: StoppedBot): boolean {
    const before = this.#stopped.get(uid);
    const same = before?.why === stopped.why && before.generation === stopped.generation;
    return this.#judged(uid, stopped.generation, () => {
      this.#stopped.set(uid, stopped);
      return this.#bots.delete(uid) || !same;
    });
  }

  /** It wants none, or (without a generation) is gone. */
  none(uid: string, generation = Number.POSITIVE_INFINITY): boolean {
    return this.#judged(uid, generation, () => {
      const ran = this.#bots.delete(uid);
      return this.#stopped.delete(uid) || ran;
    });
  }

  /** What it wants can't be told now: what it wanted before counts; if that is not known either, what it has stays. */
  unknown(uid: string, generation = Number.POSITIVE_INFINITY): boolean {
    const isKnown = this.#bots.has(uid) || this.#stopped.has(uid);
    const wasSynced = this.synced;
    const wasKept = this.#kept.has(uid);
    this.#unjudged.delete(uid);
    const wasDoubted = this.#believe(uid, generation);
    if (!isKnown) this.#kept.add(uid);
    return this.#noted(wasDoubted || this.#kept.has(uid) !== wasKept || this.synced !== wasSynced);
  }

  wanted(uid: string): DesiredBot | undefined {
    return this.#bots.get(uid);
  }

  get synced(): boolean {
    return this.#listed && this.#unjudged.size === 0;
  }

  /** Namespaces that the server did not list so far. */
  get unlisted(): ReadonlySet<string> {
    return this.#unlisted;
  }

  /** A copy that stays as it is, made anew only after a change. */
  value(): Desired {
    this.#snapshot ??= this.#make();
    return this.#snapshot;
  }

  #make(): Desired {
    const bots = new Map(this.#bots);
    for (const uid of this.#doubted.keys()) bots.delete(uid);
    return {
      synced: this.synced,
      unlisted: this.#unlisted,
      bots,
      // Stopping needs no proof: at worst it lasts a moment longer.
      stopped: new Map(this.#stopped),
      kept: new Set([...this.#kept, ...this.#doubted.keys()]),
    };
  }

  #judged(uid: string, generation: number, change: () => boolean): boolean {
    const wasSynced = this.synced;
    this.#unjudged.delete(uid);
    const wasKept = this.#kept.delete(uid);
    const wasDoubted = this.#believe(uid, generation);
    return this.#noted(change() || wasKept || wasDoubted || wasSynced !== this.synced);
  }

  #believe(uid: string, generation: number): boolean {
    const awaited = this.#doubted.get(uid);
    return awaited !== undefined && generation >= awaited && this.#doubted.delete(uid);
  }

  #noted(changed: boolean): boolean {
    if (changed) this.#snapshot = undefined;
    return changed;
  }
}
