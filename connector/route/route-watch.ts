import type { Clock } from '../../core/process/clock.ts';
import type { Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { parseSlotID, type Slots } from '../../core/protocol/assignment.ts';
import type { ClusterKeys } from '../../core/protocol/keys.ts';
import { ROUTE_VERSION_FIELD } from '../../core/protocol/route.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { Redis, RedisSubscriber, Unsubscribe } from '../../core/redis/redis.ts';
import { type HeldRoutes, isNews, routesAfterRead } from './held-routes.ts';
import type { KnownRoutes, RouteTable } from './route-table.ts';

export interface RouteWatchOptions {
  redis: Redis;
  /** Subscribed to the pod's nudges. */
  subscriber: Pick<RedisSubscriber, 'onMessage'>;
  keys: Pick<ClusterKeys, 'route'>;
  /** Owner uids of the apps whose slots this pod holds: `appsOf`. */
  apps(): ReadonlySet<string>;
  clock: Clock;
  log: Log;
  limitedLog: Pick<RateLimitedLog, 'warn' | 'error'>;
}

/** Owner uids of the apps among these slots. */
export function appsOf(slots: Slots): ReadonlySet<string> {
  const apps = new Set<string>();
  for (const [id, { kind }] of slots) if (kind === 'app') apps.add(parseSlotID(id).ownerUid);
  return apps;
}

/** Level-triggered: how often to read even without a nudge (design rule 9). */
const READ_MS = { least: 5_000, most: 10_000 };
const RETRY_MS = 1_000;
/** A socket that is being closed still brings events for a moment, which belong to the same bots as before. */
const FORGET_MS = 60_000;

/**
 * Holds the route tables of the apps whose sockets this pod runs. Usually a look costs one field per app, its version; when that
 * differs, in whatever direction, the whole table is read. HGETALL rather than HSCAN: version and entries are of one moment, so
 * no entry can be missed or missing, and a table of 10,000 teams takes Redis some milliseconds.
 */
export class RouteWatch implements RouteTable {
  readonly #options: RouteWatchOptions;
  readonly #task: PeriodicTask;
  readonly #held = new Map<string, HeldRoutes>();
  /** App -> monotonic time when this pod last held a slot of it. */
  readonly #wantedAtMs = new Map<string, number>();
  #listening: readonly Unsubscribe[] = [];

  constructor(options: RouteWatchOptions) {
    this.#options = options;
    this.#task = new PeriodicTask('route tables', () => this.#look(), options.log);
  }

  routesOf(appUid: string): KnownRoutes | undefined {
    return this.#held.get(appUid)?.routes;
  }

  start(): void {
    const { redis, subscriber } = this.#options;
    this.#listening = [subscriber.onMessage(() => this.lookSoon()), redis.onReady(() => this.lookSoon())];
    this.lookSoon();
  }

  /** There may be another app, or a table may have changed. */
  lookSoon(): void {
    this.#task.soon(0);
  }

  async stop(): Promise<void> {
    for (const end of this.#listening) end();
    await this.#task.stop();
  }

  async #look(): Promise<number> {
    const apps = this.#options.apps();
    this.#forget(apps);
    const results = await Promise.all([...apps].map((app) => this.#read(app)));
    if (results.includes('failed')) return RETRY_MS;
    return READ_MS.least + Math.random() * (READ_MS.most - READ_MS.least);
  }

  #forget(apps: ReadonlySet<string>): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const app of apps) this.#wantedAtMs.set(app, nowMs);
    for (const [app, wantedAtMs] of this.#wantedAtMs) {
      if (nowMs - wantedAtMs < FORGET_MS) continue;
      this.#wantedAtMs.delete(app);
      this.#held.delete(app);
    }
  }

  /** An app whose table can't be read keeps the last one, and holds up no other. */
  async #read(app: string): Promise<'read' | 'failed'> {
    const { redis, keys, limitedLog } = this.#options;
    const key = keys.route(app);
    try {
      if (isNews(this.#held.get(app), await redis.hget(key, ROUTE_VERSION_FIELD))) {
        this.#take(app, await redis.hgetall(key));
      }
      return 'read';
    } catch (error) {
      const fields = { key, error: redisErrorText(error) };
      limitedLog.warn('routes', fields, 'could not read a route table, going by the last one');
      return 'failed';
    }
  }

  #take(app: string, fields: Readonly<Record<string, string>>): void {
    const { keys, log, limitedLog } = this.#options;
    const { held, unreadable } = routesAfterRead(this.#held.get(app), fields);
    if (held === undefined) return;
    this.#held.set(app, held);
    log.debug({ key: keys.route(app), version: held.version, teams: held.routes.size }, 'route table read');
    if (unreadable.length === 0) return;
    const [example] = unreadable;
    const line = { key: keys.route(app), teams: unreadable.length, example };
    limitedLog.error('unreadable routes', line, 'routes in a format that this version of Relax does not know');
  }
}
