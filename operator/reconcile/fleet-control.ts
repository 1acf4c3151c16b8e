import type { Log } from '../../core/process/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { Desired } from '../fleet/desired.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { KubeClient } from '../kube/client.ts';
import { type KubeObject, keyOf } from '../kube/object.ts';
import type { ResourceWatch } from '../kube/resource-watch.ts';
import type { Rotation } from '../rotation/rotations.ts';
import type { Claimant } from './claim.ts';
import { DesiredState } from './desired-state.ts';
import { DroppedBots } from './dropped-bots.ts';
import type { FleetParts } from './kind-controller.ts';
import type { ActiveTerm } from './leader-term.ts';
import type { KindControl, WatchedKind } from './registered-kind.ts';
import { Rivals } from './rivals.ts';
import { SecretReads } from './secret-reads.ts';

/** What is needed of the planner here. */
interface FleetPlanner {
  nudge(): void;
  view(): FleetView;
}

interface FleetControlOptions<P extends FleetPlanner> {
  client: Pick<KubeClient, 'get' | 'listPage' | 'patch'>;
  kinds: readonly WatchedKind[];
  /** Metadata of the labelled ones. */
  secrets: ResourceWatch<KubeObject>;
  /** As in RELAX_WATCH_NAMESPACES. */
  namespaces: readonly string[];
  makePlanner: (seams: PlannerSeams) => P;
  /** Owner uid -> line, for each bot that is no longer watched and whose sockets stay (`DroppedBots`). */
  dropped?: (signal: AbortSignal) => Promise<ReadonlyMap<string, BotSummary>>;
  /** Who we are to other operators that see the same objects; left out: there are none. */
  self?: Claimant;
  /** The line of `relax status`; undefined when the object is gone. */
  onSummary?: (uid: string, summary: BotSummary | undefined) => void;
  /** Refreshes rotating tokens; left out: they are used as they are. */
  rotation?: Rotation;
  log: Log;
  /** @param controller name of a kind's controller */
  observerOf?: (controller: string) => FleetParts['observer'];
  timers?: Timers;
}

interface PlannerSeams {
  desired: () => Desired;
  onView: (changed: ReadonlySet<string>, view: FleetView) => void;
  prepare: (signal: AbortSignal) => Promise<void>;
}

/** For how long, at the start, a namespace that can't be listed or no longer exists holds up the others. */
export const WATCH_PATIENCE_MS = 15_000;
/** For how long, at the start, objects of one kind that can't be judged hold up those of the next. */
const JUDGE_PATIENCE_MS = 5_000;
/** A server without a sign of life for this long counts as unreachable, and what is known counts. */
export const REFRESH_PATIENCE_MS = 5_000;

/**
 * What every operator process does, whoever holds the Lease: finds out what the objects of all kinds want of the fleet, has
 * that planned while it holds the planner lock, and judges the state of each object. It writes to the API server only while
 * leading.
 */
export class FleetControl<P extends FleetPlanner = FleetPlanner> {
  readonly planner: P;
  readonly desired = new DesiredState();
  readonly controllers: readonly KindControl[];
  readonly #options: FleetControlOptions<P>;
  readonly #timers: Timers;
  readonly #secretReads: SecretReads;
  readonly #ended = new AbortController();
  readonly #dropped: DroppedBots;
  #unlisten = (): void => {};
  #term: ActiveTerm | undefined;
  /** A term that has not begun, since everything is being listed for it. */
  #entering: ActiveTerm | undefined;
  #beginning: Promise<void> = Promise.resolve();

