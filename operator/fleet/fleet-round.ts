/** One round of the planner: read, plan, write, make the view. */

import { CLUSTERS_KEY } from '../../core/protocol/keys.ts';
import { plan as makePlan } from '../plan/plan.ts';
import type { Plan, PlanInput } from '../plan/types.ts';
import { FenceKeeper } from './fence-keeper.ts';
import { respectFences } from './fences.ts';
import { FleetMemory, observe, sharesKey } from './fleet-memory.ts';
import type { FleetView } from './fleet-view.ts';
import { IdleRoundCache, isAtRest, type RoundInputs } from './idle-round-cache.ts';
import { changedOwners, makeView, NO_VIEW, sameFleet } from './make-view.ts';
import { moveBudget } from './move-budget.ts';
import type { PlannerOptions, PlannerTimes } from './planner-options.ts';
import { type PodMemory, readsNeeded } from './pod-memory.ts';
import { type Heads, readBodies, readHeads } from './reader.ts';
import { RefusalKeeper } from './refusal-keeper.ts';
import { withReseals } from './reseal.ts';
import { RouteKeeper } from './route-keeper.ts';
import { checkScopeOwner, claimScope } from './scope-owner.ts';
import { Sealer, sealingKeyFor, sessionsOf } from './sealer.ts';
import { FleetWriter, LockLostError, sealWrite } from './writer.ts';

/** How often this cluster scope shows in Redis that it is alive. */
const HEARTBEAT_MS = 10_000;
/** Longer than any time for which a move counts against a budget. */
const MOVES_KEPT_MS = 600_000;

export interface RoundCounts {
  podWrites: number;
  slotsWritten: number;
  pending: number;
  /** Nothing had changed since a round that found nothing to do. */
  idle: boolean;
  /** Redis held something else than expected somewhere: another round soon. */
  again: boolean;
}

const NOTHING: RoundCounts = { podWrites: 0, slotsWritten: 0, pending: 0, idle: false, again: false };

/** Observe, plan, write, update the view: one round of the planner, and what it remembers from round to round. */
export class FleetRound {
  readonly #options: PlannerOptions;
  readonly #times: PlannerTimes;
  readonly #memory: FleetMemory;
  readonly #writer: FleetWriter;
  readonly #sealer: Sealer;
  readonly #fences: FenceKeeper;
  readonly #routes: RouteKeeper;
  readonly #refusals: RefusalKeeper;
  /** Pod -> incarnation that was told that nothing is left to move. */
  readonly #drained = new Map<string, string>();
  readonly #lastMoveMs = new Map<string, number>();
  readonly #idleRounds: IdleRoundCache;
  #pending = 0;
  #heardAtMs: number;
  #heartbeatAtMs = Number.NEGATIVE_INFINITY;
  #view: FleetView = NO_VIEW;
  #keyFaults: string[] = [];

  constructor(options: PlannerOptions, times: PlannerTimes) {
    const { redis, keys, queueKeys, cluster, windowMs } = options;
    this.#options = options;
    this.#times = times;
    this.#heardAtMs = options.clock.monotonicMs();
    this.#memory = new FleetMemory(times.settleMs);
    this.#writer = new FleetWriter(redis, keys);
    this.#sealer = new Sealer(cluster);
    this.#idleRounds = new IdleRoundCache(times.wholeRoundMs);
    this.#routes = new RouteKeeper(redis, keys, cluster);
    this.#refusals = new RefusalKeeper(redis, keys);
    this.#fences = new FenceKeeper(redis, queueKeys, cluster, windowMs);
  }

  view(): FleetView {
    return this.#view;
  }

  /** Problems of single pods; the fleet is planned regardless. */
  faults(): readonly string[] {
    return this.#keyFaults;
  }

  /** When Redis last answered; the time of construction before that. */
  heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** Redis did not answer: nothing that was read counts as fresh. */
  interrupted(): void {
    this.#memory.interrupted();
    this.#idleRounds.end();
    this.#forgetMarks();
  }

  /** Another planner may have written until now; the uninterrupted series of readings still counts. */
  tookOver(): void {
    this.#memory.doubtAll();
    this.#idleRounds.end();
    this.#forgetMarks();
  }

