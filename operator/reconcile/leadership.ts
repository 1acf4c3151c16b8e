import type { BotSummary } from '../../core/bot-summary.ts';
import { errorText, type Log } from '../../core/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/timers.ts';
import type { Claimant } from '../bot/claim.ts';
import { fleetFacts } from '../bot/status.ts';
import { conditionOf } from '../bot/status-change.ts';
import { summaryOf } from '../bot/summary.ts';
import type { Desired } from '../fleet/desired.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { KubeClient } from '../kube/client.ts';
import { Controller, type ControllerObserver } from '../kube/controller.ts';
import type { EventRecorder, Regarding } from '../kube/event-recorder.ts';
import { everyItem } from '../kube/every-item.ts';
import type { KubeObject } from '../kube/object.ts';
import { DEFAULT_RETRY_LIMITS, type RetryLimits } from '../kube/retry-limiter.ts';
import { WorkQueue, type WorkQueueObserver } from '../kube/workqueue.ts';
import { DesiredState } from './desired-state.ts';
import { Ownership } from './ownership.ts';
import { keyOf, type ResourceWatch } from './resource-watch.ts';
import { SecretReads } from './secret-reads.ts';
import { SECRETS, SLACKBOTS, type SlackBotObject, scopesOf } from './slackbot-object.ts';
import { SlackBotReconciler } from './slackbot-reconciler.ts';
import { StatusWriter } from './status-writer.ts';
import { transitionEvents } from './transition-events.ts';

/** What the leader needs of the planner. */
export interface FleetPlanner {
  start(): void;
  nudge(): void;
  stop(): Promise<void>;
  view(): FleetView;
}

export interface LeadershipOptions {
  client: KubeClient;
  bots: ResourceWatch<SlackBotObject>;
  /** Metadata of the labelled ones. */
  secrets: ResourceWatch<KubeObject>;
  /** As in RELAX_WATCH_NAMESPACES. */
  namespaces: readonly string[];
  makePlanner: (seams: {
    desired: () => Desired;
    onView: (changed: ReadonlySet<string>, view: FleetView) => void;
  }) => FleetPlanner;
  recorder: EventRecorder;
  /** Owner uid -> line of bots that are not watched any more and whose sockets stay; asked again as long as there are any. */
  dropped?: (signal: AbortSignal) => Promise<ReadonlyMap<string, BotSummary>>;
  /** Who we are to other operators that see the same SlackBots; left out: there are none. */
  self?: Claimant;
  statusWritesPerSecond: number;
  /** The line of `relax status`; undefined when the bot is gone. */
  onSummary?: (uid: string, summary: BotSummary | undefined) => void;
  log: Log;
  observer?: { queue?: WorkQueueObserver; controller?: ControllerObserver };
  timers?: Timers;
}

export const WORKERS = 8;
/**
 * A server that was away is asked again soon, whatever the number of failures and of bots: client-go's 10 retries a
 * second for all would be 16 minutes for 10,000. The client has a limit of its own.
 */
export const RETRY_LIMITS: RetryLimits = {
  ...DEFAULT_RETRY_LIMITS,
  ...{ capMs: 30_000, overall: { perSecond: 200, burst: 400 } },
};

/** A namespace that may not be watched, or is no more, holds the others up for so long at a start. */
export const WATCH_PATIENCE_MS = 15_000;

/** Somebody may have given us the rights meanwhile. */
const DROPPED_AGAIN_MS = 60_000;

/** States of relax_bots. */
export const BOT_STATES = ['ready', 'not_ready', 'unknown', 'suspended'] as const;
export type BotState = (typeof BOT_STATES)[number];

/** One term in office: everything that only the leading operator does. Made at the election, stopped once. */
export class Leadership {
  readonly queue: WorkQueue;
  readonly status: StatusWriter;
  readonly planner: FleetPlanner;
  readonly desired = new DesiredState();
  readonly #options: LeadershipOptions;
  readonly #timers: Timers;
  readonly #reconciler: SlackBotReconciler;
  readonly #secretReads: SecretReads;
  readonly #controller: Controller;
  readonly #states = new Map<string, BotState>();
  readonly #ended = new AbortController();
  readonly #unlisten: (() => void)[] = [];
  #beginning: Promise<void> = Promise.resolve();
  #fleet = '';

