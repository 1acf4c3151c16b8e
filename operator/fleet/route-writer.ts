/** Writes route tables to Redis, fenced by the planner lock (design rule 7). */

import type { ClusterKeys } from '../../core/protocol/keys.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import type { TableWrite } from './route-plan.ts';
import { LockLostError } from './writer.ts';

const ROUTE = loadScript(new URL('./route.lua', import.meta.url));

/** Rows in one call: some 150 kB, a few milliseconds in which Redis does nothing else. */
const CHUNK_ROWS = 500;

type Step = 'change' | 'begin' | 'more' | 'swap' | 'drop';
interface Call {
  expected?: string;
  version?: string;
  entry?: string;
  pods?: readonly string[];
  remove?: readonly string[];
  set?: readonly (readonly [team: string, json: string])[];
}

export class RouteWriter {
  readonly #redis: Redis;
  readonly #keys: ClusterKeys;

  constructor(redis: Redis, keys: ClusterKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * @param expected version that Redis holds; empty: it holds none that counts, and the table is written whole
   * @param pods that hold slots of the app
   * @param lockValue asked before each call
   * @returns false when Redis holds another version: read again
   * @throws LockLostError; anything else means that the outcome is unknown
   */
  async write(
    lockValue: () => string,
    { appUid, app, version, set, remove, rows }: TableWrite,
    expected: string,
    pods: readonly string[],
  ): Promise<boolean> {
    const end = { version, entry: indexEntry(version, app), pods };
    if (expected !== '' && set.size + remove.length <= CHUNK_ROWS) {
      return this.#call(lockValue(), 'change', appUid, { ...end, expected, remove, set: [...set] });
    }
    const all = [...rows];
    await this.#call(lockValue(), 'begin', appUid, { set: all.slice(0, CHUNK_ROWS) });
    for (let at = CHUNK_ROWS; at < all.length; at += CHUNK_ROWS) {
      await this.#call(lockValue(), 'more', appUid, { set: all.slice(at, at + CHUNK_ROWS) });
    }
    return this.#call(lockValue(), 'swap', appUid, end);
  }

  /** @throws as `write` */
  async drop(lockValue: () => string, appUid: string, pods: readonly string[]): Promise<void> {
    await this.#call(lockValue(), 'drop', appUid, { pods });
  }

  async #call(lockValue: string, step: Step, appUid: string, call: Call): Promise<boolean> {
    const { planner, route, routes, nudge } = this.#keys;
    const { expected = '', version = '', entry = '', pods = [], remove = [], set = [] } = call;
    const keys = [planner, route(appUid), route(`${appUid}:next`), routes];
    const head = [lockValue, step, appUid, expected, version, entry];
    const args = [...head, pods.length, ...pods.map(nudge), remove.length, ...remove, ...set.flat()];
    const reply = await runScript(this.#redis, ROUTE, keys, args);
    if (reply === 'fenced') throw new LockLostError();
    return reply === 'ok';
  }
}

/** Version and name of an app, in the index of tables. */
const indexEntry = (version: string, app: string): string => `${version} ${app}`;

export function parseIndexEntry(entry: string): { version: string; app: string } {
  const cut = entry.indexOf(' ');
  return { version: entry.slice(0, Math.max(0, cut)), app: entry.slice(cut + 1) };
}
