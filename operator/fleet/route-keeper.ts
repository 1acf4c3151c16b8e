/** Keeps the route tables in Redis as `planRoutes` wants them. */

import { errorText } from '../../core/process/log.ts';
import { parseSlotID } from '../../core/protocol/assignment.ts';
import type { ClusterKeys } from '../../core/protocol/keys.ts';
import { ROUTE_VERSION_FIELD } from '../../core/protocol/route.ts';
import type { FleetKey } from '../../core/protocol/seal.ts';
import type { Redis } from '../../core/redis/redis.ts';
import type { PlanInput } from '../plan/types.ts';
import type { Desired } from './desired.ts';
import { heldOwners } from './fences.ts';
import { ownersIn, planRoutes, type RouteTable } from './route-plan.ts';
import { RouteSeals } from './route-seals.ts';
import { parseIndexEntry, RouteWriter } from './route-writer.ts';

/** Tables may be changed by others: a planner that was suspended, a person. */
const READ_AGAIN_MS = 30_000;
/** A process that only observes follows the changes of another no faster: a table may be long. */
const OBSERVE_MS = 10_000;

/** App uid -> version and name of its table (`Heads.routes`). */
type Index = ReadonlyMap<string, string>;

export class RouteKeeper {
  readonly #redis: Redis;
  readonly #keys: ClusterKeys;
  readonly #writer: RouteWriter;
  readonly #seals: RouteSeals;
  /** App uid -> table. Kept when Redis loses it: it is what is written back. */
  #tables = new Map<string, RouteTable>();
  #owners: ReadonlySet<string> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;

  /** @param cluster scope */
  constructor(redis: Redis, keys: ClusterKeys, cluster: string) {
    this.#redis = redis;
    this.#keys = keys;
    this.#writer = new RouteWriter(redis, keys);
    this.#seals = new RouteSeals(cluster);
  }

  /** Owner uids of the bots that the tables have; undefined: not read yet. The same set as long as it has the same members. */
  owners(): ReadonlySet<string> | undefined {
    return this.#owners;
  }

  /** Redis may have lost tables, or another planner may have changed them. */
  forgetRead(): void {
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * For a process that does not write.
   * @param isWhole Redis has not lost anything: an app that the index lacks has no table any more
   * @throws when Redis does not answer
   */
  async observe(index: Index, isWhole: boolean, nowMs: number): Promise<void> {
    if (this.#owners !== undefined && nowMs - this.#readAtMs < OBSERVE_MS) return;
    await this.#read(index);
    if (isWhole) for (const appUid of this.#tables.keys()) if (!index.has(appUid)) this.#tables.delete(appUid);
    this.#readAtMs = nowMs;
    this.#settle();
  }

  /**
   * To be awaited before assignments are written, so that the first event of a new socket finds its route.
   * @param lockValue asked before each write  @param sealingKey to seal bot tokens with
   * @returns `again`: Redis held something else than expected somewhere
   * @throws LockLostError, or what Redis answered
   */
  async keep(
    desired: Desired,
    input: PlanInput,
    index: Index,
    lockValue: () => string,
    sealingKey: () => FleetKey,
  ): Promise<'kept' | 'again'> {
    const { nowMs } = input;
    const isDue = nowMs - this.#readAtMs >= READ_AGAIN_MS;
    await this.#read(index, isDue);
    if (isDue) this.#readAtMs = nowMs;
    const rowOf = (appUid: string, teamID: string): string | undefined => this.#tables.get(appUid)?.rows.get(teamID);
    const routed = this.#seals.complete(desired.routed, rowOf, sealingKey);
    const plan = planRoutes(this.#tables, { ...desired, routed }, heldOwners(input));
    let outcome: 'kept' | 'again' = 'kept';
    for (const write of plan.writes) {
      const { appUid, app, rows, version } = write;
      const expected = this.#tables.get(appUid)?.version ?? '';
      // Until Redis has answered, what it holds is unknown.
      this.#tables.set(appUid, { app, rows: this.#tables.get(appUid)?.rows ?? new Map(), version: '' });
      if (await this.#writer.write(lockValue, write, expected, podsOf(appUid, input))) {
        this.#tables.set(appUid, { app, rows, version });
      } else outcome = 'again';
    }
    for (const appUid of plan.drop) {
      await this.#writer.drop(lockValue, appUid, podsOf(appUid, input));
      this.#tables.delete(appUid);
    }
    this.#settle();
    return outcome;
  }

  /** Reads the tables whose version is not the one that we know. @param all looks at every table, not only at the index */
  async #read(index: Index, all = true): Promise<void> {
    for (const [appUid, table] of this.#tables) {
      if (!index.has(appUid)) this.#tables.set(appUid, { ...table, version: '' });
    }
    for (const [appUid, entry] of index) {
      const { version, app } = parseIndexEntry(entry);
      const known = this.#tables.get(appUid);
      try {
        if (known?.version === version && !(all && (await this.#hasChanged(appUid, known)))) continue;
        await this.#readTable(appUid, app);
      } catch (error) {
        if (!isOtherType(error)) throw error;
        this.#tables.set(appUid, { app, version: '', rows: known?.rows ?? new Map() });
      }
    }
  }

  async #hasChanged(appUid: string, { version, rows }: RouteTable): Promise<boolean> {
    const key = this.#keys.route(appUid);
    const [stored, fields] = await this.#redis.batch([
      ['hget', key, ROUTE_VERSION_FIELD],
      ['hlen', key],
    ]);
    return stored !== version || fields !== rows.size + 1;
  }

  async #readTable(appUid: string, app: string): Promise<void> {
    const { [ROUTE_VERSION_FIELD]: version, ...rows } = await this.#redis.hgetall(this.#keys.route(appUid));
    const known = this.#tables.get(appUid);
    if (version === undefined && known !== undefined) this.#tables.set(appUid, { ...known, app, version: '' });
    else this.#tables.set(appUid, { app, version: version ?? '', rows: new Map(Object.entries(rows)) });
  }

  #settle(): void {
    const owners = ownersIn(this.#tables.values());
    const before = this.#owners;
    const isSame = before?.size === owners.size && [...owners].every((uid) => before.has(uid));
    if (!isSame) this.#owners = owners;
  }
}

/** Somebody has put something else in the place of a table: it is as good as lost, and written whole. */
const isOtherType = (error: unknown): boolean => errorText(error).startsWith('WRONGTYPE');

function podsOf(appUid: string, { assignments }: PlanInput): string[] {
  const holds = (slots: ReadonlyMap<string, unknown>): boolean =>
    [...slots.keys()].some((id) => parseSlotID(id).ownerUid === appUid);
  return [...assignments].filter(([, slots]) => holds(slots)).map(([pod]) => pod);
}