  constructor(options: FleetControlOptions<P>) {
    const { client, kinds, secrets, log, observerOf, timers = systemTimers } = options;
    this.#options = options;
    this.#timers = timers;
    this.planner = options.makePlanner({
      desired: () => this.desired.value(),
      onView: (changed, view) => {
        if (this.#ended.signal.aborted) return;
        for (const controller of this.controllers) controller.fleetChanged(changed, view);
      },
      prepare: (signal) => this.#catchUp(signal),
    });
    this.#secretReads = new SecretReads({ client, labelled: secrets, timers });
    this.#dropped = new DroppedBots({
      settle: options.dropped ?? (async () => new Map()),
      desired: this.desired,
      nudge: () => this.planner.nudge(),
      onSummary: options.onSummary,
      timers,
    });
    const rivals = new Rivals();
    this.controllers = kinds.map(({ kind, control }) =>
      control({
        client,
        log,
        timers,
        secrets: this.#secretReads,
        desired: this.desired,
        rivals,
        planner: this.planner,
        rotation: options.rotation,
        enqueue: (uids) => this.judgeAgain(uids),
        others: (name) => this.controllers.find((controller) => controller.name === name)?.objects(),
        onChanged: kinds.some((other) => other.kind.dependency?.kind === kind.singular)
          ? (key) => {
              for (const controller of this.controllers) controller.dependencyChanged(kind.singular, key);
            }
          : undefined,
        self: options.self,
        onSummary: (uid, summary) => options.onSummary?.(uid, summary),
        onDrained: () => {
          if (this.controllers.every(({ queue }) => queue.depth === 0)) this.#secretReads.endPriming();
        },
        observer: observerOf?.(kind.singular) ?? {},
      }),
    );
  }

  /** Owners whose credentials may be judged differently now. */
  judgeAgain(uids: readonly string[]): void {
    for (const controller of this.controllers) controller.enqueueOwners(uids);
  }

  /** The Secret of this owner was written: what was read of it is old. */
  secretWritten(uid: string): void {
    this.#secretReads.forget(uid);
    this.judgeAgain([uid]);
  }

  /** To be called before the watches start, so that no change is missed. */
  start(): void {
    for (const controller of this.controllers) controller.start();
    this.#unlisten = this.#options.secrets.listen(({ object }) => {
      for (const controller of this.controllers) controller.secretChanged(keyOf(object));
    });
    this.#beginning = this.#begin();
  }

  /** @param graceMs for work under way; after that it is told to give up */
  async stop(graceMs: number): Promise<void> {
    this.#ended.abort(new Error('the operator stops'));
    this.#unlisten();
    const ends = this.controllers.map((controller) => controller.stop(graceMs));
    await Promise.all([this.#beginning, this.#dropped.idle(), ...ends]);
  }

  /**
   * From now on verdicts are also written. A new leader acts on nothing older than the server's list at its election (design
   * rule 9), since its watch may have been silent for a while.
   */
  async beginTerm(term: ActiveTerm): Promise<void> {
    const signal = AbortSignal.any([term.signal, this.#ended.signal]);
    this.#entering = term;
    await this.#catchUp(signal);
    // The term may have ended before it began.
    if (signal.aborted || this.#entering !== term) return;
    this.#term = term;
    for (const controller of this.controllers) controller.beginTerm(term);
    await this.#dropped.look(signal);
  }

  endTerm(): void {
    this.#entering = undefined;
    this.#term = undefined;
    for (const controller of this.controllers) controller.endTerm();
  }

  /** The right to write to the API server, once everything has been listed again; undefined while we do not have it. */
  get leadership(): Pick<ActiveTerm, 'signal'> | undefined {
    return this.#term;
  }

  /** Has every object judged once. A namespace that can't be listed holds up only its own objects. */
  async #begin(): Promise<void> {
    const { signal } = this.#ended;
    const { kinds, secrets, namespaces, log } = this.#options;
    const watches = kinds.map(({ watch }) => watch);
    const synced = [...watches, secrets].map((watch) => watch.synced());
    const watched = Promise.all(synced).then(() => 'watched' as const);
    const patience = sleep(this.#timers, WATCH_PATIENCE_MS, signal).then(() => 'late' as const);
    const outcome = await Promise.race([watched, patience]);
    if (signal.aborted) return;
    if (outcome === 'late') {
      // Secrets that are not watched are read from time to time, and objects that are not listed lose nothing.
      const [first] = [...watches, secrets].flatMap((watch) => watch.errors());
      log.warn(
        { namespace: first?.namespace, err: first?.error },
        'some watches are not established yet, continuing with those that are',
      );
    }
    // With one watch over all namespaces, nothing is known before a kind was listed.
    if (watches.every(isWhollyUnlisted) && !(await this.#isAnyListed())) return;
    await this.#dropped.look(signal);
    if (signal.aborted) return;
    const unlisted = new Set(watches.flatMap((watch) => watch.unlisted()));
    this.desired.begin(
      this.controllers.flatMap((controller) => controller.uids()),
      unlisted,
    );
    await this.#secretReads.prime(namespaces, signal);
    if (signal.aborted) return;
    const late = new Set(kinds.flatMap(({ kind, watch }) => (isWhollyUnlisted(watch) ? [kind.singular] : [])));
    await this.#judgeAll((controller) => !late.has(controller));
    if (signal.aborted) return;
    this.planner.nudge();
    await Promise.all([
      // The definition of a kind may be missing, as after an upgrade: that holds up no other kind.
      ...kinds.map(async ({ kind, watch }) => {
        if (!late.has(kind.singular) || !(await this.#orEnd(watch.listed('')))) return;
        await this.#judgeAll((controller) => controller === kind.singular);
      }),
      this.#dropped.keepLooking(signal),
      ...[...unlisted].map(async (namespace) => {
        if ((await this.#areListed(namespace)) && this.desired.listed(namespace)) this.planner.nudge();
      }),
    ]);
  }

  /**
   * One kind after the other, since the verdicts of a kind may depend on those of kinds before it. One whose objects can't be
   * judged holds up the next for a moment only.
   * @param isMeant by the name of its controller
   */
  async #judgeAll(isMeant: (controller: string) => boolean): Promise<void> {
    const { signal } = this.#ended;
    for (const controller of this.controllers.filter(({ name }) => isMeant(name))) {
      const late = new AbortController();
      const patience = sleep(this.#timers, JUDGE_PATIENCE_MS, AbortSignal.any([signal, late.signal]));
      await Promise.race([controller.judgeAll(), patience]);
      late.abort();
      if (signal.aborted) return;
    }
  }

  /**
   * Resolves once the objects of all kinds in this namespace have been listed.
   * @returns false if we stop before that
   */
  async #areListed(namespace: string): Promise<boolean> {
    const lists = this.#options.kinds.map(({ watch }) => watch.listed(namespace));
    return this.#orEnd(Promise.all(lists).then((listed) => listed.every(Boolean)));
  }

  /** As `#areListed`, for the first kind of which all namespaces have been listed. */
  #isAnyListed(): Promise<boolean> {
    return this.#orEnd(Promise.race(this.#options.kinds.map(({ watch }) => watch.listed(''))));
  }

  /** @returns false if we stop before that */
  async #orEnd(happens: Promise<boolean>): Promise<boolean> {
    const { signal } = this.#ended;
    const ended = Promise.withResolvers<boolean>();
    signal.addEventListener('abort', () => ended.resolve(false), { once: true });
    return !signal.aborted && (await Promise.race([happens, ended.promise]));
  }

  /**
   * Lists everything again, as long as the server gives signs of life. What has changed is doubted from then on, so that
   * nothing is planned from an old copy.
   */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { kinds, secrets, log } = this.#options;
    const watches = [...kinds.map(({ watch }) => watch), secrets];
    const lists = watches.map((watch) => watch.refresh(REFRESH_PATIENCE_MS, signal));
    const isComplete = (await Promise.all(lists)).every(Boolean);
    if (!isComplete && !signal.aborted) log.warn('could not relist everything, continuing with the last known state');
  }
}

/** One watch over all namespaces has not listed its kind yet. */
const isWhollyUnlisted = (watch: WatchedKind['watch']): boolean => watch.unlisted().includes('');
