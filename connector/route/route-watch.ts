import type { Clock } from '../../core/process/clock.ts';
import type { Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { sleep, systemTimers } from '../../core/process/timers.ts';
import { parseSlotID, type Slots } from '../../core/protocol/assignment.ts';
import type { ClusterKeys } from '../../core/protocol/keys.ts';
import { ROUTE_VERSION_FIELD } from '../../core/protocol/route.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { Redis, RedisSubscriber, Unsubscribe } from '../../core/redis/redis.ts';
import type { KnownRoutes, RouteTable } from './route-table.ts';
import { type HeldRoutes, TableRead } from './table-read.ts';

export interface RouteWatchOptions {
  redis: Redis;
  /** Subscribed to the pod's nudges. */
  subscriber: Pick<RedisSubscriber, 'onMessage'>;
  keys: Pick<ClusterKeys, 'route'>;
  /** Owner uids of the apps whose slots this pod holds: `appsOf`. */
  apps(): ReadonlySet<string>;
  /** A table was read, or the apps whose tables are held have changed. */
  onTables?(): void;
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
/** Entries per page: about a millisecond for Redis, and some for decoding them. */
const PAGE = 500;
/** A socket that is being closed still brings events for a moment, which belong to the same bots as before. */
const FORGET_MS = 60_000;

/**
 * Holds the route tables of the apps whose sockets this pod runs. Usually a look costs one field per app, its version; when that
 * differs, in whatever direction, the whole table is read, in pages. In one piece (HGETALL), a table of 10,000 teams would hold
 * up Redis for everyone and this process's sockets for a tenth of a second. Version and size, compared at the end, tell whether
 * the pages make up one table.
 */
export class RouteWatch implements RouteTable {
  readonly #options: RouteWatchOptions;
  readonly #task: PeriodicTask;
  readonly #held = new Map<string, HeldRoutes>();
  /** App -> monotonic time when this pod last held a slot of it. */
  readonly #wantedAtMs = new Map<string, number>();
  /** App -> resolves when Redis has been asked for its table. */
  readonly #asked = new Map<string, PromiseWithResolvers<void>>();
  #apps: ReadonlySet<string> = new Set();
  #listening: readonly Unsubscribe[] = [];

  constructor(options: RouteWatchOptions) {
    this.#options = options;
    this.#task = new PeriodicTask('route tables', () => this.#look(), options.log);
  }

  routesOf(appUid: string): KnownRoutes | undefined {
    return this.#held.get(appUid)?.routes;
  }

  /** The tables of the apps whose slots this pod holds, as far as they are known. */
  tables(): KnownRoutes[] {
    return [...this.#options.apps()].flatMap((app) => this.#held.get(app)?.routes ?? []);
  }

  async whenRead(appUid: string, withinMs: number): Promise<void> {
    const waiting = new AbortController();
    await Promise.race([this.#askedFor(appUid).promise, sleep(systemTimers, withinMs, waiting.signal)]);
    waiting.abort();
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
    const isSame = apps.size === this.#apps.size && [...apps].every((app) => this.#apps.has(app));
    this.#apps = new Set(apps);
    if (!isSame) this.#options.onTables?.();
    const results = await Promise.all([...apps].map((app) => this.#lookAt(app)));
    if (results.includes('again')) return RETRY_MS;
    return READ_MS.least + Math.random() * (READ_MS.most - READ_MS.least);
  }

  #forget(apps: ReadonlySet<string>): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const app of apps) this.#wantedAtMs.set(app, nowMs);
    for (const [app, wantedAtMs] of this.#wantedAtMs) {
      if (nowMs - wantedAtMs < FORGET_MS) continue;
      this.#wantedAtMs.delete(app);
      this.#held.delete(app);
      this.#asked.delete(app);
    }
  }

  #askedFor(app: string): PromiseWithResolvers<void> {
    const asked = this.#asked.get(app) ?? Promise.withResolvers<void>();
    this.#asked.set(app, asked);
    return asked;
  }

  async #lookAt(app: string): Promise<'known' | 'again'> {
    const result = await this.#read(app);
    if (result === 'known') this.#askedFor(app).resolve();
    return result;
  }

  /** An app whose table can't be read keeps the last one, and holds up no other. */
  async #read(app: string): Promise<'known' | 'again'> {
    const { redis, keys, limitedLog } = this.#options;
    const key = keys.route(app);
    try {
      const version = await redis.hget(key, ROUTE_VERSION_FIELD);
      // Without a version nothing is known: Redis has lost the table, or it is not written yet.
      if (version === null || version === this.#held.get(app)?.version) return 'known';
      return await this.#readTable(app, new TableRead(version, this.#held.get(app)));
    } catch (error) {
      const fields = { key, error: redisErrorText(error) };
      limitedLog.warn('routes', fields, 'could not read a route table, going by the last one');
      return 'again';
    }
  }

  async #readTable(app: string, read: TableRead): Promise<'known' | 'again'> {
    const { redis, keys, log } = this.#options;
    const key = keys.route(app);
    let cursor = '0';
    do {
      const [next, page] = await redis.hscan(key, cursor, 'COUNT', PAGE);
      read.add(page);
      cursor = next;
    } while (cursor !== '0');
    const [version, fields] = await redis.batch([
      ['hget', key, ROUTE_VERSION_FIELD],
      ['hlen', key],
    ]);
    const held = read.end(version, fields);
    if (held === undefined) return 'again';
    this.#held.set(app, held);
    this.#options.onTables?.();
    log.debug({ key, version, teams: held.routes.size }, 'route table read');
    this.#tellUnreadable(key, read.unreadable);
    return 'known';
  }

  #tellUnreadable(key: string, teams: ReadonlySet<string>): void {
    const [example] = teams;
    if (example === undefined) return;
    const line = { key, teams: teams.size, example };
    this.#options.limitedLog.error(
      'unreadable routes',
      line,
      'routes in a format that this version of Relax does not know; their teams keep the route that they had',
    );
  }
}
