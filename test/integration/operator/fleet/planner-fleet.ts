import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '#core/process/clock.ts';
import { decodeSlot, type Slot, type SlotID } from '#core/protocol/assignment.ts';
import { clusterKeys, queueKeys } from '#core/protocol/keys.ts';
import type { SlotReport } from '#core/protocol/report.ts';
import { newFleetKey, parseFleetKeys } from '#core/protocol/seal.ts';
import type { Session } from '#core/protocol/session.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { redisTimeMs } from '#core/redis/redis-clock.ts';
import type { Desired, DesiredBot, RoutedBot, StoppedBot } from '#operator/fleet/desired.ts';
import type { FleetView } from '#operator/fleet/fleet-view.ts';
import { Planner } from '#operator/fleet/planner.ts';
import type { PlannerOptions } from '#operator/fleet/planner-options.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { silentLog } from '#test/support/silent-log.ts';

export const CLUSTER = 'test';
export const keys = clusterKeys(CLUSTER);
export const queue = queueKeys('relax:events');
export const fleetKeys = parseFleetKeys(newFleetKey());

/** Real time plus what the test adds. */
export class TestClock implements Clock {
  #addedMs = 0;
  wallMs(): number {
    return systemClock.wallMs();
  }
  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#addedMs;
  }
  advance(ms: number): void {
    this.#addedMs += ms;
  }
}

/** What a test wants of the planner; change it, then `nudge`. As a real one, it makes new maps with each change. */
export class Wanted implements Desired {
  synced = true;
  unlisted = new Set<string>();
  bots = new Map<string, DesiredBot>();
  stopped = new Map<string, StoppedBot>();
  routed = new Map<string, RoutedBot>();
  kept = new Set<string>();
  refused = new Set<string>();

  add(ownerUid: string, change: { replicas?: number; generation?: number; token?: string } = {}): void {
    const { replicas = 2, generation = 1, token = `xoxb-${ownerUid}-secret` } = change;
    this.remove(ownerUid);
    this.bots = new Map(this.bots).set(ownerUid, {
      token,
      set: {
        ownerUid,
        bot: `bots/${ownerUid}`,
        kind: 'rtm',
        teamID: `T${ownerUid.toUpperCase()}`,
        replicas,
        generation,
        queueNamespace: '',
        events: { include: [], exclude: [], own: false },
        tokenDigest: tokenDigest(token),
      },
    });
  }

  /** The bot of the nth generated team of the simulator, under the uid that `ConnectorFleet.slots` gives it. */
  addGenerated(n: number): void {
    const { teamID, token } = generatedTeam(n);
    this.add(`uid-${n}`, { token });
    const bot = this.bots.get(`uid-${n}`);
    if (bot !== undefined) bot.set = { ...bot.set, kind: 'rtm', teamID };
  }

  stop(ownerUid: string, why: StoppedBot['why'], generation: number): void {
    this.remove(ownerUid);
    this.stopped = new Map(this.stopped).set(ownerUid, { why, generation });
  }

  remove(ownerUid: string): void {
    this.bots = new Map([...this.bots].filter(([uid]) => uid !== ownerUid));
    this.stopped = new Map([...this.stopped].filter(([uid]) => uid !== ownerUid));
  }
}

/** No whole round comes to the rescue: whatever a planner must do in time it does by itself. */
const WAKEFUL = { wholeRoundMs: Number.POSITIVE_INFINITY };

export interface TestPlanner {
  planner: Planner;
  clock: TestClock;
  views: { changed: ReadonlySet<string>; view: FleetView }[];
  stop(): Promise<void>;
}

export async function startPlanner(
  server: Pick<RedisServer, 'url'>,
  wanted: Desired,
  options: Partial<PlannerOptions> = {},
): Promise<TestPlanner> {
  const redis = await connectTo(server);
  const subscriber = await connectTo(server, { role: 'subscriber' });
  const clock = new TestClock();
  const views: TestPlanner['views'] = [];
  const planner = new Planner({
    redis,
    subscriber,
    keys,
    queueKeys: queue,
    cluster: CLUSTER,
    owner: 'tests',
    windowMs: 3_600_000,
    clock,
    log: silentLog,
    fleetKeys: () => fleetKeys,
    // A value, as `Desired` is: a round goes by what was wanted when it began.
    desired: () => ({ ...wanted }),
    onView: (changed, view) => void views.push({ changed, view }),
    ...options,
    times: {
      settleMs: 300,
      roundMs: 100,
      coalesceMs: 20,
      lockTtlMs: 600_000,
      lockExtendMs: 200,
      ...WAKEFUL,
      ...options.times,
    },
  });
  planner.start();
  const stop = async (): Promise<void> => {
    await planner.stop();
    redis.disconnect();
    subscriber.disconnect();
  };
  return { planner, clock, views, stop };
}

