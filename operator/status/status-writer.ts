import { errorText, type Log } from '../../core/process/log.ts';
import { systemTimers, type Timers } from '../../core/process/timers.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { isLaterVersion, keyOf, pathOf } from '../kube/object.ts';
import { type BucketPolicy, type BucketState, fullBucket, tryToken } from '../kube/token-bucket.ts';
import type { ConditionedStatus } from './conditions.ts';
import type { KindObject, StatusKind } from './status-kind.ts';
import { StatusQueue, type StatusWrite } from './status-queue.ts';

/** The writer, for objects of one kind. */
export interface KindStatusWriter<S extends ConditionedStatus> {
  /** The latest status that the server is known to have; the next one is compared with it. */
  baseOf(object: KindObject<S>): S | undefined;
  /** Writes the status when its turn comes, unless nothing in it is worth a write. */
  offer(object: KindObject<S>, after: S): void;
  forget(uid: string): void;
}

interface StatusWriterOptions {
  client: Pick<KubeClient, 'patchStatus'>;
  log: Log;
  /** RELAX_STATUS_WRITES_PER_SECOND; also the burst. */
  perSecond: number;
  /** The server has accepted it. */
  onWritten?: (write: StatusWrite) => void;
  timers?: Timers;
}

interface StatusWriterStats {
  written: number;
  failed: number;
}

const MAX_IN_FLIGHT = 8;
const RETRY_MS = 5_000;

/**
 * The one writer of status, for all kinds: never the same status twice, at a bounded rate, at most one write per object at a
 * time, bad news first (design rule 12).
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #timers: Timers;
  readonly #policy: BucketPolicy;
  readonly #queue = new StatusQueue();
  readonly #inFlight = new Set<string>();
  /** Judged while a write of the same object was under way. */
  readonly #next = new Map<string, () => void>();
  /** What we have written and our copies of the objects do not show yet. */
  readonly #written = new Map<string, { status: ConditionedStatus; version: string }>();
  readonly #stats: StatusWriterStats = { written: 0, failed: 0 };
  readonly #aborted = new AbortController();
  readonly #idle: (() => void)[] = [];
  #bucket: BucketState;
  #cancelAlarm = (): void => {};
  #stopping = false;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#policy = { perSecond: options.perSecond, burst: options.perSecond };
    this.#bucket = fullBucket(this.#policy, this.#timers.monotonicMs());
  }

  get stats(): Readonly<StatusWriterStats> {
    return this.#stats;
  }

  /** Writes that wait. */
  get depth(): number {
    return this.#queue.size + this.#next.size;
  }

  forKind<S extends ConditionedStatus>(kind: StatusKind<S>): KindStatusWriter<S> {
    return {
      baseOf: (object) => this.#baseOf(object),
      offer: (object, after) => this.#offer(kind, object, after),
      forget: (uid) => this.#forget(uid),
    };
  }

  /** Accepts nothing more and writes what waits; gives up after `graceMs` (0: at once, as when leadership is lost). */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#queue.hurry();
    const cancel = this.#timers.after(graceMs, () => this.#giveUp());
    if (graceMs <= 0) this.#giveUp();
    else this.#pump();
    while (this.#inFlight.size > 0 || this.#queue.size > 0) await new Promise<void>((done) => this.#idle.push(done));
    cancel();
    this.#cancelAlarm();
  }

  #baseOf<S extends ConditionedStatus>(object: KindObject<S>): S | undefined {
    const { uid, resourceVersion } = object.metadata;
    const written = this.#written.get(uid);
    // It has the type of this kind, since a uid belongs to one object.
    if (written !== undefined && isLaterVersion(written.version, resourceVersion)) return written.status as S;
    this.#written.delete(uid);
    return object.status;
  }

  #offer<S extends ConditionedStatus>(kind: StatusKind<S>, object: KindObject<S>, after: S): void {
    if (this.#stopping) return;
    const { uid } = object.metadata;
    if (this.#inFlight.has(uid)) {
      this.#next.set(uid, () => this.#offer(kind, object, after));
      return;
    }
    const before = this.#baseOf(object);
    this.#queue.put({ kind, object, before, after }, kind.urgencyOf(before, after), this.#timers.monotonicMs());
    this.#pump();
  }

  #forget(uid: string): void {
    this.#queue.drop(uid);
    this.#next.delete(uid);
    this.#written.delete(uid);
  }

  #giveUp(): void {
    this.#aborted.abort(new Error('the status writer stopped'));
    for (let write = this.#queue.next(Infinity); write !== undefined; write = this.#queue.next(Infinity));
    for (const done of this.#idle.splice(0)) done();
  }

  #pump(): void {
    this.#cancelAlarm();
    const nowMs = this.#timers.monotonicMs();
    while (this.#inFlight.size < MAX_IN_FLIGHT && (this.#queue.nextDueMs() ?? Infinity) <= nowMs) {
      const { state, taken } = tryToken(this.#bucket, this.#policy, nowMs);
      this.#bucket = state;
      if (!taken) {
        this.#cancelAlarm = this.#timers.after(1000 / this.#policy.perSecond, () => this.#pump());
        return;
      }
      const write = this.#queue.next(nowMs);
      if (write !== undefined) void this.#write(write);
    }
    const dueMs = this.#queue.nextDueMs();
    if (dueMs === undefined || dueMs <= nowMs) return;
    this.#cancelAlarm = this.#timers.after(dueMs - nowMs, () => this.#pump());
  }

  async #write(write: StatusWrite): Promise<void> {
    const { kind, object, after } = write;
    const { uid } = object.metadata;
    this.#inFlight.add(uid);
    try {
      // With the uid, an object that was created again under the same name does not get the status of the old one.
      const body = { metadata: { uid }, status: after };
      const signal = this.#aborted.signal;
      const path = pathOf(kind.resource, object);
      const answer = await this.#options.client.patchStatus(path, { type: 'merge', body }, { signal });
      this.#stats.written += 1;
      this.#written.set(uid, { status: after, version: answer.metadata.resourceVersion });
      this.#options.onWritten?.(write);
    } catch (error) {
      this.#failed(write, error);
    }
    this.#inFlight.delete(uid);
    const next = this.#next.get(uid);
    this.#next.delete(uid);
    next?.();
    this.#pump();
    for (const done of this.#idle.splice(0)) done();
  }

  #failed(write: StatusWrite, error: unknown): void {
    if (this.#aborted.signal.aborted) return;
    const gone = isKubeError(error, 'notFound') || isKubeError(error, 'conflict') || isKubeError(error, 'invalid');
    if (isKubeError(error, 'notFound')) return;
    this.#stats.failed += 1;
    const { kind, object } = write;
    const named = { kind: kind.resource.kind, object: keyOf(object), err: errorText(error) };
    this.#options.log.warn(named, 'could not write status');
    // A write that was refused would be refused again; the next change of the object causes another.
    if (!gone && !this.#stopping) this.#queue.putBack(write, this.#timers.monotonicMs() + RETRY_MS);
  }
}