  constructor(options: LeadershipOptions) {
    const { client, bots, secrets, recorder, log, observer = {}, timers = systemTimers } = options;
    this.#options = options;
    this.#timers = timers;
    this.queue = new WorkQueue({ timers, limits: RETRY_LIMITS, ...opt('observer', observer.queue) });
    this.planner = options.makePlanner({
      desired: () => this.desired.value(),
      onView: (changed, view) => this.#onView(changed, view),
    });
    this.status = new StatusWriter({
      ...{ client, log, timers, perSecond: options.statusWritesPerSecond },
      onWritten: ({ bot, before, after }) => {
        const regarding = regardingOf(bot);
        for (const event of transitionEvents(before, after)) recorder.record({ regarding, ...event });
      },
    });
    this.#secretReads = new SecretReads({ client, labelled: secrets, timers });
    this.#reconciler = new SlackBotReconciler({
      ...{ client, bots, desired: this.desired, planner: this.planner, status: this.status, log, timers },
      secrets: this.#secretReads,
      ownership: new Ownership({
        ...{ client, log, self: options.self },
        onForeign: (bot, note) => {
          const regarding = regardingOf(bot);
          recorder.record({ regarding, type: 'Warning', reason: 'OtherOperator', action: 'Claim', note });
        },
      }),
      enqueue: (found) => this.#enqueue(found),
      onStatus: (uid, judged) => {
        if (judged === undefined) this.#states.delete(uid);
        else this.#states.set(uid, stateOf(judged.status));
        options.onSummary?.(uid, judged && summaryOf(judged.bot, judged.status));
      },
    });
    this.#controller = new Controller({
      ...{ name: 'slackbot', queue: this.queue, log, workers: WORKERS, clock: timers },
      reconcile: async (key, signal) => {
        const outcome = await this.#reconciler.reconcile(key, signal);
        if (this.queue.depth === 0) this.#secretReads.endPriming();
        return outcome;
      },
      ...opt('observer', observer.controller),
    });
  }

  start(): void {
    const { bots, secrets } = this.#options;
    this.#unlisten.push(
      bots.listen(({ object }) => this.queue.add(keyOf(object))),
      secrets.listen(({ object }) => this.#enqueue(bots.byIndex('secret', keyOf(object)))),
    );
    this.planner.start();
    this.#beginning = this.#begin();
  }

  /**
   * Ends in the order in which things lead to writes: no new work, the work that runs, status, Events, the planner.
   * @param graceMs 0 when the lease is lost: whatever runs is told to give up at once
   */
  async stop(graceMs: number): Promise<void> {
    this.#ended.abort(new Error('leadership ended'));
    for (const unlisten of this.#unlisten) unlisten();
    await Promise.all([
      this.#beginning,
      this.#controller
        .stop(graceMs / 2)
        .then(() => Promise.all([this.status.stop(graceMs / 2), this.#options.recorder.stop(graceMs / 4)])),
      ...(graceMs <= 0 ? [this.planner.stop()] : []),
    ]);
    if (graceMs > 0) await this.planner.stop();
  }

  countStates(): Record<BotState, number> {
    const counts = { ready: 0, not_ready: 0, unknown: 0, suspended: 0 };
    for (const state of this.#states.values()) counts[state] += 1;
    return counts;
  }

  /**
   * Every bot is judged once, the oldest first, so that of two that are the same bot the older is known before the
   * younger. The list of the server is asked for, since our watch may have been silent for a while: a bot that an earlier
   * leader placed, and that we have not heard of, must not look like one that is gone.
   */
  async #begin(): Promise<void> {
    const { signal } = this.#ended;
    const { bots, secrets, log } = this.#options;
    const watched = Promise.all([bots.synced(), secrets.synced()]);
    const patience = sleep(this.#timers, WATCH_PATIENCE_MS, signal).then(() => undefined);
    if ((await Promise.race([watched, patience])) === undefined && !signal.aborted) {
      // A Secret that is not watched is read from time to time, and a bot that is not listed loses nothing.
      log.warn({ err: bots.lastError() ?? secrets.lastError() }, 'not everything is watched yet, what is counts');
      await this.#judgeAll();
    }
    const ended = Promise.withResolvers<boolean>();
    signal.addEventListener('abort', () => ended.resolve(false), { once: true });
    if (signal.aborted || !(await Promise.race([bots.synced(), ended.promise]))) return;
    const listed = await this.#listAll(signal);
    if (signal.aborted) return;
    for (const { metadata } of bots.values()) listed.delete(metadata.uid);
    for (const [uid, key] of listed) this.#reconciler.expect(key, uid);
    const kept = await this.#keepDropped(new Map(), signal);
    if (signal.aborted) return;
    this.desired.begin([...[...bots.values()].map(({ metadata }) => metadata.uid), ...listed.keys()]);
    for (const key of listed.values()) this.queue.add(key);
    await this.#judgeAll();
    this.planner.nudge();
    await this.#untilDropped(kept, signal);
  }

  async #untilDropped(kept: ReadonlyMap<string, BotSummary>, signal: AbortSignal): Promise<void> {
    let left = kept;
    while (left.size > 0 && !signal.aborted) {
      await sleep(this.#timers, DROPPED_AGAIN_MS, signal);
      if (!signal.aborted) left = await this.#keepDropped(left, signal);
    }
  }

  /** @returns those whose sockets stay as they are, though they are on no list; what stayed `before` and may go now goes */
  async #keepDropped(
    before: ReadonlyMap<string, BotSummary>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, BotSummary>> {
    const { dropped, onSummary } = this.#options;
    const kept = (await dropped?.(signal)) ?? new Map<string, BotSummary>();
    if (signal.aborted) return before;
    for (const [uid, line] of kept) {
      if (!before.has(uid)) this.desired.unknown(uid);
      onSummary?.(uid, line);
    }
    for (const uid of before.keys()) {
      if (kept.has(uid)) continue;
      onSummary?.(uid, undefined);
      if (this.desired.none(uid)) this.planner.nudge();
    }
    return kept;
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
    this.#enqueue(byAge);
    this.#controller.start();
  }

  /** uid -> key of every SlackBot that there is. */
  async #listAll(signal: AbortSignal): Promise<Map<string, string>> {
    const { client, namespaces, log } = this.#options;
    const scopes = scopesOf(SLACKBOTS, namespaces);
    while (!signal.aborted) {
      try {
        const found = new Map<string, string>();
        for await (const item of everyItem(client, scopes, { metadataOnly: true }, { signal })) {
          found.set(item.metadata.uid, keyOf(item));
        }
        return found;
      } catch (error) {
        if (signal.aborted) break;
        log.warn({ err: errorText(error) }, 'SlackBots not listed yet, nothing is removed before that');
        await sleep(this.#timers, 2_000, signal);
      }
    }
    return new Map();
  }

  #onView(changed: ReadonlySet<string>, view: FleetView): void {
    if (this.#ended.signal.aborted) return;
    const { bots } = this.#options;
    const { settled, pods, zones } = fleetFacts(view);
    // Only what changes a condition: another pod more in the second zone is no news for 100,000 bots.
    const fleet = JSON.stringify([settled, pods > 0, zones > 1]);
    if (fleet !== this.#fleet) this.#enqueue([...bots.values()]);
    else for (const uid of changed) this.#enqueue(bots.byIndex('uid', uid));
    this.#fleet = fleet;
  }

  #enqueue(found: readonly SlackBotObject[]): void {
    for (const bot of found) this.queue.add(keyOf(bot));
  }
}

function regardingOf({ apiVersion, kind, metadata: { name, namespace, uid } }: SlackBotObject): Regarding {
  return { apiVersion, kind, name, namespace, uid };
}

function stateOf(status: Parameters<typeof conditionOf>[0]): BotState {
  const ready = conditionOf(status, 'Ready');
  if (ready?.reason === 'Suspended') return 'suspended';
  if (ready?.status === 'True') return 'ready';
  return ready?.status === 'False' ? 'not_ready' : 'unknown';
}

/** A property that is left out when it has no value (exactOptionalPropertyTypes). */
const opt = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
