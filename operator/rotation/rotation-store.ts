import { rotationKey, rotationRefusalKey } from '../../core/protocol/keys.ts';
import {
  decodeRefreshRefusal,
  decodeRotationRecord,
  type Lineage,
  type RefreshRefusal,
  type RotationRecord,
  SHOWN,
  shownField,
} from '../../core/protocol/rotation.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';

/** What Redis has of one rotating token. */
export interface StoredRotation {
  record: RotationRecord | undefined;
  /** The field as it is: a write is for this version only. '': none. */
  text: string;
  /** Field of a SlackBot -> digest of the refresh token that its Secret shows. */
  shown: ReadonlyMap<string, string>;
}

const STORE = loadScript(new URL('./store.lua', import.meta.url));
const SHOW = loadScript(new URL('./show.lua', import.meta.url));
const RELEASE = loadScript(new URL('./release.lua', import.meta.url));

/**
 * For a SlackBot that is created again from the same manifests, or whose Secret was broken for a while: its Secret then shows the
 * first pair of all, also if the one before it, which is gone, showed the newest.
 */
const ORPHAN_MS = 7 * 24 * 3_600_000;

/** The pairs of rotating tokens in Redis. Every method throws when Redis does not answer. */
export class RotationStore {
  readonly #redis: Redis;
  readonly #cluster: string;

  constructor(redis: Redis, cluster: string) {
    this.#redis = redis;
    this.#cluster = cluster;
  }

  async read({ teamID, clientDigest }: Lineage): Promise<StoredRotation> {
    const fields = await this.#redis.hgetall(rotationKey(teamID, clientDigest));
    const { pair: text = '' } = fields;
    const shown = Object.entries(fields).filter(([field]) => field.startsWith(SHOWN));
    return { record: decodeRotationRecord(text), text, shown: new Map(shown) };
  }

  /**
   * @param expected `text` of the version that this one replaces
   * @returns false: another version is there
   */
  async store(lineage: Lineage, expected: string, text: string): Promise<boolean> {
    return (await runScript(this.#redis, STORE, [keyOf(lineage)], [expected, text])) === 1;
  }

  /** Notes which refresh token the Secret of a SlackBot shows. */
  async show(lineage: Lineage, ownerUid: string, refreshDigest: string): Promise<void> {
    await runScript(this.#redis, SHOW, [keyOf(lineage)], [this.fieldOf(ownerUid), refreshDigest]);
  }

  async refusal({ teamID, clientDigest }: Lineage): Promise<RefreshRefusal | undefined> {
    return decodeRefreshRefusal((await this.#redis.get(rotationRefusalKey(teamID, clientDigest))) ?? '');
  }

  /** @param ttlMs until it may be asked again */
  async refuse({ teamID, clientDigest }: Lineage, refusal: RefreshRefusal, ttlMs: number): Promise<void> {
    await this.#redis.set(rotationRefusalKey(teamID, clientDigest), JSON.stringify(refusal), 'PX', ttlMs);
  }

  /** The SlackBot no longer uses it. Once none does, the pair is kept for a week. */
  async release(lineage: Lineage, ownerUid: string): Promise<void> {
    await runScript(this.#redis, RELEASE, [keyOf(lineage)], [this.fieldOf(ownerUid), SHOWN, ORPHAN_MS]);
  }

  fieldOf(ownerUid: string): string {
    return shownField(this.#cluster, ownerUid);
  }
}

const keyOf = ({ teamID, clientDigest }: Lineage): string => rotationKey(teamID, clientDigest);
