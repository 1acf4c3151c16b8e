import { type Clock, systemClock } from '../core/process/clock.ts';
import { RateLimitedLog } from '../core/process/rate-limited-log.ts';
import { firstSteps } from '../core/protocol/dedupe-steps.ts';
import { clusterKeys } from '../core/protocol/keys.ts';
import { createWebApi } from '../core/slack/web-api.ts';
import { AssignmentWatch } from './assignment/assignment-watch.ts';
import {
  type ConnectorParts,
  createOutbound,
  createPublisher,
  createSlotDeps,
  createSubBucketWatch,
} from './connector-parts.ts';
import { TokenRefusals } from './credentials/token-refusals.ts';
import { drain } from './drain.ts';
import { type ConnectorMetrics, connectorMetrics } from './metrics.ts';
import type { Outbound } from './outbound/outbound.ts';
import { RouteSenders } from './outbound/route-senders.ts';
import { ServedBots } from './outbound/senders.ts';
import { KnownSteps } from './queue/known-steps.ts';
import type { OutcomeCounts } from './queue/outcome.ts';
import { isPressed, NO_PRESSURE, type Pressure } from './queue/pressure.ts';
import type { Publisher } from './queue/publisher.ts';
import type { SubBucketWatch } from './queue/sub-bucket-watch.ts';
import { fleetFaults, type HealthFacts, notReady } from './readiness.ts';
import { Adoption } from './registry/adoption.ts';
import { ReportBoard } from './registry/report-board.ts';
import { SlotRegistry } from './registry/slot-registry.ts';
import { Replies } from './reply/replies.ts';
import { appsOf, RouteWatch } from './route/route-watch.ts';
import { ContractWatch } from './session/contract-watch.ts';
import { NameSeeker } from './session/name-seeker.ts';
import { processState, thisProcess } from './session/process-identity.ts';
import { RedisWatch } from './session/redis-watch.ts';
import { type Renewal, redisLook, redisRenew } from './session/renewal.ts';
import { SessionKeeper } from './session/session-keeper.ts';
import { SlotRunner } from './slot/slot-runner.ts';
import { createTransports } from './transport/transports.ts';

const KEY_FILE_MS = 60_000;
const STOP_PUBLISHING_MS = 2_000;
/** For messages that Slack has been asked to post, of the time that draining may take. */
const STOP_SENDING_MS = 2_000;

/** Puts the parts together and passes on what one of them learns to the others. Decides nothing itself. */
export class Connector {
  readonly #parts: ConnectorParts;
  readonly #clock: Clock = systemClock;
  readonly #metrics: ConnectorMetrics;
  readonly #limitedLog: RateLimitedLog;
  readonly #publisher: Publisher;
  readonly #subBuckets: SubBucketWatch;
  readonly #replies: Replies;
  readonly #refusals: TokenRefusals;
  readonly #registry: SlotRegistry;
  /** Undefined: applications send nothing by Relax. */
  readonly #outbound: Outbound | undefined;
  readonly #board: ReportBoard;
  readonly #session: SessionKeeper;
  readonly #assignments: AssignmentWatch;
  readonly #routes: RouteWatch;
  /** In whose name this process can post. */
  readonly #served: ServedBots;
  readonly #contract: ContractWatch;
  readonly #redisWatch: RedisWatch;
  readonly #adoption: Adoption;
  #keyFileTimer: NodeJS.Timeout | undefined;
  #pressure = NO_PRESSURE;
  #hadRival = false;
  #released = false;

