import type { Desired, DesiredBot, StoppedBot } from '../fleet/desired.ts';

/**
 * What the reconciler has found out so far, as the planner wants it. Until every owner was judged once the list is not
 * complete, and nothing is removed for being absent from it; an owner that can't be judged keeps the sockets it has
 * (design rule 10), and holds up no other. Changing methods say whether the planner has something new to look at.
 */
export class DesiredState {
  readonly #bots = new Map<string, DesiredBot>();
  readonly #stopped = new Map<string, StoppedBot>();
  /** On the list, and not judged since this process leads. */
  readonly #unjudged = new Set<string>();
  /** Looked at, but what it wants can't be told. */
  readonly #kept = new Set<string>();
  #listed = false;
  #snapshot: Desired | undefined;

  /** @param uids every owner that the server has now */
  begin(uids: Iterable<string>): void {
    for (const uid of uids) this.#unjudged.add(uid);
    this.#listed = true;
    this.#snapshot = undefined;
  }

  /** It wants these sockets. */
  run(bot: DesiredBot): boolean {
    const uid = bot.set.ownerUid;
    const same = JSON.stringify(this.#bots.get(uid)) === JSON.stringify(bot);
    return this.#judged(uid, () => {
      this.#bots.set(uid, bot);
      return this.#stopped.delete(uid) || !same;
    });
  }

  /** It must have none, and its late events are refused. */
  stop(uid: string, stopped: StoppedBot): boolean {
    const before = this.#stopped.get(uid);
    const same = before?.why === stopped.why && before.generation === stopped.generation;
    return this.#judged(uid, () => {
      this.#stopped.set(uid, stopped);
      return this.#bots.delete(uid) || !same;
    });
  }

  /** It wants none, or is gone. */
  none(uid: string): boolean {
    return this.#judged(uid, () => {
      const ran = this.#bots.delete(uid);
      return this.#stopped.delete(uid) || ran;
    });
  }

  /** What it wants can't be told now: what it wanted before counts; if that is not known either, what it has stays. */
  unknown(uid: string): boolean {
    const isKnown = this.#bots.has(uid) || this.#stopped.has(uid);
    const wasSynced = this.synced;
    const wasKept = this.#kept.has(uid);
    this.#unjudged.delete(uid);
    if (!isKnown) this.#kept.add(uid);
    return this.#noted(this.#kept.has(uid) !== wasKept || this.synced !== wasSynced);
  }

  wanted(uid: string): DesiredBot | undefined {
    return this.#bots.get(uid);
  }

  isUnjudged(uid: string): boolean {
    return this.#unjudged.has(uid);
  }

  get synced(): boolean {
    return this.#listed && this.#unjudged.size === 0;
  }

  /** A copy that stays as it is, made anew only after a change. */
  value(): Desired {
    this.#snapshot ??= {
      synced: this.synced,
      bots: new Map(this.#bots),
      stopped: new Map(this.#stopped),
      kept: new Set(this.#kept),
    };
    return this.#snapshot;
  }

  #judged(uid: string, change: () => boolean): boolean {
    const wasSynced = this.synced;
    this.#unjudged.delete(uid);
    const wasKept = this.#kept.delete(uid);
    return this.#noted(change() || wasKept || wasSynced !== this.synced);
  }

  #noted(changed: boolean): boolean {
    if (changed) this.#snapshot = undefined;
    return changed;
  }
}
