import { errorText, type Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { ClusterKeys } from '../../core/protocol/keys.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { Redis, RedisSubscriber, Unsubscribe } from '../../core/redis/redis.ts';
import { parseVersion } from '../session/renewal.ts';
import { type HeldSlots, reconcileSlots, type SlotDiff, type SlotsRead } from './reconcile-slots.ts';

export interface AssignmentWatchOptions {
  redis: Redis;
  /** A connection for pub/sub, not connected yet or already. */
  subscriber: RedisSubscriber;
  keys: ClusterKeys;
  pod: string;
  /** Sockets that this pod offered to take; more are taken all the same, with a warning. */
  capacity: number;
  /** False while this pod's name is not ours: what is assigned to it is another's. Always true unless given. */
  mayAct?(): boolean;
  /** Called for each read of Redis that succeeded, whether or not it changed anything. */
  onRead(diff: SlotDiff): void;
  log: Log;
}

/** Level-triggered: read so often even if no nudge comes (design rule 9). */
const READ_MS = { least: 5_000, most: 10_000 };
const RETRY_MS = 1_000;

/** Keeps what this pod holds equal to what Redis assigns to it, as far as Redis knows. */
export class AssignmentWatch {
  readonly #options: AssignmentWatchOptions;
  readonly #task: PeriodicTask;
  #held: HeldSlots = { version: 0, slots: new Map() };
  #read = false;
  #error: string | undefined;
  #listening: readonly Unsubscribe[] = [];

  constructor(options: AssignmentWatchOptions) {
    this.#options = options;
    this.#task = new PeriodicTask(() => this.#look());
  }

  get held(): HeldSlots {
    return this.#held;
  }

  /** False until Redis was read once. */
  get hasRead(): boolean {
    return this.#read;
  }

  start(): void {
    const { redis, subscriber, keys, pod, log } = this.#options;
    // Messages sent while the connection was down are lost.
    const lookNow = (): void => this.#task.soon(0);
    this.#listening = [
      subscriber.onMessage((_channel, message) => this.hint(parseVersion(message))),
      subscriber.onReady(lookNow),
      redis.onReady(lookNow),
    ];
    subscriber.subscribe(keys.nudge(pod)).catch((error: unknown) => {
      log.debug({ error: errorText(error) }, 'not subscribed to nudges, assignments are still read every few seconds');
    });
    this.#task.soon(0);
  }

  /** @param version of the assignments as somebody has seen it in Redis; undefined if there was none */
  hint(version: number | undefined): void {
    if (version !== undefined && version > this.#held.version) this.#task.soon(0);
  }

  /** `mayAct` has become true. */
  lookSoon(): void {
    this.#task.soon(0);
  }

  async stop(): Promise<void> {
    for (const end of this.#listening) end();
    await this.#task.stop();
  }

  async #look(): Promise<number> {
    const { mayAct = () => true } = this.#options;
    try {
      const read = mayAct() ? await this.#fetch() : undefined;
      // Asked again: it may have changed meanwhile.
      if (!mayAct()) return RETRY_MS;
      this.#take(read);
      this.#read = true;
      this.#error = undefined;
      return READ_MS.least + Math.random() * (READ_MS.most - READ_MS.least);
    } catch (error) {
      const text = redisErrorText(error);
      if (text !== this.#error)
        this.#options.log.warn({ error: text }, 'could not read assignments, keeping sockets open');
      this.#error = text;
      return RETRY_MS;
    }
  }

  /** @returns undefined when the version alone tells that nothing changed, which spares the hash of thousands of slots */
  async #fetch(): Promise<SlotsRead | undefined> {
    const { redis, keys, pod } = this.#options;
    if (this.#read && this.#held.version > 0) {
      const version = parseVersion(await redis.get(keys.version(pod)));
      if (version === undefined || version <= this.#held.version) return undefined;
    }
    const [version, fields] = await redis.transaction([
      ['get', keys.version(pod)],
      ['hgetall', keys.assign(pod)],
    ]);
    return { version: parseVersion(version), fields };
  }

  #take(read: SlotsRead | undefined): void {
    const { capacity, onRead, log } = this.#options;
    const before = this.#held.version;
    const diff = reconcileSlots(this.#held, read ?? { version: undefined, fields: {} });
    this.#held = diff.held;
    const { version, slots } = diff.held;
    if (diff.unreadable.length > 0) {
      const [example] = diff.unreadable;
      log.error(
        { slots: diff.unreadable.length, example },
        'assignments in a format that this version of Relax does not know',
      );
    }
    if (version !== before || diff.start.length > 0) {
      const [started, updated, stopped] = [diff.start.length, diff.update.length, diff.stop.length];
      log.info({ version, slots: slots.size, started, updated, stopped }, 'assignments changed');
      if (slots.size > capacity) log.warn({ slots: slots.size, capacity }, 'assigned more slots than RELAX_CAPACITY');
    }
    onRead(diff);
  }
}
