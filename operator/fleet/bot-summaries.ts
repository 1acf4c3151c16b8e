import { systemClock } from '../../core/process/clock.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import { type BotSummary, botSummarySchema } from '../../core/protocol/bot-summary.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { isListed } from '../plan/listed.ts';

interface BotSummariesOptions {
  redis: Redis;
  /** `keys.bots` */
  key: string;
  /** Only the process that plans writes them, once it knows all of them. */
  leads: () => boolean;
  /** Namespaces whose bots it does not all know: what another process wrote about bots there stays. */
  unlisted?: () => ReadonlySet<string>;
  log: Log;
  everyMs?: number;
  recheckMs?: number;
}

const EVERY_MS = 1_000;
/** A Redis that lost them has them again after this long. */
const RECHECK_MS = 60_000;
const FIELDS_AT_ONCE = 500;

/**
 * What `relax status` shows about each bot, kept up to date in one hash in Redis. It is compared with what was written last, so
 * that only differences are written. After another process has led, or when Redis has lost some, it is read again. It only
 * serves people, so failures are logged once and retried.
 */
export class BotSummaries {
  readonly #options: BotSummariesOptions;
  readonly #everyMs: number;
  readonly #task: PeriodicTask;
  /** By owner uid. */
  readonly #summaries = new Map<string, BotSummary>();
  #changed = false;
  /** Owner uid -> JSON; undefined while what Redis holds is unknown. */
  #written: Map<string, string> | undefined;
  #checkedAtMs: number;
  #failing = false;
  #led = false;

  constructor(options: BotSummariesOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? EVERY_MS;
    this.#checkedAtMs = systemClock.monotonicMs();
    this.#task = new PeriodicTask('summaries for relax status', () => this.#keep(), options.log);
  }

  /** @param summary undefined: the bot is gone */
  set(ownerUid: string, summary: BotSummary | undefined): void {
    if (summary === undefined) this.#summaries.delete(ownerUid);
    else this.#summaries.set(ownerUid, summary);
    this.#changed = true;
  }

  start(): void {
    this.#task.soon(this.#everyMs);
  }

  async stop(): Promise<void> {
    await this.#task.stop();
  }

  /** As they are in Redis, whoever wrote them; what can't be read is left out. @throws when Redis does not answer */
  async read(): Promise<Map<string, BotSummary>> {
    const summaries = new Map<string, BotSummary>();
    for (const [ownerUid, json] of await this.#stored()) {
      const summary = parsed(json);
      if (summary !== undefined) summaries.set(ownerUid, summary);
    }
    return summaries;
  }

  async #keep(): Promise<number> {
    const { leads, log } = this.#options;
    const led = this.#led;
    this.#led = leads();
    if (!this.#led) return this.#everyMs;
    // Another has written them meanwhile.
    if (!led) this.#readAgain();
    try {
      await this.#recheck();
      if (this.#changed) await this.#write();
      this.#failing = false;
    } catch (error) {
      this.#changed = true;
      if (!this.#failing) log.warn({ error: errorText(error) }, 'summaries for relax status not written');
      this.#failing = true;
    }
    return this.#everyMs;
  }

  /** Counting is enough: Redis loses all of them or none, and reading 100,000 each minute would be a burden. */
  async #recheck(): Promise<void> {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - this.#checkedAtMs < (this.#options.recheckMs ?? RECHECK_MS)) return;
    this.#checkedAtMs = nowMs;
    if ((await this.#options.redis.hlen(this.#options.key)) !== this.#summaries.size) this.#readAgain();
  }

  #readAgain(): void {
    this.#written = undefined;
    this.#changed = true;
  }

  async #write(): Promise<void> {
    const { redis, key, unlisted } = this.#options;
    this.#changed = false;
    const written = this.#written ?? (await this.#stored());
    // Until Redis has answered, what it holds is unknown.
    this.#written = undefined;
    const { set, remove } = differences(this.#summaries, written, unlisted?.() ?? new Set());
    for (let at = 0; at < set.length; at += FIELDS_AT_ONCE) {
      await redis.hset(key, Object.fromEntries(set.slice(at, at + FIELDS_AT_ONCE)));
    }
    for (let at = 0; at < remove.length; at += FIELDS_AT_ONCE) {
      await redis.hdel(key, ...remove.slice(at, at + FIELDS_AT_ONCE));
    }
    for (const [ownerUid, json] of set) written.set(ownerUid, json);
    for (const ownerUid of remove) written.delete(ownerUid);
    this.#written = written;
  }

  async #stored(): Promise<Map<string, string>> {
    return new Map(Object.entries(await this.#options.redis.hgetall(this.#options.key)));
  }
}

/** What to write so that Redis, which has `written`, has these; summaries of bots in unlisted namespaces stay. */
function differences(
  summaries: ReadonlyMap<string, BotSummary>,
  written: ReadonlyMap<string, string>,
  unlisted: ReadonlySet<string>,
): { set: [ownerUid: string, json: string][]; remove: string[] } {
  const set: [string, string][] = [];
  for (const [ownerUid, summary] of summaries) {
    const json = JSON.stringify(summary);
    if (written.get(ownerUid) !== json) set.push([ownerUid, json]);
  }
  const remove: string[] = [];
  for (const [ownerUid, json] of written) {
    if (!summaries.has(ownerUid) && !isIn(unlisted, json)) remove.push(ownerUid);
  }
  return { set, remove };
}

function isIn(namespaces: ReadonlySet<string>, json: string): boolean {
  const summary = namespaces.size === 0 ? undefined : parsed(json);
  return summary !== undefined && !isListed(namespaces, summary.bot);
}

function parsed(json: string): BotSummary | undefined {
  try {
    return botSummarySchema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}
