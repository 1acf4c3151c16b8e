/** What connectors have learned of refused tokens (ADR 0021): read when it changes, removed when it no longer applies. */

import { randomUUID } from 'node:crypto';
import type { ClusterKeys } from '../../core/protocol/keys.ts';
import {
  ANSWER_STANDS_MS,
  decodeRefusedToken,
  isFinalRefusal,
  REFUSED_VERSION_FIELD,
  type RefusedToken,
} from '../../core/protocol/refused-token.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import type { Desired } from './desired.ts';
import { LockLostError } from './writer.ts';

const FORGET = loadScript(new URL('./forget-refused.lua', import.meta.url));

/** A record that has applied to nothing for this long is removed: by then its owner has been judged by it, if there is one. */
const UNUSED_MS = 300_000;
/** Records in one call. */
const CHUNK = 500;

interface Held {
  /** As Redis has it. */
  json: string;
  /** Undefined: in a format of another version, which may be able to read it. */
  record: RefusedToken | undefined;
  /** Monotonic; undefined: it applies, or is new. */
  unusedSinceMs: number | undefined;
}

interface Times {
  /** Monotonic. */
  nowMs: number;
  redisNowMs: number;
}

/** The records that count no longer: what is not final stands for a while only, and what applies to nothing is of no use. Pure. */
export function spentRecords(
  held: ReadonlyMap<string, Held>,
  desired: Pick<Desired, 'synced' | 'unlisted' | 'kept' | 'refused'>,
  { nowMs, redisNowMs }: Times,
): { since: ReadonlyMap<string, number>; remove: readonly string[] } {
  const { since, remove } = unusedRecords(held, desired, nowMs);
  const isOver = (record: RefusedToken | undefined): boolean =>
    record !== undefined && !isFinalRefusal(record.error) && redisNowMs - record.atMs >= ANSWER_STANDS_MS;
  const over = [...held].filter(([, { record }]) => isOver(record)).map(([uid]) => uid);
  return { since, remove: [...new Set([...over, ...remove])] };
}

/** Those that apply to nothing, and since when each does. */
function unusedRecords(
  held: ReadonlyMap<string, Held>,
  { synced, unlisted, kept, refused }: Pick<Desired, 'synced' | 'unlisted' | 'kept' | 'refused'>,
  nowMs: number,
): { since: ReadonlyMap<string, number>; remove: readonly string[] } {
  const since = new Map<string, number>();
  // An owner that is not known (yet) may be one that a record applies to.
  if (!synced || unlisted.size > 0) return { since, remove: [] };
  for (const [uid, { record, unusedSinceMs }] of held) {
    if (record !== undefined && refused?.has(uid) !== true && !kept.has(uid)) since.set(uid, unusedSinceMs ?? nowMs);
  }
  return { since, remove: [...since].filter(([, sinceMs]) => nowMs - sinceMs >= UNUSED_MS).map(([uid]) => uid) };
}

export class RefusalKeeper {
  readonly #redis: Redis;
  readonly #keys: Pick<ClusterKeys, 'planner' | 'refused'>;
  #held: ReadonlyMap<string, Held> = new Map();
  #records: ReadonlyMap<string, RefusedToken> = new Map();
  /** `Heads.refused` of what is held. */
  #version: string | undefined;
  /** Redis has lost what is held. */
  #isLost = false;

  constructor(redis: Redis, keys: Pick<ClusterKeys, 'planner' | 'refused'>) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Owner uid -> record. The same map, with the same records, as long as nothing changes. */
  records(): ReadonlyMap<string, RefusedToken> {
    return this.#records;
  }

  /**
   * @param version `Heads.refused`  @param isWhole Redis has not lost anything
   * @throws when Redis does not answer
   */
  async read(version: string | undefined, isWhole: boolean): Promise<void> {
    if (!isWhole) this.#isLost = this.#held.size > 0;
    if (version === this.#version || (version === undefined && this.#isLost)) return;
    const stored = version === undefined ? {} : await this.#redis.hgetall(this.#keys.refused);
    const { [REFUSED_VERSION_FIELD]: _version, ...fields } = stored;
    const lost = this.#isLost ? [...this.#held] : [];
    const read = Object.entries(fields).map(([uid, json]): [string, Held] => {
      const before = this.#held.get(uid);
      const isSame = before?.json === json;
      return [uid, isSame ? before : { json, record: decodeRefusedToken(json), unusedSinceMs: undefined }];
    });
    this.#put(new Map([...lost, ...read]));
    this.#version = version;
  }

  /**
   * Removes what counts no longer, and writes again what applies and Redis has lost.
   * @param lockValue asked before each write
   * @throws LockLostError, or what Redis answered
   */
  async keep(desired: Desired, times: Times, lockValue: () => string): Promise<void> {
    if (this.#isLost) await this.#restore(lockValue);
    const { since, remove } = spentRecords(this.#held, desired, times);
    const isSame = [...this.#held].every(([uid, { unusedSinceMs }]) => since.get(uid) === unusedSinceMs);
    if (!isSame) {
      this.#held = new Map([...this.#held].map(([uid, held]) => [uid, { ...held, unusedSinceMs: since.get(uid) }]));
    }
    for (let at = 0; at < remove.length; at += CHUNK) await this.#forget(remove.slice(at, at + CHUNK), lockValue());
  }

  async #restore(lockValue: () => string): Promise<void> {
    lockValue();
    const records = Object.fromEntries([...this.#held].map(([uid, { json }]) => [uid, json]));
    // Read again in the next round, together with what connectors have written meanwhile.
    if (this.#held.size > 0) {
      await this.#redis.hset(this.#keys.refused, { ...records, [REFUSED_VERSION_FIELD]: randomUUID() });
    }
    this.#isLost = false;
  }

  async #forget(uids: readonly string[], lockValue: string): Promise<void> {
    const pairs = uids.flatMap((uid) => [uid, this.#held.get(uid)?.json ?? '']);
    const { planner, refused } = this.#keys;
    const reply = await runScript(this.#redis, FORGET, [planner, refused], [lockValue, randomUUID(), ...pairs]);
    if (reply === -1) throw new LockLostError();
  }

  #put(held: ReadonlyMap<string, Held>): void {
    const isSame =
      held.size === this.#held.size && [...held].every(([uid, { json }]) => this.#held.get(uid)?.json === json);
    this.#held = held;
    if (isSame) return;
    this.#records = new Map(
      [...held].flatMap(([uid, { record }]) => (record === undefined ? [] : [[uid, record] as const])),
    );
  }
}
