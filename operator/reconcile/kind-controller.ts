import type { Log } from '../../core/process/log.ts';
import type { Timers } from '../../core/process/timers.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { KubeClient } from '../kube/client.ts';
import { Controller, type ControllerObserver, type Outcome } from '../kube/controller.ts';
import { keyOf } from '../kube/object.ts';
import type { ObjectsView, ResourceWatch } from '../kube/resource-watch.ts';
import { DEFAULT_RETRY_LIMITS, type RetryLimits } from '../kube/retry-limiter.ts';
import type { Change } from '../kube/store.ts';
import { WorkQueue, type WorkQueueObserver } from '../kube/workqueue.ts';
import type { Rotation } from '../rotation/rotations.ts';
import type { ConditionedStatus } from '../status/conditions.ts';
import type { KindObject, StatusOf } from '../status/status-kind.ts';
import { compareAge } from './age.ts';
import type { Claimant } from './claim.ts';
import type { DesiredState } from './desired-state.ts';
import type { Kind } from './kind.ts';
import { type ActiveTerm, type Leadership, regardingOf } from './leader-term.ts';
import { countStates, type ObjectState, stateOf } from './object-state.ts';
import { isOnlyStatus } from './only-status.ts';
import { Ownership } from './ownership.ts';
import type { Rivals } from './rivals.ts';
import type { SecretReads } from './secret-reads.ts';

/** Takes one object from its spec to what is desired of the fleet, and from the state of the fleet to its status. */
export interface KindReconciler {
  reconcile(key: string, signal: AbortSignal): Promise<Outcome>;
  /** Called for each object that is gone, before its key is reconciled. */
  deleted(key: string, uid: string): void;
}

/** What a reconciler may ask about objects of another kind. */
export interface OtherObjects {
  /** @param key `namespace/name` */
  get(key: string): KindObject | undefined;
  /** As judged last, or else as the API server has it. Only of a kind that is a `Dependency` of another. */
  statusOf(object: KindObject): ConditionedStatus | undefined;
  /** False: objects of this namespace may exist without our knowing. */
  isListed(namespace: string): boolean;
}

/** What all kinds share in one fleet. */
export interface FleetParts {
  client: Pick<KubeClient, 'patch'>;
  secrets: SecretReads;
  desired: DesiredState;
  rivals: Rivals;
  planner: { view(): FleetView; nudge(): void };
  /** Undefined: no token is refreshed. */
  rotation?: Rotation | undefined;
  /** Reconciles these owners as well, whatever their kind: something else than a change of their objects concerns them. */
  enqueue: (uids: readonly string[]) => void;
  /** @param kind `Kind.singular`; undefined: this fleet does not serve it */
  others: (kind: string) => OtherObjects | undefined;
  /** Undefined where no kind depends on this one. Called when an object of it has changed, or is judged differently. */
  onChanged: ((key: string) => void) | undefined;
  /** Who we are to other operators that see the same objects; undefined: there are none. */
  self: Claimant | undefined;
  /** The line of `relax status`; undefined when the object is gone. */
  onSummary: (uid: string, summary: BotSummary | undefined) => void;
  /** The queue of a kind has run empty. */
  onDrained: () => void;
  log: Log;
  observer: { queue?: WorkQueueObserver; controller?: ControllerObserver };
  timers: Timers;
}

/** What a kind's reconciler works with. */
export interface ReconcilerParts<O extends KindObject>
  extends Pick<
    FleetParts,
    'secrets' | 'desired' | 'rivals' | 'planner' | 'rotation' | 'enqueue' | 'others' | 'log' | 'timers'
  > {
  objects: ObjectsView<O>;
  ownership: Ownership<O>;
  /** The right to write to the API server; undefined while another process has it. */
  leadership: () => Leadership<O> | undefined;
  /** Called with each status that was judged, written or not; undefined: the object is gone. */
  onStatus: (uid: string, judged: { object: O; status: StatusOf<O> } | undefined) => void;
}

