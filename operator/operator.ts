import { randomBytes } from 'node:crypto';
import type { OperatorConfig } from '../core/config/config.ts';
import { systemClock } from '../core/process/clock.ts';
import { errorText, type Log } from '../core/process/log.ts';
import { sleep, systemTimers } from '../core/process/timers.ts';
import { DEFAULT_CONTRACT } from '../core/protocol/contract.ts';
import { clusterKeys, queueKeys } from '../core/protocol/keys.ts';
import { greetRedis } from '../core/protocol/redis-greeting.ts';
import { kubeOwner } from '../core/protocol/scope.ts';
import type { FleetKey } from '../core/protocol/seal.ts';
import type { Redis, RedisSubscriber } from '../core/redis/redis.ts';
import { BotSummaries } from './fleet/bot-summaries.ts';
import { Planner } from './fleet/planner.ts';
import { claimScope, ScopeOwnedError } from './fleet/scope-owner.ts';
import {
  LABELLED,
  SECRETS,
  SLACKBOTS,
  type SlackBotObject,
  slackBotIndexers,
} from './kinds/slackbot/slackbot-object.ts';
import type { KubeClient } from './kube/client.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import type { KubeObject } from './kube/object.ts';
import { Candidacy } from './leadership/candidacy.ts';
import type { OperatorMetrics } from './metrics.ts';
import { ConnectorSetWatch } from './reconcile/connector-set-watch.ts';
import { DroppedNamespaces } from './reconcile/dropped-namespaces.ts';
import { FleetControl } from './reconcile/fleet-control.ts';
import { ResourceWatch } from './reconcile/resource-watch.ts';
import { Term } from './reconcile/term.ts';

export interface OperatorParts {
  config: OperatorConfig;
  client: KubeClient;
  redis: Redis;
  subscriber: RedisSubscriber;
  fleetKeys: () => readonly FleetKey[];
  metrics: OperatorMetrics;
  log: Log;
  /** Ends the program with this error. */
  fail: (error: unknown) => void;
}

export const LEASE_NAME = 'relax-operator';
/** By which operators of one cluster tell each other apart, and people find them. */
const operatorName = (leaderNamespace: string): string => `${leaderNamespace}/${LEASE_NAME}`;
/** For what is under way when the program is told to end; the Lease is released after it. */
const WORK_GRACE_MS = 5_000;
const TERM_GRACE_MS = 5_000;
const GREETING_PATIENCE_MS = 5_000;
/** A watch stirs at each event, bookmark, failure and try: one that is still for longer than all its timeouts has hung. */
const WATCH_HUNG_MS = 300_000;
const RENEWAL_HUNG_MS = 60_000;

/**
 * One operator process: who it is, its copy of the cluster's objects, what it makes of them for the fleet, and its terms
 * in office. It plans whenever it has the planner lock, and writes to the API server while it holds the Lease.
 */
