import { randomBytes } from 'node:crypto';
import { systemClock } from '../core/clock.ts';
import type { OperatorConfig } from '../core/config.ts';
import { DEFAULT_CONTRACT } from '../core/contract.ts';
import { clusterKeys, queueKeys } from '../core/keys.ts';
import { errorText, type Log } from '../core/log.ts';
import type { Redis } from '../core/redis.ts';
import { greetRedis } from '../core/redis-greeting.ts';
import type { FleetKey } from '../core/seal.ts';
import { sleep, systemTimers } from '../core/timers.ts';
import { BotSummaries } from './fleet/bot-summaries.ts';
import { Planner } from './fleet/planner.ts';
import { claimScope, ScopeOwnedError } from './fleet/scope-owner.ts';
import type { KubeClient } from './kube/client.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import { LeaderElector } from './kube/leader.ts';
import type { KubeObject } from './kube/object.ts';
import type { OperatorMetrics } from './metrics.ts';
import { DroppedNamespaces } from './reconcile/dropped-namespaces.ts';
import { Leadership } from './reconcile/leadership.ts';
import { ResourceWatch } from './reconcile/resource-watch.ts';
import { LABELLED, SECRETS, SLACKBOTS, type SlackBotObject, slackBotIndexers } from './reconcile/slackbot-object.ts';
import { SummaryKeeper } from './reconcile/summary-keeper.ts';

export interface OperatorParts {
  config: OperatorConfig;
  client: KubeClient;
  redis: Redis;
  subscriber: Redis;
  fleetKeys: () => readonly FleetKey[];
  metrics: OperatorMetrics;
  log: Log;
  /** Ends the program with this error. */
  fail: (error: unknown) => void;
}

export const LEASE_NAME = 'relax-operator';
/** By which operators of one cluster tell each other apart, and people find them. */
export const operatorName = (leaderNamespace: string): string => `${leaderNamespace}/${LEASE_NAME}`;
/** For what is under way when the program is told to end; the Lease is released after it. */
const TERM_GRACE_MS = 10_000;
/** A watch stirs at each event, bookmark, failure and try: one that is still for longer than all its timeouts has hung. */
const WATCH_HUNG_MS = 300_000;
const RENEWAL_HUNG_MS = 60_000;

export class LeadershipLostError extends Error {
  override name = 'LeadershipLostError';
}

/** One operator process: who it is, its copy of the cluster's objects, and its term in office, if it is elected. */
export class Operator {
  readonly #parts: OperatorParts;
  readonly #bots: ResourceWatch<SlackBotObject>;
  readonly #secrets: ResourceWatch<KubeObject>;
  /** What is waited for before the watches begin. */
  #waitsFor: string | undefined = 'the API server has not answered yet';
  #elector: LeaderElector | undefined;
  #leadership: Leadership | undefined;
  #planner: Planner | undefined;
  #dropped: DroppedNamespaces | undefined;
  #summaries: SummaryKeeper | undefined;
  #lost = false;