export const WORKERS = 8;
/**
 * A server that was unreachable is asked again soon, however many failures and bots there are: client-go's 10 retries a
 * second in total would take 16 minutes for 10,000 bots. The client has a limit of its own.
 */
export const RETRY_LIMITS: RetryLimits = {
  ...DEFAULT_RETRY_LIMITS,
  capMs: 30_000,
  overall: { perSecond: 200, burst: 400 },
};

/** One kind: the queue of its objects, the workers, and what makes an object worth another look. */
export class KindController<O extends KindObject> {
  /** In logs and metrics. */
  readonly name: string;
  readonly queue: WorkQueue;
  readonly #kind: Kind<O>;
  readonly #watch: ResourceWatch<O>;
  readonly #parts: FleetParts;
  readonly #reconciler: KindReconciler;
  readonly #controller: Controller;
  readonly #states = new Map<string, ObjectState>();
  /** Uid -> status as judged last, where another kind depends on this one. */
  readonly #statuses = new Map<string, StatusOf<O>>();
  /** Keys that are still to be reconciled for the first time. */
  readonly #unseen = new Set<string>();
  readonly #allSeen = Promise.withResolvers<void>();
  #unlisten = (): void => {};
  #leadership: Leadership<O> | undefined;
  /** Every object has been queued once, by age. Before that nothing is queued: what changes is judged then. */
  #judging = false;
  /** Texts of the facts of the latest view of the fleet. */
  #facts: readonly string[] = [];

