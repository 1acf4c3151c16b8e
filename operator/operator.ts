import { randomBytes } from 'node:crypto';
import type { OperatorConfig } from '../core/config/config.ts';
import { systemClock } from '../core/process/clock.ts';
import type { Log } from '../core/process/log.ts';
import { sleep, systemTimers } from '../core/process/timers.ts';
import { DEFAULT_CONTRACT } from '../core/protocol/contract.ts';
import { clusterKeys, queueKeys } from '../core/protocol/keys.ts';
import { kubeOwner } from '../core/protocol/scope.ts';
import type { FleetKey } from '../core/protocol/seal.ts';
import { waitForRedis } from '../core/protocol/wait-for-redis.ts';
import type { Redis, RedisSubscriber } from '../core/redis/redis.ts';
import type { WebApi } from '../core/slack/web-api.ts';
import { ClusterCache, type WatchNumbers } from './cluster-cache.ts';
import { waitForClusterUid } from './cluster-uid.ts';
import { BotSummaries } from './fleet/bot-summaries.ts';
import { Planner } from './fleet/planner.ts';
import { claimScope, ScopeOwnedError } from './fleet/scope-owner.ts';
import type { KubeClient } from './kube/client.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import { Candidacy } from './leadership/candidacy.ts';
import type { OperatorMetrics } from './metrics.ts';
import { DroppedNamespaces } from './reconcile/dropped-namespaces.ts';
import { FleetControl } from './reconcile/fleet-control.ts';
import { Term } from './reconcile/leader-term.ts';
import type { RegisteredKind } from './reconcile/registered-kind.ts';
import type { SecretWrites } from './rotation/rotation-options.ts';
import { Rotations } from './rotation/rotations.ts';
import { writeSecret } from './rotation/secret-writer.ts';

interface OperatorParts {
  config: OperatorConfig;
  client: KubeClient;
  redis: Redis;
  subscriber: RedisSubscriber;
  kinds: readonly RegisteredKind[];
  fleetKeys: () => readonly FleetKey[];
  webApi: WebApi;
  metrics: OperatorMetrics;
  log: Log;
  /** Ends the program with this error. */
  fail: (error: unknown) => void;
}

export const LEASE_NAME = 'relax-operator';
/** What distinguishes the operators of one cluster, and lets people find them. */
const operatorName = (leaderNamespace: string): string => `${leaderNamespace}/${LEASE_NAME}`;
/** For what is under way when the program is told to end; the Lease is released after it. */
const WORK_GRACE_MS = 5_000;
const TERM_GRACE_MS = 5_000;
const GREETING_PATIENCE_MS = 5_000;
const RENEWAL_HUNG_MS = 60_000;

/**
 * One operator process: who it is, its cache of the cluster's objects, what it makes of them for the fleet, and its terms
 * leading. It plans whenever it has the planner lock, and writes to the API server while it holds the Lease.
 */