  /** Reads and updates the view, while another planner has the lock: nothing is written. @throws as `run` */
  async watch(): Promise<void> {
    const { clock } = this.#options;
    const inputs = this.#inputs(await this.#read('watch'));
    if (this.#idleRounds.holds(inputs, clock.monotonicMs())) return;
    this.#idleRounds.end();
    const input = this.#observe(inputs);
    const { routes, owner } = inputs.heads;
    await this.#routes.observe(routes, owner !== undefined, input.nowMs);
    const plan = makePlan(input, 0);
    this.#updateView(input, plan, clock.monotonicMs());
    if (isAtRest(input, plan, this.#memory.pods)) this.#idleRounds.begin(inputs, input.nowMs);
  }

  /**
   * @param lockValue asked before each write; undefined once the lock is no longer ours
   * @throws LockLostError, ScopeOwnedError, or what Redis or a missing key gave; nothing half done needs repair
   */
  async run(lockValue: () => string | undefined): Promise<RoundCounts> {
    const { clock } = this.#options;
    const inputs = this.#inputs(await this.#read('plan'));
    if (this.#idleRounds.holds(inputs, clock.monotonicMs())) return { ...NOTHING, pending: this.#pending, idle: true };
    this.#idleRounds.end();
    const desired = respectFences(inputs.desired, await this.#fences.read(clock.monotonicMs()));
    const fenced = { ...inputs, desired };
    const input = this.#observe(fenced);
    const plan = makePlan(input, moveBudget(input));
    const counts = { ...NOTHING, pending: plan.pending.length };
    this.#pending = counts.pending;
    for (const ownerUid of plan.voluntaryMoves) this.#lastMoveMs.set(ownerUid, input.nowMs);
    const held = (): string => {
      const value = lockValue();
      if (value === undefined) throw new LockLostError();
      return value;
    };

    try {
      held();
      await this.#fences.keep(desired, input);
      counts.again =
        (await this.#routes.keep(desired, input, inputs.heads.routes, held, () =>
          sealingKeyFor(this.#memory.pods, inputs.fleetKeys),
        )) === 'again';
      await this.#write(plan, input, fenced, held, counts);
      await this.#refusals.keep(desired, { nowMs: input.nowMs, redisNowMs: inputs.heads.redisNowMs }, held);
      await this.#tellDrained(plan, held);
      await this.#forgetDeadPods(plan, held);
      await this.#heartbeat(inputs.heads.redisNowMs, input.nowMs);
      this.#heardAtMs = clock.monotonicMs();
    } finally {
      // A Redis that is full can still be read to see which sockets are live.
      this.#updateView(input, plan, clock.monotonicMs());
    }
    this.#sealer.keepOnly(desired.bots);
    if (counts.podWrites === 0 && isAtRest(input, plan, this.#memory.pods)) {
      this.#idleRounds.begin(inputs, input.nowMs);
    }
    return counts;
  }

  #inputs(heads: Heads): RoundInputs {
    const { desired, fleetKeys, connectorSet, clock } = this.#options;
    return {
      desired: desired(),
      heads,
      presence: this.#memory.presence(clock.monotonicMs()),
      fleetKeys: fleetKeys(),
      connectorSet: connectorSet?.(),
    };
  }

  async #read(to: 'plan' | 'watch'): Promise<Heads> {
    const { redis, keys, cluster, owner, clock, log } = this.#options;
    const read = await readHeads(redis, keys, this.#memory.pods.keys());
    const nowMs = clock.monotonicMs();
    // A process that was suspended for that long has seen nothing meanwhile.
    if (nowMs - this.#heardAtMs > this.#times.lockTtlMs) this.#memory.interrupted();
    this.#heardAtMs = nowMs;
    const heads = to === 'watch' ? this.#memory.dropForgottenPods(read) : read;
    if (heads.owner !== undefined) checkScopeOwner(cluster, heads.owner, owner);
    else if (to === 'plan') await claimScope(redis, keys, { cluster, owner, takeOver: false });
    const reading = new Map([...heads.pods].map(([pod, head]) => [pod, readsNeeded(this.#memory.pods.get(pod), head)]));
    const bodies = await readBodies(redis, keys, reading);
    await this.#refusals.read(heads.refused, heads.owner !== undefined);
    this.#heardAtMs = clock.monotonicMs();
    const lost = this.#memory.read(heads, bodies, nowMs, to === 'plan');
    if (lost && to === 'plan') {
      log.warn('Redis lost the state of the fleet, restoring it from memory');
      this.#forgetMarks();
    }
    return heads;
  }

  #observe({ desired, heads, fleetKeys, connectorSet }: RoundInputs): PlanInput {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [ownerUid, atMs] of this.#lastMoveMs) {
      if (nowMs - atMs > MOVES_KEPT_MS) this.#lastMoveMs.delete(ownerUid);
    }
    const strangers = [...this.#memory.pods].filter(
      ([, { session }]) => session !== undefined && !sharesKey(session, fleetKeys),
    );
    this.#keyFaults = strangers.map(
      ([pod]) =>
        `pod ${pod} shares no fleet key with the operator and gets no sockets: give it the same RELAX_FLEET_KEY_FILE`,
    );
    const sets = new Map([...desired.bots].map(([ownerUid, { set }]) => [ownerUid, set]));
    const { synced, unlisted, stopped, kept } = desired;
    const lastMoveMs = this.#lastMoveMs;
    const fleet = { synced, unlisted, stopped, kept, sets, fleetKeys, lastMoveMs, connectorSet };
    return observe(this.#memory, fleet, nowMs, heads.redisNowMs);
  }

  async #write(
    plan: Plan,
    input: PlanInput,
    { desired, fleetKeys }: RoundInputs,
    held: () => string,
    counts: RoundCounts,
  ): Promise<void> {
    if (plan.writes.length === 0 && sessionsOf(this.#memory.pods).length === 0) return;
    const key = sealingKeyFor(this.#memory.pods, fleetKeys);
    const resealing = { keys: fleetKeys, target: key, bots: desired.bots };
    const writes = input.settled ? withReseals(plan.writes, this.#memory.pods, resealing) : plan.writes;
    const sealing = { bots: desired.bots, key, wallMs: this.#options.clock.wallMs() };
    for (const write of writes) {
      const memory = this.#memory.pods.get(write.pod);
      if (memory === undefined) continue;
      const slots = input.assignments.get(write.pod) ?? new Map();
      const sealed = sealWrite(write, slots, memory.lost, this.#sealer, sealing);
      if (sealed === undefined) continue;
      // Until Redis has answered, what it holds is unknown.
      this.#memory.doubt(write.pod);
      const version = await this.#writer.assign(held(), sealed, memory);
      if (version === undefined) {
        counts.again = true;
        continue;
      }
      this.#heardAtMs = this.#options.clock.monotonicMs();
      this.#memory.wrote(write.pod, version, sealed.after);
      counts.podWrites += 1;
      counts.slotsWritten += sealed.set.size;
    }
  }

  async #tellDrained(plan: Plan, held: () => string): Promise<void> {
    for (const pod of plan.drainedPods) {
      const incarnation = this.#memory.pods.get(pod)?.session?.incarnation;
      if (incarnation === undefined || this.#drained.get(pod) === incarnation) continue;
      await this.#writer.drained(held(), pod, incarnation);
      this.#drained.set(pod, incarnation);
    }
  }

  async #forgetDeadPods(plan: Plan, held: () => string): Promise<void> {
    for (const pod of plan.deadPods) {
      const memory = this.#memory.pods.get(pod);
      if (memory === undefined || !isEmpty(memory)) continue;
      if (!(await this.#writer.forgetPod(held(), pod))) continue;
      this.#memory.forget(pod);
      this.#drained.delete(pod);
    }
  }

  async #heartbeat(redisNowMs: number, nowMs: number): Promise<void> {
    if (nowMs - this.#heartbeatAtMs < HEARTBEAT_MS) return;
    await this.#options.redis.hset(CLUSTERS_KEY, { [this.#options.cluster]: redisNowMs });
    this.#heartbeatAtMs = nowMs;
  }

  #updateView(input: PlanInput, plan: Plan, nowMs: number): void {
    const { pods } = this.#memory;
    const assignments = new Map(
      [...pods].map(([name, pod]) => [name, pod.lost ? (input.assignments.get(name) ?? pod.slots) : pod.slots]),
    );
    const previous = this.#view;
    const { pending, deadPods } = plan;
    const closedPods = input.pods.filter((pod) => !pod.takesSlots || !pod.returns).map(({ name }) => name);
    const leavingPods = input.pods.filter(({ returns }) => !returns).map(({ name }) => name);
    const { settled } = input;
    const viewInput = { nowMs, settled, pods, assignments, pending, deadPods, closedPods, leavingPods };
    this.#view = { ...makeView(viewInput, previous), routed: this.#routes.owners(), refused: this.#refusals.records() };
    const changed = changedOwners(previous, this.#view);
    if (changed.size > 0 || !sameFleet(previous, this.#view)) this.#options.onView(changed, this.#view);
  }

  #forgetMarks(): void {
    this.#fences.forgetRead();
    this.#routes.forgetRead();
    this.#drained.clear();
    this.#heartbeatAtMs = Number.NEGATIVE_INFINITY;
  }
}

const isEmpty = ({ slots, lost }: PodMemory): boolean => slots.size === 0 && !lost;