  constructor(
    kind: Kind<O>,
    watch: ResourceWatch<O>,
    parts: FleetParts,
    makeReconciler: (parts: ReconcilerParts<O>) => KindReconciler,
  ) {
    const { client, self, log, observer, timers } = parts;
    this.name = kind.singular;
    this.#kind = kind;
    this.#watch = watch;
    this.#parts = parts;
    this.queue = new WorkQueue({
      timers,
      limits: RETRY_LIMITS,
      ...(observer.queue === undefined ? {} : { observer: observer.queue }),
    });
    const ownership = new Ownership<O>({
      kind,
      client,
      log,
      self,
      onForeign: (object, note) => {
        const regarding = regardingOf(kind.resource, object);
        this.#leadership?.events.record({ regarding, type: 'Warning', reason: 'OtherOperator', action: 'Claim', note });
      },
    });
    this.#reconciler = makeReconciler({
      ...parts,
      objects: watch,
      ownership,
      leadership: () => this.#leadership,
      onStatus: (uid, judged) => this.#judged(uid, judged),
    });
    this.#controller = new Controller({
      name: this.name,
      queue: this.queue,
      log,
      workers: WORKERS,
      clock: timers,
      reconcile: async (key, signal) => {
        try {
          return await this.#reconciler.reconcile(key, signal);
        } finally {
          this.#looked(key);
          if (this.queue.depth === 0) parts.onDrained();
        }
      },
      ...(observer.controller === undefined ? {} : { observer: observer.controller }),
    });
  }

  /** To be called before the watch starts, so that no change is missed. */
  start(): void {
    this.#unlisten = this.#watch.listen((change) => this.#heard(change));
  }

  /** @param graceMs for work under way; after that it is told to give up */
  stop(graceMs: number): Promise<void> {
    this.#unlisten();
    return this.#controller.stop(graceMs);
  }

  /** Of all objects that the server has. */
  uids(): string[] {
    return [...this.#watch.values()].map(({ metadata }) => metadata.uid);
  }

  /**
   * Each is judged once, the oldest first, so that of two that are the same bot the older is known before the younger.
   * Resolves when each has been looked at.
   */
  judgeAll(): Promise<void> {
    const byAge = [...this.#watch.values()].sort((a, b) => compareAge(a.metadata, b.metadata));
    this.#judging = true;
    for (const object of byAge) this.#unseen.add(keyOf(object));
    this.#enqueue(byAge);
    this.#controller.start();
    if (this.#unseen.size === 0) this.#allSeen.resolve();
    return this.#allSeen.promise;
  }

  /** What reconcilers of other kinds may know of its objects. */
  objects(): OtherObjects {
    return {
      get: (key) => this.#watch.get(key),
      statusOf: ({ metadata, status }) => this.#statuses.get(metadata.uid) ?? status,
      isListed: (namespace) => !this.#watch.unlisted().some((unlisted) => unlisted === '' || unlisted === namespace),
    };
  }

  /** Reconciles those of these owners that are of this kind. */
  enqueueOwners(uids: readonly string[]): void {
    if (this.#judging) this.#enqueue(uids.flatMap((uid) => this.#watch.byIndex('uid', uid)));
  }

  /** @param key of an object of that kind */
  dependencyChanged(kind: string, key: string): void {
    if (this.#judging && this.#kind.dependency?.kind === kind) this.#enqueue(this.#watch.byIndex('dependency', key));
  }

  /** From now on verdicts are also written. */
  beginTerm(term: ActiveTerm): void {
    this.#leadership = term.leadershipFor(this.#kind);
    if (this.#judging) this.#enqueue([...this.#watch.values()]);
  }

  endTerm(): void {
    this.#leadership = undefined;
  }

  secretChanged(key: string): void {
    if (this.#judging) this.#enqueue(this.#watch.byIndex('secret', key));
  }

  /** @param changed uids of owners whose sockets have changed */
  fleetChanged(changed: ReadonlySet<string>, view: FleetView): void {
    if (!this.#judging) return;
    for (const uid of changed) this.#enqueue(this.#watch.byIndex('uid', uid));
    const facts = this.#kind.factsOf(view);
    for (const [at, fact] of facts.entries()) {
      if (fact.text === this.#facts[at]) continue;
      this.#enqueue([...this.#watch.values()].filter((object) => fact.concerns(object)));
    }
    this.#facts = facts.map(({ text }) => text);
  }

  countStates(): Record<ObjectState, number> {
    return countStates(this.#states.values());
  }

  #judged(uid: string, judged: { object: O; status: StatusOf<O> } | undefined): void {
    const { onSummary, planner } = this.#parts;
    if (judged === undefined) this.#states.delete(uid);
    else this.#states.set(uid, stateOf(judged.status));
    this.#tellDependents(uid, judged);
    if (judged !== undefined) this.#tellNews(judged.object);
    onSummary(uid, judged && this.#kind.summaryOf(judged.object, judged.status, planner.view()));
  }

  /** Of its token: as long as the token works, no condition changes by it. */
  #tellNews(object: O): void {
    const events = this.#leadership?.events;
    const news = events && this.#parts.rotation?.takeNews(object.metadata.uid);
    if (news === undefined) return;
    const regarding = regardingOf(this.#kind.resource, object);
    events?.record({ regarding, type: 'Warning', action: 'RefreshToken', ...news });
  }

  #tellDependents(uid: string, judged: { object: O; status: StatusOf<O> } | undefined): void {
    const { onChanged } = this.#parts;
    if (onChanged === undefined) return;
    const before = this.#statuses.get(uid);
    if (judged === undefined) {
      this.#statuses.delete(uid);
      return;
    }
    this.#statuses.set(uid, judged.status);
    if (this.#kind.urgencyOf(before, judged.status) !== 'none') onChanged(keyOf(judged.object));
  }

  #looked(key: string): void {
    if (this.#unseen.delete(key) && this.#unseen.size === 0) this.#allSeen.resolve();
  }

  #heard(change: Change<O>): void {
    const { object } = change;
    const { uid, generation } = object.metadata;
    const { desired } = this.#parts;
    if (this.#judging) this.queue.add(keyOf(object));
    if (change.type === 'deleted') {
      desired.doubt(uid, Number.POSITIVE_INFINITY);
      this.#reconciler.deleted(keyOf(object), uid);
    } else if (change.type === 'added' || change.previous.metadata.generation !== generation) {
      desired.doubt(uid, generation);
    }
    if (!isOnlyStatus(change)) this.#parts.onChanged?.(keyOf(object));
  }

  #enqueue(objects: readonly O[]): void {
    for (const object of objects) this.queue.add(keyOf(object));
  }
}
