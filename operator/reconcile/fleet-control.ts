import type { Log } from '../../core/process/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { Desired } from '../fleet/desired.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import { SECRETS, type SlackBotObject, scopesOf } from '../kinds/slackbot/slackbot-object.ts';
import { SlackBotReconciler } from '../kinds/slackbot/slackbot-reconciler.ts';
import { fleetFacts } from '../kinds/slackbot/status.ts';
import { conditionOf } from '../kinds/slackbot/status-change.ts';
import { summaryOf } from '../kinds/slackbot/summary.ts';
import type { KubeClient } from '../kube/client.ts';
import { Controller, type ControllerObserver } from '../kube/controller.ts';
import type { KubeObject } from '../kube/object.ts';
import { DEFAULT_RETRY_LIMITS, type RetryLimits } from '../kube/retry-limiter.ts';
import type { Change } from '../kube/store.ts';
import { WorkQueue, type WorkQueueObserver } from '../kube/workqueue.ts';
import type { Claimant } from './claim.ts';
import { DesiredState } from './desired-state.ts';
import { DroppedBots } from './dropped-bots.ts';
import { Ownership } from './ownership.ts';
import { keyOf, type ResourceWatch } from './resource-watch.ts';
import { SecretReads } from './secret-reads.ts';
import { type Office, regardingOf } from './term.ts';

/** What is needed of the planner here. */
export interface FleetPlanner {
  nudge(): void;
  view(): FleetView;
}

export interface FleetControlOptions<P extends FleetPlanner> {
  client: KubeClient;
  bots: ResourceWatch<SlackBotObject>;
  /** Metadata of the labelled ones. */
  secrets: ResourceWatch<KubeObject>;
  /** As in RELAX_WATCH_NAMESPACES. */
  namespaces: readonly string[];
  makePlanner: (seams: PlannerSeams) => P;
  /** Owner uid -> line of bots that are not watched any more and whose sockets stay (`DroppedBots`). */
  dropped?: (signal: AbortSignal) => Promise<ReadonlyMap<string, BotSummary>>;
  /** Who we are to other operators that see the same SlackBots; left out: there are none. */
  self?: Claimant;
  /** The line of `relax status`; undefined when the bot is gone. */
  onSummary?: (uid: string, summary: BotSummary | undefined) => void;
  log: Log;
  observer?: { queue?: WorkQueueObserver; controller?: ControllerObserver };
  timers?: Timers;
}

export interface PlannerSeams {
  desired: () => Desired;
  onView: (changed: ReadonlySet<string>, view: FleetView) => void;
  prepare: (signal: AbortSignal) => Promise<void>;
}

export const WORKERS = 8;
/**
 * A server that was away is asked again soon, whatever the number of failures and of bots: client-go's 10 retries a
 * second for all would be 16 minutes for 10,000. The client has a limit of its own.
 */
export const RETRY_LIMITS: RetryLimits = {
  ...DEFAULT_RETRY_LIMITS,
  capMs: 30_000,
  overall: { perSecond: 200, burst: 400 },
};

/** A namespace that can't be listed, or is no more, holds the others up for so long at a start. */
export const WATCH_PATIENCE_MS = 15_000;
/** A server that gives no sign of life for so long is away: what is known counts. */
export const REFRESH_PATIENCE_MS = 5_000;

/** States of relax_bots. */
export const BOT_STATES = ['ready', 'not_ready', 'unknown', 'suspended'] as const;
export type BotState = (typeof BOT_STATES)[number];

/**
 * What every operator does for as long as it lives, whoever holds the Lease: finds out what is desired of the fleet, has
 * it planned if it holds the planner lock, and judges how each bot is. Writes to the API server only while in office.
 */
export class FleetControl<P extends FleetPlanner = FleetPlanner> {
  readonly queue: WorkQueue;
  readonly planner: P;
  readonly desired = new DesiredState();
  readonly #options: FleetControlOptions<P>;
  readonly #timers: Timers;
  readonly #reconciler: SlackBotReconciler;
  readonly #secretReads: SecretReads;
  readonly #controller: Controller;
  readonly #states = new Map<string, BotState>();
  readonly #ended = new AbortController();
  readonly #unlisten: (() => void)[] = [];
  readonly #dropped: DroppedBots;
  #office: Office | undefined;
  /** The one that lists before it begins. */
  #entering: Office | undefined;
  /** The first judgement has begun; before it the order counts, and what changes is in it. */
  #judging = false;
  #beginning: Promise<void> = Promise.resolve();
  #fleet = '';
  #rooms = '';