  constructor(parts: OperatorParts) {
    const { client, config, log } = parts;
    const shared = { client, log, namespaces: config.watchNamespaces };
    this.#parts = parts;
    this.#bots = new ResourceWatch<SlackBotObject>({ ...shared, resource: SLACKBOTS, indexers: slackBotIndexers });
    this.#secrets = new ResourceWatch<KubeObject>({
      ...shared,
      resource: SECRETS,
      metadataOnly: true,
      labelSelector: LABELLED,
    });
  }

  get leadership(): Leadership | undefined {
    return this.#leadership;
  }

  isLeader(): boolean {
    return this.#elector?.isLeader() ?? false;
  }

  /** Resolves when the watches and the election run; they go on until `stop`. */
  async start(signal: AbortSignal): Promise<void> {
    const { config, client, redis, log } = this.#parts;
    const owner = await this.#clusterUid(signal);
    if (owner === undefined) return;
    const cluster = config.cluster ?? owner;
    const keys = clusterKeys(cluster);
    this.#waitsFor = 'Redis has not answered yet: see RELAX_REDIS_URL';
    const ask = () => claimScope(redis, keys, { cluster, owner, takeOver: config.takeOver });
    const contract = { ...DEFAULT_CONTRACT, ...config.dedupe };
    const isFinal = (error: unknown): boolean => error instanceof ScopeOwnedError;
    if (!(await greetRedis(redis, { contract, ask, isFinal }, log, signal))) return;
    this.#waitsFor = undefined;
    this.#bots.start();
    this.#secrets.start();
    const identity = `${config.pod}_${randomBytes(4).toString('hex')}`;
    this.#elector = new LeaderElector({
      ...{ client, log, identity, namespace: config.leaderNamespace, name: LEASE_NAME },
      onElected: () => this.#lead(cluster, owner, identity),
      onLost: (why) => {
        this.#lost = true;
        this.#parts.fail(new LeadershipLostError(`leadership lost: ${why}`));
      },
    });
    this.#elector.start();
    log.info({ cluster, identity, namespaces: config.watchNamespaces }, 'stands for election');
  }

  /** The last write comes before the Lease is released, so that the next leader finds everything written. */
  async stop(): Promise<void> {
    await this.#leadership?.stop(this.#lost ? 0 : TERM_GRACE_MS);
    await this.#summaries?.stop();
    await this.#elector?.stop();
    await Promise.all([this.#bots.stop(), this.#secrets.stop()]);
  }

  /** Leading is no part of it: of two operators one never leads, and a rollout must not wait for that. */
  notReady(): string[] {
    if (this.#waitsFor !== undefined) return [this.#waitsFor];
    const reasons: string[] = [];
    // The planner would only say the same in other words.
    if (this.#parts.redis.status !== 'ready') reasons.push('Redis is not reachable: see RELAX_REDIS_URL');
    else reasons.push(...(this.#planner?.faults() ?? []));
    reasons.push(...(this.#dropped?.faults() ?? []));
    const watches = { SlackBots: this.#bots, Secrets: this.#secrets };
    for (const [what, watch] of Object.entries(watches)) {
      const error = watch.lastError();
      if (error !== undefined) reasons.push(`${what} are not being watched: ${error}${hintFor(error)}`);
      else if (!watch.hasSynced) reasons.push(`${what} are not listed yet`);
    }
    return reasons;
  }

  notAlive(): string[] {
    const reasons = this.watches()
      .filter(({ stillSeconds }) => this.#waitsFor === undefined && stillSeconds * 1000 > WATCH_HUNG_MS)
      .map(({ resource, stillSeconds }) => `the watch of ${resource} hangs since ${Math.round(stillSeconds)} s`);
    if (this.#elector?.phase === 'leader' && this.#elector.renewAgeMs() > RENEWAL_HUNG_MS) {
      reasons.push('the renewal of the Lease hangs');
    }
    return reasons;
  }

  watches(): { resource: string; errors: number; events: number; stillSeconds: number }[] {
    const nowMs = systemTimers.monotonicMs();
    return Object.entries({ slackbots: this.#bots, secrets: this.#secrets }).map(([resource, watch]) => ({
      resource,
      errors: watch.stats().reduce((sum, { errors }) => sum + errors, 0),
      events: watch.stats().reduce((sum, { events }) => sum + events, 0),
      stillSeconds: (nowMs - watch.lastStirMs()) / 1000,
    }));
  }

  #lead(cluster: string, owner: string, identity: string): void {
    const { config, client, redis, subscriber, fleetKeys, metrics, log } = this.#parts;
    const keys = clusterKeys(cluster);
    const { windowMs } = config.dedupe;
    const shared = { redis, subscriber, keys, queueKeys: queueKeys(config.queue.name), cluster, owner, windowMs };
    const summaries = new BotSummaries(redis, keys.bots);
    const dropped = new DroppedNamespaces({
      ...{
        client,
        namespaces: config.watchNamespaces,
        identity,
        log,
        lines: () => summaries.read(),
        leads: () => this.isLeader(),
      },
      lease: { namespace: config.leaderNamespace, name: LEASE_NAME },
    });
    this.#dropped = dropped;
    let planner: Planner | undefined;
    const leadership = new Leadership({
      ...{ client, bots: this.#bots, secrets: this.#secrets, namespaces: config.watchNamespaces, log },
      makePlanner: (seams) => {
        planner = new Planner({ ...shared, ...seams, fleetKeys, clock: systemClock, log, observer: metrics.planner });
        return planner;
      },
      recorder: new EventRecorder({
        ...{ client, log, reportingController: 'relax.dev/operator', reportingInstance: config.pod },
      }),
      self: { operator: operatorName(config.leaderNamespace), cluster },
      dropped: (signal) => dropped.settle(signal),
      statusWritesPerSecond: config.statusWritesPerSecond,
      onSummary: (uid, line) => this.#summaries?.set(uid, line),
      observer: { queue: metrics.queue, controller: metrics.controller },
    });
    this.#leadership = leadership;
    this.#planner = planner;
    this.#summaries = new SummaryKeeper({
      ...{ summaries, count: () => redis.hlen(keys.bots), log },
      // Not before each bot has a line: the lines of those that are not judged yet would be taken out.
      leads: () => leadership.desired.synced && (planner?.leads() ?? false),
    });
    this.#summaries.start();
    leadership.start();
  }

  /** Who owns the cluster scope: the cluster itself, by the uid that is its accepted identity. */
  async #clusterUid(signal: AbortSignal): Promise<string | undefined> {
    const { client, log } = this.#parts;
    let saidAtMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      try {
        return await client.clusterUid({ signal });
      } catch (error) {
        if (signal.aborted) break;
        this.#waitsFor = `the API server does not tell who it is: ${errorText(error)}`;
        if (systemTimers.monotonicMs() - saidAtMs > 30_000) {
          saidAtMs = systemTimers.monotonicMs();
          log.warn({ err: errorText(error) }, 'waiting for the API server');
        }
        await sleep(systemTimers, 2_000, signal);
      }
    }
    return undefined;
  }
}

/** The most common first mistake of an installation by hand. */
const hintFor = (error: string): string =>
  / 404 /.test(error) ? ' (is the SlackBot definition installed? kubectl apply -f crds/slackbots.yaml)' : '';
