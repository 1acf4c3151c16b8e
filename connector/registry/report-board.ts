import { DefectLog } from '../../core/process/defect.ts';
import type { Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { SlotID } from '../../core/protocol/assignment.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { Redis, RedisCommand } from '../../core/redis/redis.ts';
import { REPORT_TTL_MS } from '../session/renewal.ts';
import type { DesiredReport } from './slot-registry.ts';

export interface ReportBoardOptions {
  redis: Redis;
  /** Hash slot id -> report. */
  key: string;
  /** Channel that nudges the planner. */
  nudge: string;
  /** Slots that have something to report. */
  ids(): Iterable<SlotID>;
  report(id: SlotID): DesiredReport;
  /** False while another process holds this pod's name: its reports are the ones that count. */
  mayWrite(): boolean;
  /** Puts the new `version` into the session. */
  announce(): Promise<unknown>;
  log: Log;
}

/** What one write does to the hash. */
interface ReportChange {
  set: Record<SlotID, string>;
  remove: SlotID[];
  /** Everything that the hash holds afterwards. */
  written: Map<SlotID, string>;
}

/** A burst of changes becomes one write. */
const DEBOUNCE_MS = 75;
/** The planner reads a changed hash as a whole, so a large hash is written less often: every 1 s with 5,000 slots. */
const DEBOUNCE_MS_A_SLOT = 0.2;
const RETRY_MS = 1_000;

/** Writes reports to Redis only when they change, and then nudges the planner. */
export class ReportBoard {
  readonly #options: ReportBoardOptions;
  readonly #task: PeriodicTask;
  readonly #defects: DefectLog;
  readonly #dirty = new Set<SlotID>();
  #written = new Map<SlotID, string>();
  /** What the hash holds is not ours: it is from an earlier incarnation of this pod, or gone. */
  #whole = true;
  #version = 0;
  #error: string | undefined;

  constructor(options: ReportBoardOptions) {
    this.#options = options;
    this.#task = new PeriodicTask('reports', () => this.#flush(), options.log);
    this.#defects = new DefectLog(options.log);
  }

  /** Counts writes; goes into the session. */
  get version(): number {
    return this.#version;
  }

  /** Reports that were written to Redis. */
  get size(): number {
    return this.#written.size;
  }

  changed(id: SlotID): void {
    this.#dirty.add(id);
    this.#task.soon(DEBOUNCE_MS + DEBOUNCE_MS_A_SLOT * this.#written.size);
  }

  /** Writes everything, and nothing else stays in the hash. */
  rewrite(): void {
    this.#whole = true;
    this.#task.soon(DEBOUNCE_MS);
  }

  stop(): Promise<void> {
    return this.#task.stop();
  }

  async #flush(): Promise<number> {
    const { mayWrite, ids, redis, nudge, log } = this.#options;
    if (!mayWrite()) {
      this.#whole = true;
      return RETRY_MS;
    }
    const whole = this.#whole;
    const changed = whole ? [...new Set([...ids(), ...this.#written.keys()])] : [...this.#dirty];
    this.#whole = false;
    this.#dirty.clear();
    const change = this.#changeOf(changed, whole);
    if (change === undefined) return Number.POSITIVE_INFINITY;
    try {
      await this.#write(change, whole);
    } catch (error) {
      for (const id of changed) this.#dirty.add(id);
      this.#whole ||= whole;
      const text = redisErrorText(error);
      if (text !== this.#error) log.warn({ error: text }, 'could not write reports, retrying');
      this.#error = text;
      return RETRY_MS;
    }
    this.#error = undefined;
    this.#written = change.written;
    this.#version += 1;
    await this.#announce();
    // A lost nudge costs seconds: the planner finds the version in the session.
    await redis.publish(nudge, 'report').catch(() => undefined);
    return Number.POSITIVE_INFINITY;
  }

  /** @returns undefined when Redis has it all already */
  #changeOf(ids: readonly SlotID[], whole: boolean): ReportChange | undefined {
    const written = new Map(whole ? [] : this.#written);
    const change: ReportChange = { set: {}, remove: [], written };
    for (const id of ids) {
      const desired = this.#desiredOf(id);
      const json = desired.kind === 'report' ? JSON.stringify(desired.report) : this.#kept(id, desired);
      if (json !== undefined && written.get(id) !== json) {
        change.set[id] = json;
        written.set(id, json);
      }
      if (desired.kind === 'none' && written.delete(id)) change.remove.push(id);
    }
    const isSame = Object.keys(change.set).length === 0 && change.remove.length === 0;
    return !whole && isSame ? undefined : change;
  }

  /** A slot that can't report keeps its last report, and does not keep others from being written. */
  #desiredOf(id: SlotID): DesiredReport {
    try {
      return this.#options.report(id);
    } catch (error) {
      this.#defects.report('the report of a slot', error, { slot: id });
      return { kind: 'keep' };
    }
  }

  #kept(id: SlotID, desired: DesiredReport): string | undefined {
    return desired.kind === 'keep' ? this.#written.get(id) : undefined;
  }

  async #write({ set, remove }: ReportChange, whole: boolean): Promise<void> {
    const { redis, key } = this.#options;
    const commands: RedisCommand[] = [];
    if (whole) commands.push(['del', key]);
    if (Object.keys(set).length > 0) commands.push(['hset', key, set]);
    if (remove.length > 0) commands.push(['hdel', key, ...remove]);
    commands.push(['pexpire', key, REPORT_TTL_MS]);
    await redis.transaction(commands);
  }

  async #announce(): Promise<void> {
    try {
      await this.#options.announce();
    } catch (error) {
      this.#defects.report('what follows a write of reports', error);
    }
  }
}