/** A connector without sockets: keeps the session, follows the assignments by the rules, reports what it is told to. */
export class FakeConnector {
  readonly pod: string;
  readonly incarnation = randomUUID();
  readonly #redis: TestRedis;
  readonly #zone: string;
  slots = new Map<SlotID, Slot>();
  version = 0;
  /** Slots that it ever closed. */
  readonly closed: SlotID[] = [];
  state: Session['state'] = 'up';
  drainingSinceMs = 0;
  keyIDs = fleetKeys.map(({ id }) => id);
  sessionTtlMs = 60_000;
  answer: (slot: Slot) => Partial<SlotReport> = () => ({ state: 'live' });
  #reportVersion = 0;
  #reported = '';
  #running = true;
  readonly #run: Promise<void>;

  constructor(redis: TestRedis, pod: string, zone = pod) {
    this.#redis = redis;
    this.pod = pod;
    this.#zone = zone;
    this.#run = this.#loop();
  }

  async drain(): Promise<void> {
    this.drainingSinceMs = await redisTimeMs(this.#redis);
    this.state = 'draining';
  }

  /** As by SIGKILL, and its lease has run out. */
  async die(): Promise<void> {
    await this.stop();
    await this.#redis.del(keys.session(this.pod));
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#run;
  }

  async #loop(): Promise<void> {
    while (this.#running) {
      await this.#tick().catch(() => {});
      await sleep(20);
    }
  }

  async #tick(): Promise<void> {
    const replies = await this.#redis.multi().get(keys.version(this.pod)).hgetall(keys.assign(this.pod)).exec();
    const [stored, hash] = (replies ?? []).map(([, reply]) => reply) as [string | null, Record<string, string>];
    const fresh = this.version === 0 && this.slots.size === 0;
    if (fresh || (stored !== null && Number(stored) > this.version)) this.#take(Number(stored ?? 0), hash);
    const reports = this.#reports();
    const exists = (await this.#redis.exists(keys.report(this.pod))) === 1;
    if (JSON.stringify(reports) !== this.#reported || (!exists && this.slots.size > 0)) {
      await this.#redis.del(keys.report(this.pod));
      if (this.slots.size > 0) await this.#redis.hset(keys.report(this.pod), reports);
      this.#reported = JSON.stringify(reports);
      this.#reportVersion += 1;
    }
    const { pod, incarnation, state, drainingSinceMs, version, keyIDs } = this;
    const session: Session = {
      pod,
      incarnation,
      zone: this.#zone,
      capacity: 5_000,
      state,
      drainingSinceMs,
      version,
      keyIDs,
      reportVersion: this.#reportVersion,
      faults: [],
      pid: 1,
      owner: '',
      machine: '',
      startTicks: '',
    };
    await this.#redis.set(keys.session(pod), JSON.stringify(session), 'PX', this.sessionTtlMs);
    await this.#redis.zadd(keys.pods, Date.now(), pod);
  }

  #take(version: number, hash: Record<string, string>): void {
    const slots = new Map<SlotID, Slot>();
    for (const [id, json] of Object.entries(hash)) {
      const slot = decodeSlot(json) ?? this.slots.get(id);
      if (slot !== undefined) slots.set(id, slot);
    }
    for (const id of this.slots.keys()) if (!slots.has(id)) this.closed.push(id);
    this.slots = slots;
    this.version = version;
  }

  #reports(): Record<string, string> {
    const reports: Record<string, string> = {};
    for (const [id, slot] of this.slots) {
      const { epoch, tokenDigest: digest } = slot;
      const report = { epoch, incarnation: this.incarnation, state: 'live', tokenDigest: digest, ...this.answer(slot) };
      reports[id] = JSON.stringify(report);
    }
    return reports;
  }
}

/** Owner uid -> pods that hold a slot of it, in order. */
export function homes(connectors: readonly FakeConnector[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { pod, slots } of connectors) {
    for (const id of slots.keys()) {
      const owner = id.slice(0, id.lastIndexOf('/'));
      found.set(owner, [...(found.get(owner) ?? []), pod].sort());
    }
  }
  return found;
}
