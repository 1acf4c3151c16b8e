import { namespaceOf } from '../../core/api/object-name.ts';
import { type BotSummary, botSummarySchema } from '../../core/protocol/bot-summary.ts';
import type { Redis } from '../../core/redis/redis.ts';

const FIELDS_AT_ONCE = 500;

/**
 * The hash `keys.bots`, which `relax status` reads. Writes what differs from what it wrote last, and everything after
 * `forgetWritten`.
 */
export class BotSummaries {
  readonly #redis: Redis;
  readonly #key: string;
  /** Owner uid -> JSON; undefined while what Redis holds is unknown. */
  #written: Map<string, string> | undefined;

  constructor(redis: Redis, key: string) {
    this.#redis = redis;
    this.#key = key;
  }

  /** As they are in Redis, whoever wrote them; what can't be read is left out. */
  async read(): Promise<Map<string, BotSummary>> {
    const lines = new Map<string, BotSummary>();
    for (const [ownerUid, json] of Object.entries(await this.#redis.hgetall(this.#key))) {
      const line = parsed(json);
      if (line !== undefined) lines.set(ownerUid, line);
    }
    return lines;
  }

  /**
   * @param summaries owner uid -> summary, of all bots
   * @param unlisted namespaces of which not all bots are known: lines of bots there stay
   * @throws when Redis does not answer; call again with all
   */
  async put(summaries: ReadonlyMap<string, BotSummary>, unlisted: ReadonlySet<string> = new Set()): Promise<void> {
    const written = this.#written ?? new Map(Object.entries(await this.#redis.hgetall(this.#key)));
    this.#written = undefined;
    const set: string[] = [];
    for (const [ownerUid, summary] of summaries) {
      const json = JSON.stringify(summary);
      if (written.get(ownerUid) === json) continue;
      written.set(ownerUid, json);
      set.push(ownerUid, json);
    }
    const gone = [...written.keys()].filter(
      (ownerUid) => !summaries.has(ownerUid) && !isIn(unlisted, written.get(ownerUid)),
    );
    for (const ownerUid of gone) written.delete(ownerUid);
    for (let at = 0; at < set.length; at += 2 * FIELDS_AT_ONCE) {
      await this.#redis.hset(this.#key, ...set.slice(at, at + 2 * FIELDS_AT_ONCE));
    }
    for (let at = 0; at < gone.length; at += FIELDS_AT_ONCE) {
      await this.#redis.hdel(this.#key, ...gone.slice(at, at + FIELDS_AT_ONCE));
    }
    this.#written = written;
  }

  /** Redis may have lost them: the next `put` looks what is there. */
  forgetWritten(): void {
    this.#written = undefined;
  }
}

function isIn(namespaces: ReadonlySet<string>, json: string | undefined): boolean {
  const line = namespaces.size === 0 || json === undefined ? undefined : parsed(json);
  return line !== undefined && namespaces.has(namespaceOf(line.bot));
}

function parsed(json: string): BotSummary | undefined {
  try {
    return botSummarySchema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}