  constructor(parts: ConnectorParts) {
    this.#parts = parts;
    const { config, incarnation, contract, keyring, redisClock, control, subscriber, answers, log } = parts;
    const { cluster, pod, zone, capacity, owner = '' } = config;
    const keys = clusterKeys(cluster);
    const clock = this.#clock;
    this.#limitedLog = new RateLimitedLog(log, clock);
    this.#adoption = new Adoption(clock.monotonicMs());
    this.#contract = new ContractWatch(control, contract, log);
    this.#redisWatch = new RedisWatch(control, config.allowEviction, clock, log);
    this.#metrics = connectorMetrics(parts.metrics, {
      backlog: () => this.#publisher.backlog(),
      socketStates: () => this.#registry.states(),
      assignmentVersion: () => this.#assignments.held.version,
      repliesWaiting: () => this.#replies.waiting,
      outbound: () => this.#outbound?.backlog ?? { outboxes: 0, oldestMs: 0 },
    });
    const shared = { metrics: this.#metrics, limitedLog: this.#limitedLog };
    const known = new KnownSteps(firstSteps(contract.subBuckets));
    this.#subBuckets = createSubBucketWatch(parts, known);
    this.#publisher = createPublisher(parts, shared, known, (pressure) => this.#onPressure(pressure));
    const list = keys.replies(pod);
    const observer = this.#metrics.reply;
    this.#replies = new Replies({ answers, control, list, redisClock, observer, limitedLog: this.#limitedLog, log });
    this.#routes = new RouteWatch({
      redis: control,
      subscriber,
      keys,
      apps: () => appsOf(this.#assignments.held.slots),
      onTables: () => this.#served.look(),
      clock,
      log,
      limitedLog: this.#limitedLog,
    });
    const webApi = createWebApi({ apiUrl: config.slackApiUrl });
    const transports = createTransports({ webApi, cluster, routes: this.#routes });
    this.#refusals = new TokenRefusals({ redis: control, keys, redisClock, log, limitedLog: this.#limitedLog });
    const slots = createSlotDeps(parts, shared, {
      publisher: this.#publisher,
      replies: this.#replies.desk,
      refusals: this.#refusals,
    });
    this.#registry = new SlotRegistry({
      cluster,
      incarnation,
      keyring,
      clock,
      log,
      limitedLog: this.#limitedLog,
      held: () => (this.#session.mayAct ? this.#assignments.held.slots : undefined),
      createRunner: (spec, onStatus) => new SlotRunner(spec, transports[spec.kind], slots, onStatus),
      onChange: (id) => {
        this.#board.changed(id);
        this.#outbound?.changed();
      },
      onAddressees: () => this.#served.look(),
    });
    const routeSenders = new RouteSenders({ cluster, keyring, limitedLog: this.#limitedLog });
    this.#served = new ServedBots([
      () => this.#registry.addressees(),
      () => this.#routes.tables().flatMap((routes) => routeSenders.addressees(routes)),
    ]);
    this.#outbound = createOutbound(parts, shared, {
      webApi,
      senders: this.#served,
      refuse: (sender, refusal) => this.#refusals.refuseSender(sender, refusal),
    });
    const self = { pod, incarnation, owner, ...thisProcess() };
    this.#session = new SessionKeeper({
      seeker: new NameSeeker({
        look: redisLook(control, keys, pod),
        processOf: (holder) => processState(holder, self),
        cluster,
        self,
        clock,
      }),
      renew: redisRenew(control, keys, pod),
      identity: { ...self, zone, capacity },
      content: () => ({
        version: this.#assignments.held.version,
        keyIDs: keyring.ids,
        reportVersion: this.#board.version,
        faults: fleetFaults(this.#health()),
      }),
      onRenewed: (renewal, sentAtMs) => this.#onRenewed(renewal, sentAtMs),
      onNamed: () => {
        this.#replies.start();
        this.#assignments.lookSoon();
      },
      onNews: () => void control.publish(keys.plannerNudge, 'session').catch(() => undefined),
      onResult: (result) => this.#metrics.renewal(result),
      clock,
      log,
    });
    this.#board = new ReportBoard({
      redis: control,
      key: keys.report(pod),
      nudge: keys.plannerNudge,
      log,
      ids: () => this.#registry.ids(),
      report: (id) => this.#registry.report(id),
      mayWrite: () => this.#session.mayReport,
      announce: () => this.#session.renewNow(),
    });
    this.#assignments = new AssignmentWatch({
      redis: control,
      subscriber,
      keys,
      pod,
      capacity,
      log,
      mayAct: () => this.#session.mayAct,
      onRead: () => this.#onRead(),
    });
  }

  start(): void {
    this.#session.start();
    this.#assignments.start();
    this.#routes.start();
    this.#outbound?.start();
    this.#subBuckets.start();
    this.#keyFileTimer = setInterval(() => this.#parts.keyring.reload(), KEY_FILE_MS);
  }

  /** Readiness reasons in words; empty when ready. */
  notReady(): string[] {
    return notReady(this.#health());
  }

  /** What became of the events that it has read so far. */
  counts(): OutcomeCounts {
    return this.#publisher.counts();
  }

  /** Drains after SIGTERM; takes up to the grace time. */
  async drain(): Promise<void> {
    const { config, redisClock, log } = this.#parts;
    // Others send what waits, from now on; what Slack has been asked for is answered long before the grace ends.
    const sent = this.#outbound?.stop(config.graceMs - STOP_SENDING_MS);
    await drain(
      {
        session: this.#session,
        assignments: this.#assignments,
        registry: this.#registry,
        publisher: this.#publisher,
        replies: this.#replies,
        redisClock,
        clock: this.#clock,
        log,
        released: () => this.#released,
      },
      config.graceMs,
    );
    await sent;
  }

  /** Ends at once, whatever state it is in; after `drain` there is little left to do. */
  async stop(): Promise<void> {
    clearInterval(this.#keyFileTimer);
    await this.#outbound?.stop(STOP_SENDING_MS);
    await this.#assignments.stop();
    await this.#routes.stop();
    await this.#registry.stopAll();
    await this.#subBuckets.stop();
    await this.#publisher.drain(STOP_PUBLISHING_MS);
    await this.#replies.stop();
    await this.#refusals.stop();
    await this.#board.stop();
    await this.#session.leave();
  }

  #onPressure(pressure: Pressure): void {
    const before = this.#pressure;
    this.#pressure = pressure;
    // Which bots they are changes as their backlogs do; what a person should see is that it begins, spreads and ends.
    if (isPressed(pressure) !== isPressed(before) || pressure.all !== before.all) {
      const paused = pressure.all ? 'all' : pressure.bots.size;
      const words = isPressed(pressure) ? 'reading paused' : 'reading resumed';
      this.#parts.log.warn({ ...this.#publisher.backlog(), bots: paused }, words);
    }
    this.#registry.setPressure(pressure);
    this.#session.renewSoon();
  }

  #onRenewed(renewal: Renewal, sentAtMs: number): void {
    this.#parts.redisClock.observe(renewal.redisMs, sentAtMs);
    this.#released = renewal.drained === this.#parts.incarnation;
    this.#assignments.hint(renewal.version);
    this.#registry.look();
    const ours = renewal.rival === undefined && renewal.foreign === undefined;
    // The other process wrote reports of its own.
    const isLost = ours && !renewal.reportsExist && this.#board.size > 0;
    if (isLost || (ours && this.#hadRival)) this.#board.rewrite();
    if (isLost) this.#registry.markAgain();
    this.#hadRival = !ours;
    void this.#contract.check();
    void this.#redisWatch.check();
  }

  #onRead(): void {
    const { slots } = this.#assignments.held;
    // First, so that an app's routes are known before its socket is live.
    this.#routes.lookSoon();
    this.#registry.look();
    if (this.#adoption.found(slots.keys(), this.#clock.monotonicMs())) this.#board.rewrite();
    this.#session.renewSoon();
  }

  #health(): HealthFacts {
    const session = this.#session;
    return {
      // Both may say that Redis is a replica.
      queueFaults: [...new Set([...this.#publisher.faults(), ...this.#redisWatch.faults])],
      pressed: this.#pressure.all,
      busiestPressed: this.#pressure.bots.size > 0,
      session: { ageMs: session.ageMs(), error: session.error, rival: session.rival, barred: session.barred },
      contractConflict: this.#contract.conflict,
      answers: this.#replies.trouble,
      adopting: this.#adoption.reason((id) => this.#registry.state(id), this.#clock.monotonicMs()),
      draining: session.drainingSinceMs > 0,
    };
  }
}