  constructor(options: FleetControlOptions<P>) {
    const { client, bots, secrets, log, observer = {}, timers = systemTimers } = options;
    this.#options = options;
    this.#timers = timers;
    this.queue = new WorkQueue({ timers, limits: RETRY_LIMITS, ...opt('observer', observer.queue) });
    this.planner = options.makePlanner({
      desired: () => this.desired.value(),
      onView: (changed, view) => this.#onView(changed, view),
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
    const ownership = new Ownership({
      client,
      log,
      self: options.self,
      onForeign: (bot, note) => {
        const regarding = regardingOf(bot);
        this.#office?.events.record({ regarding, type: 'Warning', reason: 'OtherOperator', action: 'Claim', note });
      },
    });
    this.#reconciler = new SlackBotReconciler({
      client,
      bots,
      desired: this.desired,
      planner: this.planner,
      log,
      timers,
      office: () => this.#office,
      ownership,
      secrets: this.#secretReads,
      enqueue: (found) => this.#enqueue(found),
      onStatus: (uid, judged) => {
        if (judged === undefined) this.#states.delete(uid);
        else this.#states.set(uid, stateOf(judged.status));
        options.onSummary?.(uid, judged && summaryOf(judged.bot, judged.status, this.planner.view().bots.get(uid)));
      },
    });
    this.#controller = new Controller({
      name: 'slackbot',
      queue: this.queue,
      log,
      workers: WORKERS,
      clock: timers,
      reconcile: async (key, signal) => {
        const outcome = await this.#reconciler.reconcile(key, signal);
        if (this.queue.depth === 0) this.#secretReads.endPriming();
        return outcome;
      },
      ...opt('observer', observer.controller),
    });
  }

  /** To be called before the watches start, so that no change passes by. */
  start(): void {
    const { bots, secrets } = this.#options;
    this.#unlisten.push(
      bots.listen((change) => this.#heard(change)),
      secrets.listen(({ object }) => {
        if (this.#judging) this.#enqueue(bots.byIndex('secret', keyOf(object)));
      }),
    );
    this.#beginning = this.#begin();
  }

  /** @param graceMs for the work that runs; after it, it is told to give up */
  async stop(graceMs: number): Promise<void> {
    this.#ended.abort(new Error('the operator stops'));
    for (const unlisten of this.#unlisten) unlisten();
    await Promise.all([this.#beginning, this.#dropped.idle(), this.#controller.stop(graceMs)]);
  }

  /**
   * From now on what is judged is also written. A new leader acts on nothing older than the server's list at its election
   * (design rule 9), since its watch may have been silent for a while.
   */
  async takeOffice(office: Office): Promise<void> {
    const { bots } = this.#options;
    const signal = AbortSignal.any([office.signal, this.#ended.signal]);
    this.#entering = office;
    await this.#catchUp(signal);
    // It may have ended before it began.
    if (signal.aborted || this.#entering !== office) return;
    this.#office = office;
    if (this.#judging) this.#enqueue([...bots.values()]);
    await this.#dropped.look(signal);
  }

  leaveOffice(): void {
    this.#entering = undefined;
    this.#office = undefined;
  }

  /** The right to write to the API server, once all was listed anew for it; undefined while we have none. */
  get office(): Office | undefined {
    return this.#office;
  }

  countStates(): Record<BotState, number> {
    const counts = { ready: 0, not_ready: 0, unknown: 0, suspended: 0 };
    for (const state of this.#states.values()) counts[state] += 1;
    return counts;
  }

  /**
   * Every bot is judged once, the oldest first, so that of two that are the same bot the older is known before the
   * younger. What can't be listed holds up its own bots only.
   */
  async #begin(): Promise<void> {
    const { signal } = this.#ended;
    const { bots, secrets, log } = this.#options;
    const watched = Promise.all([bots.synced(), secrets.synced()]).then(() => 'watched' as const);
    const patience = sleep(this.#timers, WATCH_PATIENCE_MS, signal).then(() => 'late' as const);
    const outcome = await Promise.race([watched, patience]);
    if (signal.aborted) return;
    if (outcome === 'late') {
      // A Secret that is not watched is read from time to time, and a bot that is not listed loses nothing.
      const [first] = [...bots.errors(), ...secrets.errors()];
      log.warn(
        { namespace: first?.namespace, err: first?.error },
        'some watches are not established yet, continuing with those that are',
      );
    }
    // Of one watch over all namespaces nothing is known before its list.
    if (bots.unlisted().includes('') && !(await this.#ifListed(''))) return;
    await this.#dropped.look(signal);
    if (signal.aborted) return;
    const unlisted = bots.unlisted();
    const uids = [...bots.values()].map(({ metadata }) => metadata.uid);
    this.desired.begin(uids, unlisted);
    await this.#judgeAll();
    this.planner.nudge();
    await Promise.all([
      this.#dropped.keepLooking(signal),
      ...unlisted.map(async (namespace) => {
        if ((await this.#ifListed(namespace)) && this.desired.listed(namespace)) this.planner.nudge();
      }),
    ]);
  }

  /** @returns false when we end before that */
  async #ifListed(namespace: string): Promise<boolean> {
    const { signal } = this.#ended;
    const ended = Promise.withResolvers<boolean>();
    signal.addEventListener('abort', () => ended.resolve(false), { once: true });
    return !signal.aborted && (await Promise.race([this.#options.bots.listed(namespace), ended.promise]));
  }

  async #judgeAll(): Promise<void> {
    const { signal } = this.#ended;
    const { bots, namespaces } = this.#options;
    // Only a saving: without it each Secret is read by a call of its own.
    for (const scope of scopesOf(SECRETS, namespaces))
      await this.#secretReads.prime(scope, signal).catch(() => undefined);
    if (signal.aborted) return;
    const byAge = [...bots.values()].sort((a, b) =>
      a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1,
    );
    this.#judging = true;
    this.#enqueue(byAge);
    this.#controller.start();
  }

  /**
   * Has everything listed again, as long as the server gives signs of life. What has changed is doubted from then on, so
   * that nothing is planned from its old copy.
   */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { bots, secrets, log } = this.#options;
    const lists = [bots, secrets].map((watch) => watch.refresh(REFRESH_PATIENCE_MS, signal));
    const isComplete = (await Promise.all(lists)).every(Boolean);
    if (!isComplete && !signal.aborted) log.warn('could not relist everything, continuing with the last known state');
  }

  #heard(change: Change<SlackBotObject>): void {
    const { object } = change;
    const { uid, generation } = object.metadata;
    if (this.#judging) this.queue.add(keyOf(object));
    if (change.type === 'deleted') {
      this.desired.doubt(uid, Number.POSITIVE_INFINITY);
      this.#reconciler.deleted(keyOf(object), uid);
    } else if (change.type === 'added' || change.previous.metadata.generation !== generation) {
      this.desired.doubt(uid, generation);
    }
  }

  #onView(changed: ReadonlySet<string>, view: FleetView): void {
    if (this.#ended.signal.aborted || !this.#judging) return;
    const { bots } = this.#options;
    const { settled, pods, zones, rooms } = fleetFacts(view);
    // Only what changes a condition: another pod more in the second zone is no news for 100,000 bots.
    const fleet = JSON.stringify([settled, pods > 0, zones > 1]);
    if (fleet !== this.#fleet) this.#enqueue([...bots.values()]);
    else for (const uid of changed) this.#enqueue(bots.byIndex('uid', uid));
    this.#fleet = fleet;
    const told = JSON.stringify(rooms);
    if (told !== this.#rooms) this.#enqueue([...bots.values()].filter(isInOneZone));
    this.#rooms = told;
  }

  #enqueue(found: readonly SlackBotObject[]): void {
    for (const bot of found) this.queue.add(keyOf(bot));
  }
}

/** Told what the other zones could take. */
const isInOneZone = ({ status }: SlackBotObject): boolean => conditionOf(status, 'Redundant')?.reason === 'SameZone';

function stateOf(status: Parameters<typeof conditionOf>[0]): BotState {
  const ready = conditionOf(status, 'Ready');
  if (ready?.reason === 'Suspended') return 'suspended';
  if (ready?.status === 'True') return 'ready';
  return ready?.status === 'False' ? 'not_ready' : 'unknown';
}

/** A property that is left out when it has no value (exactOptionalPropertyTypes). */
const opt = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