export class Operator {
  readonly #parts: OperatorParts;
  readonly #cache: ClusterCache;
  /** What is waited for before the watches begin. */
  #waitsFor: string | undefined = 'the API server has not answered yet';
  /** Why nothing is planned yet. */
  #waitsForRedis: string | undefined = 'Redis has not answered yet: check RELAX_REDIS_URL';
  readonly #ready = Promise.withResolvers<void>();
  #candidacy: Candidacy | undefined;
  #control: FleetControl<Planner> | undefined;
  #dropped: DroppedNamespaces | undefined;
  #summaries: BotSummaries | undefined;
  #rotations: Rotations | undefined;
  #term: Term | undefined;
  /** Of the terms that have ended. */
  readonly #written = { written: 0, failed: 0 };

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.#cache = new ClusterCache(parts.kinds, parts);
  }

  get control(): FleetControl<Planner> | undefined {
    return this.#control;
  }

  isLeader(): boolean {
    return this.#candidacy?.isLeader() ?? false;
  }

  statusWrites(): { written: number; failed: number; waiting: number } {
    const now = this.#term?.status;
    return {
      written: this.#written.written + (now?.stats.written ?? 0),
      failed: this.#written.failed + (now?.stats.failed ?? 0),
      waiting: now?.depth ?? 0,
    };
  }

  /**
   * Resolves when all of it runs, which goes on until `stop`. Watches and election need no Redis: an object that is
   * deleted meanwhile must not wait for it.
   * @throws faults of Redis that waiting does not help against: see `waitForRedis`
   */
  async start(signal: AbortSignal): Promise<void> {
    const { config, client, redis, log } = this.#parts;
    const waits = (words: string): void => {
      this.#waitsFor = words;
    };
    const clusterUid = await waitForClusterUid(client, log, waits, signal);
    if (clusterUid === undefined) return;
    const cluster = config.cluster ?? clusterUid;
    // Two installations in one Kubernetes cluster are two owners.
    const owner = kubeOwner(clusterUid, config.leaderNamespace);
    const identity = `${config.pod}_${randomBytes(4).toString('hex')}`;
    const control = this.#makeControl(cluster, owner, identity);
    this.#control = control;
    this.#waitsFor = undefined;
    control.start();
    this.#cache.start();
    this.#candidacy = new Candidacy({
      client,
      log,
      identity,
      namespace: config.leaderNamespace,
      name: LEASE_NAME,
      redisAwayMs: () => systemClock.monotonicMs() - control.planner.heardAtMs(),
      onElected: () => this.#beginTerm(control),
      onEnded: (isLost) => this.#endTerm(control, isLost),
    });
    this.#candidacy.start();
    log.info({ cluster, identity, namespaces: config.watchNamespaces }, 'attempting to acquire the leader lease');
    const ask = () => claimScope(redis, clusterKeys(cluster), { cluster, owner, takeOver: config.takeOver });
    const contract = { ...DEFAULT_CONTRACT, ...config.dedupe };
    const isFinal = (error: unknown): boolean => error instanceof ScopeOwnedError;
    const onWait = (words: string): void => {
      this.#waitsForRedis = words;
    };
    const redisNeeds = { contract, allowEviction: config.allowEviction, tellNotes: true, ask, isFinal, onWait };
    if (!(await waitForRedis(redis, redisNeeds, log, signal))) return;
    this.#waitsForRedis = undefined;
    this.#ready.resolve();
    control.planner.start();
    this.#summaries?.start();
    this.#rotations?.start();
  }

  /** The last write comes before the Lease is released, so that the next leader finds everything written. */
  async stop(): Promise<void> {
    await Promise.all([this.#control?.stop(WORK_GRACE_MS), this.#rotations?.stop()]);
    await Promise.all([this.#control?.planner.stop(), this.#candidacy?.stop()]);
    await this.#summaries?.stop();
    await this.#cache.stop();
  }

  /** Leading is not part of it: of two operators one never leads, and a rollout must not wait for that. */
  notReady(): string[] {
    if (this.#waitsFor !== undefined) return [this.#waitsFor];
    const reasons: string[] = [];
    // The planner would only say the same in other words.
    if (!this.#parts.redis.isReady) reasons.push('Redis is unreachable: check RELAX_REDIS_URL');
    else if (this.#waitsForRedis !== undefined) reasons.push(this.#waitsForRedis);
    else reasons.push(...(this.#control?.planner.faults() ?? []));
    reasons.push(...(this.#dropped?.faults() ?? []));
    reasons.push(...this.#cache.faults());
    return reasons;
  }

  notAlive(): string[] {
    const reasons = this.#waitsFor === undefined ? this.#cache.hung() : [];
    if ((this.#candidacy?.renewAgeMs() ?? 0) > RENEWAL_HUNG_MS) reasons.push('renewal of the Lease is stuck');
    return reasons;
  }

  watches(): WatchNumbers[] {
    return this.#cache.numbers();
  }

  #makeControl(cluster: string, owner: string, identity: string): FleetControl<Planner> {
    const { config, client, kinds, redis, subscriber, fleetKeys, webApi, metrics, log } = this.#parts;
    const { connectors } = this.#cache;
    const keys = clusterKeys(cluster);
    const { windowMs } = config.dedupe;
    const shared = { redis, subscriber, keys, queueKeys: queueKeys(config.queue.name), cluster, owner, windowMs };
    const summaries = new BotSummaries({
      redis,
      key: keys.bots,
      log,
      // Not before each bot has a summary: those of bots that are not judged yet would be taken out.
      leads: () => control.desired.synced && control.planner.leads(),
      unlisted: () => control.desired.unlisted,
    });
    this.#summaries = summaries;
    const dropped = new DroppedNamespaces({
      client,
      kinds: kinds.map(({ kind }) => kind),
      lease: { namespace: config.leaderNamespace, name: LEASE_NAME },
      namespaces: config.watchNamespaces,
      identity,
      leadership: () => this.#control?.leadership?.signal,
      lines: () => summaries.read(),
      log,
    });
    this.#dropped = dropped;
    const rotations = new Rotations({
      redis,
      cluster,
      webApi,
      fleetKeys,
      // The planner holds the right to act on Redis while the API server is away, when nobody leads.
      mayRefresh: () => control.leadership !== undefined || control.planner.leads(),
      ...(config.credentialsWriteBack ? { writes: secretWrites(client, () => control) } : {}),
      onChange: (uids) => control.judgeAgain(uids),
      observer: metrics.rotation,
      log,
    });
    this.#rotations = rotations;
    const control: FleetControl<Planner> = new FleetControl({
      client,
      rotation: rotations,
      kinds: this.#cache.kinds,
      secrets: this.#cache.secrets,
      namespaces: config.watchNamespaces,
      log,
      makePlanner: (seams) =>
        new Planner({
          ...shared,
          ...seams,
          fleetKeys,
          clock: systemClock,
          log,
          observer: metrics.planner,
          connectorSet: () => connectors?.value(),
          prepare: async (signal) => {
            await Promise.all([seams.prepare(signal), connectors?.confirm()]);
          },
          // Only for order: one process that does both needs to be looked at in one place.
          hesitates: () => this.#candidacy?.hasRival() ?? false,
        }),
      self: { operator: operatorName(config.leaderNamespace), cluster },
      dropped: (signal) => dropped.settle(signal),
      onSummary: (uid, summary) => summaries.set(uid, summary),
      observerOf: metrics.ofController,
    });
    connectors?.onChange(() => control.planner.nudge());
    return control;
  }

  #beginTerm(control: FleetControl<Planner>): void {
    const { client, config, log } = this.#parts;
    const reporting = { reportingController: 'relax.dev/operator', reportingInstance: config.pod };
    const recorder = new EventRecorder({ client, log, ...reporting });
    const { statusWritesPerSecond } = config;
    const term = new Term({ client, log, recorder, statusWritesPerSecond });
    this.#term = term;
    // Redis may still refuse us, and then we should have written nothing; but it is not waited for when it is away.
    const patience = sleep(systemTimers, GREETING_PATIENCE_MS, term.signal);
    void Promise.race([this.#ready.promise, patience]).then(() => {
      if (this.#term === term) void control.beginTerm(term);
    });
  }

  async #endTerm(control: FleetControl<Planner>, isLost: boolean): Promise<void> {
    control.endTerm();
    const term = this.#term;
    this.#term = undefined;
    if (term === undefined) return;
    await term.stop(isLost ? 0 : TERM_GRACE_MS);
    this.#written.written += term.status.stats.written;
    this.#written.failed += term.status.stats.failed;
  }
}

/** Only while we lead, as everything that is written to the API server. */
const secretWrites = (
  client: KubeClient,
  control: () => Pick<FleetControl, 'leadership' | 'secretWritten'>,
): SecretWrites => ({
  right: () => control().leadership?.signal,
  write: (home, pair, expiresAtMs, signal) => writeSecret(client, home, pair, expiresAtMs, signal),
  onWritten: (uid) => control().secretWritten(uid),
});
