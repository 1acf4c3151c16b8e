import { DelayHeap } from '../kube/delay-heap.ts';
import type { ConditionedStatus } from './conditions.ts';
import type { KindObject, StatusKind } from './status-kind.ts';
import { HOLD_MS, type Urgency } from './urgency.ts';

export interface StatusWrite {
  kind: StatusKind;
  object: KindObject;
  /** What the server had when this was judged. */
  before: ConditionedStatus | undefined;
  after: ConditionedStatus;
}

type WriteUrgency = Exclude<Urgency, 'none'>;

/** Bad news first, which a flap that lasted is as well. */
const ORDER: readonly WriteUrgency[] = ['bad', 'flap', 'good'];

/** Waiting status writes: the latest for each object. Some are held back, since what follows may make them unnecessary. */
export class StatusQueue {
  readonly #waiting = new Map<string, StatusWrite & { urgency: WriteUrgency; dueMs: number }>();
  readonly #due: Record<WriteUrgency, DelayHeap<string>> = {
    bad: new DelayHeap(),
    flap: new DelayHeap(),
    good: new DelayHeap(),
  };

  get size(): number {
    return this.#waiting.size;
  }

  /** Replaces what waits for the same object, which does not wait longer for that; `none` withdraws it. */
  put(write: StatusWrite, urgency: Urgency, nowMs: number): void {
    const { uid } = write.object.metadata;
    const before = this.#waiting.get(uid);
    if (before !== undefined && before.urgency !== urgency) this.drop(uid);
    if (urgency === 'none') return;
    this.#add(write, urgency, Math.min(before?.dueMs ?? Number.POSITIVE_INFINITY, nowMs + HOLD_MS[urgency]));
  }

  /** For a write that failed: it is due again at `dueMs`, unless a newer one waits. */
  putBack(write: StatusWrite, dueMs: number): void {
    if (!this.#waiting.has(write.object.metadata.uid)) this.#add(write, 'bad', dueMs);
  }

  drop(uid: string): void {
    const waiting = this.#waiting.get(uid);
    if (waiting === undefined) return;
    this.#waiting.delete(uid);
    this.#due[waiting.urgency].remove(uid);
  }

  /** Takes out the next write that is due. */
  next(nowMs: number): StatusWrite | undefined {
    for (const urgency of ORDER) {
      const uid = this.#due[urgency].takeDue(nowMs);
      const write = uid === undefined ? undefined : this.#waiting.get(uid);
      if (uid === undefined || write === undefined) continue;
      this.#waiting.delete(uid);
      return write;
    }
    return undefined;
  }

  /** When `next` has something; undefined if nothing waits. */
  nextDueMs(): number | undefined {
    const times = ORDER.flatMap((urgency) => this.#due[urgency].nextDueMs() ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Makes everything due at once and drops flaps, for an orderly stop. */
  hurry(): void {
    for (const [uid, write] of [...this.#waiting]) {
      if (write.urgency === 'flap') this.drop(uid);
      else this.#add(write, write.urgency, 0);
    }
  }

  #add(write: StatusWrite, urgency: WriteUrgency, dueMs: number): void {
    const { uid } = write.object.metadata;
    this.#waiting.set(uid, { ...write, urgency, dueMs });
    this.#due[urgency].put(uid, dueMs);
  }
}