export class Operator {
  readonly #parts: OperatorParts;
  readonly #bots: ResourceWatch<SlackBotObject>;
  readonly #secrets: ResourceWatch<KubeObject>;
  readonly #connectors: ConnectorSetWatch | undefined;
  /** What is waited for before the watches begin. */
  #waitsFor: string | undefined = 'the API server has not answered yet';
  /** Why nothing is planned yet. */
  #waitsForRedis: string | undefined = 'Redis has not answered yet: check RELAX_REDIS_URL';
  readonly #greeted = Promise.withResolvers<void>();
  #candidacy: Candidacy | undefined;
  #control: FleetControl<Planner> | undefined;
  #dropped: DroppedNamespaces | undefined;
  #summaries: BotSummaries | undefined;
  #term: Term | undefined;
  /** Of the terms that have ended. */
  readonly #written = { written: 0, failed: 0 };

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
    const { connectorSet: name, leaderNamespace: namespace } = config;
    this.#connectors = name === undefined ? undefined : new ConnectorSetWatch({ client, log, namespace, name });
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
   * Resolves when all of it runs, which goes on until `stop`. Watches and election need no Redis: a SlackBot that is
   * deleted meanwhile must not wait for it.
   * @throws what no waiting mends about Redis: see `greetRedis`
   */
  async start(signal: AbortSignal): Promise<void> {
    const { config, client, redis, log } = this.#parts;
    const clusterUid = await this.#clusterUid(signal);
    if (clusterUid === undefined) return;
    const cluster = config.cluster ?? clusterUid;
    // Two installations in one Kubernetes cluster are two owners.
    const owner = kubeOwner(clusterUid, config.leaderNamespace);
    const identity = `${config.pod}_${randomBytes(4).toString('hex')}`;
    const control = this.#makeControl(cluster, owner, identity);
    this.#control = control;
    this.#waitsFor = undefined;
    control.start();
    this.#bots.start();
    this.#secrets.start();
    this.#connectors?.start();
    this.#candidacy = new Candidacy({
      client,
      log,
      identity,
      namespace: config.leaderNamespace,
      name: LEASE_NAME,
      redisAwayMs: () => systemClock.monotonicMs() - control.planner.heardAtMs(),
      onElected: () => this.#takeOffice(control),
      onEnded: (isLost) => this.#leaveOffice(control, isLost),
    });
    this.#candidacy.start();
    log.info({ cluster, identity, namespaces: config.watchNamespaces }, 'attempting to acquire the leader lease');
    const ask = () => claimScope(redis, clusterKeys(cluster), { cluster, owner, takeOver: config.takeOver });
    const contract = { ...DEFAULT_CONTRACT, ...config.dedupe };
    const isFinal = (error: unknown): boolean => error instanceof ScopeOwnedError;
    const onWait = (words: string): void => {
      this.#waitsForRedis = words;
    };
    const greeting = { contract, allowEviction: config.allowEviction, tellNotes: true, ask, isFinal, onWait };
    if (!(await greetRedis(redis, greeting, log, signal))) return;
    this.#waitsForRedis = undefined;
    this.#greeted.resolve();
    control.planner.start();
    this.#summaries?.start();
  }

  /** The last write comes before the Lease is released, so that the next leader finds everything written. */
  async stop(): Promise<void> {
    await this.#control?.stop(WORK_GRACE_MS);
    await Promise.all([this.#control?.planner.stop(), this.#candidacy?.stop()]);
    await this.#summaries?.stop();
    await Promise.all([this.#bots.stop(), this.#secrets.stop(), this.#connectors?.stop()]);
  }

  /** Leading is no part of it: of two operators one never leads, and a rollout must not wait for that. */
  notReady(): string[] {
    if (this.#waitsFor !== undefined) return [this.#waitsFor];
    const reasons: string[] = [];
    // The planner would only say the same in other words.
    if (!this.#parts.redis.isReady) reasons.push('Redis is unreachable: check RELAX_REDIS_URL');
    else if (this.#waitsForRedis !== undefined) reasons.push(this.#waitsForRedis);
    else reasons.push(...(this.#control?.planner.faults() ?? []));
    reasons.push(...(this.#dropped?.faults() ?? []));
    reasons.push(...watchFaults('SlackBots', this.#bots), ...watchFaults('Secrets', this.#secrets));
    return reasons;
  }

  notAlive(): string[] {
    const reasons = this.watches()
      .filter(({ stillSeconds }) => this.#waitsFor === undefined && stillSeconds * 1000 > WATCH_HUNG_MS)
      .map(({ resource, stillSeconds }) => `the watch of ${resource} has been stuck for ${Math.round(stillSeconds)} s`);
    if ((this.#candidacy?.renewAgeMs() ?? 0) > RENEWAL_HUNG_MS) reasons.push('renewal of the Lease is stuck');
    return reasons;
  }

  watches(): { resource: string; errors: number; events: number; stillSeconds: number }[] {
    const nowMs = systemTimers.monotonicMs();
    const connectors = this.#connectors === undefined ? {} : { statefulsets: this.#connectors };
    return Object.entries({ slackbots: this.#bots, secrets: this.#secrets, ...connectors }).map(
      ([resource, watch]) => ({
        resource,
        errors: watch.stats().reduce((sum, { errors }) => sum + errors, 0),
        events: watch.stats().reduce((sum, { events }) => sum + events, 0),
        stillSeconds: (nowMs - watch.lastStirMs()) / 1000,
      }),
    );
  }

  #makeControl(cluster: string, owner: string, identity: string): FleetControl<Planner> {
    const { config, client, redis, subscriber, fleetKeys, metrics, log } = this.#parts;
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
      lease: { namespace: config.leaderNamespace, name: LEASE_NAME },
      namespaces: config.watchNamespaces,
      identity,
      office: () => this.#control?.office?.signal,
      lines: () => summaries.read(),
      log,
    });
    this.#dropped = dropped;
    const control: FleetControl<Planner> = new FleetControl({
      client,
      bots: this.#bots,
      secrets: this.#secrets,
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
          connectorSet: () => this.#connectors?.value(),
          prepare: async (signal) => {
            await Promise.all([seams.prepare(signal), this.#connectors?.confirm()]);
          },
          // Only for order: one process that does both needs to be looked at in one place.
          hesitates: () => this.#candidacy?.hasRival() ?? false,
        }),
      self: { operator: operatorName(config.leaderNamespace), cluster },
      dropped: (signal) => dropped.settle(signal),
      onSummary: (uid, summary) => summaries.set(uid, summary),
      observer: { queue: metrics.queue, controller: metrics.controller },
    });
    this.#connectors?.onChange(() => control.planner.nudge());
    return control;
  }

  #takeOffice(control: FleetControl<Planner>): void {
    const { client, config, log } = this.#parts;
    const reporting = { reportingController: 'relax.dev/operator', reportingInstance: config.pod };
    const recorder = new EventRecorder({ client, log, ...reporting });
    const { statusWritesPerSecond } = config;
    const term = new Term({ client, log, recorder, statusWritesPerSecond });
    this.#term = term;
    // Redis may still refuse us, and then we should have written nothing; but it is not waited for when it is away.
    const patience = sleep(systemTimers, GREETING_PATIENCE_MS, term.signal);
    void Promise.race([this.#greeted.promise, patience]).then(() => {
      if (this.#term === term) void control.takeOffice(term);
    });
  }

  async #leaveOffice(control: FleetControl<Planner>, isLost: boolean): Promise<void> {
    control.leaveOffice();
    const term = this.#term;
    this.#term = undefined;
    if (term === undefined) return;
    await term.stop(isLost ? 0 : TERM_GRACE_MS);
    this.#written.written += term.status.stats.written;
    this.#written.failed += term.status.stats.failed;
  }

  /** The accepted identity of a Kubernetes cluster: the uid of its namespace kube-system. */
  async #clusterUid(signal: AbortSignal): Promise<string | undefined> {
    const { client, log } = this.#parts;
    let saidAtMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      try {
        return await client.clusterUid({ signal });
      } catch (error) {
        if (signal.aborted) break;
        this.#waitsFor = `could not read the uid of the cluster: ${errorText(error)}`;
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

function watchFaults(what: string, watch: Pick<ResourceWatch<KubeObject>, 'errors' | 'unlisted'>): string[] {
  const failing = watch.errors();
  const named = new Set(failing.map(({ namespace }) => namespace));
  const late = watch.unlisted().filter((namespace) => !named.has(namespace));
  return [
    ...failing.map(
      ({ namespace, error }) =>
        `${what}${inNamespace(namespace)} are not being watched: ${error}${hintFor(namespace, error)}`,
    ),
    ...late.map((namespace) => `${what}${inNamespace(namespace)} are not listed yet`),
  ];
}

const inNamespace = (namespace: string): string => (namespace === '' ? '' : ` of namespace ${namespace}`);

/** The most common mistakes: an installation by hand, a namespace that is gone or whose Role is. */
function hintFor(namespace: string, error: string): string {
  if (/ 404 /.test(error)) return ' (is the SlackBot definition installed? kubectl apply -f crds/slackbots.yaml)';
  if (namespace === '' || !/ 403 /.test(error)) return '';
  return ' (its bots stay as they are; is the namespace gone, or the Role in it? Give it back, or take the namespace out of RELAX_WATCH_NAMESPACES)';
}
