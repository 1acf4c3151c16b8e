import { DefectLog } from '../../core/process/defect.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { ClusterKeys } from '../../core/protocol/keys.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { Redis, RedisSubscriber, Unsubscribe } from '../../core/redis/redis.ts';
import { parseVersion } from '../session/renewal.ts';
import { type HeldSlots, heldAfterRead, NOTHING_HELD, type SlotsRead } from './held-slots.ts';

export interface AssignmentWatchOptions {
  redis: Redis;
  /** A connection for pub/sub, not connected yet or already. */
  subscriber: RedisSubscriber;
  keys: ClusterKeys;
  pod: string;
  /** The number of sockets that this pod offered to take; more are taken nevertheless, with a warning. */
  capacity: number;
  /** False while this pod's name is not ours, so that what is assigned to it is another's. Defaults to always true. */
  mayAct?(): boolean;
  /** Called after each successful read of Redis, whether or not it changed what is held. */
  onRead(): void;
  log: Log;
}

/** Level-triggered: how often to read even without a nudge (design rule 9). */
const READ_MS = { least: 5_000, most: 10_000 };
const RETRY_MS = 1_000;

/**
 * Holds what Redis assigns to this pod, as far as is known, and reports each read. Others derive what to do from what is
 * held.
 */
export class AssignmentWatch {
  readonly #options: AssignmentWatchOptions;
  readonly #task: PeriodicTask;
  readonly #defects: DefectLog;
  #held: HeldSlots = NOTHING_HELD;
  #error: string | undefined;
  #listening: readonly Unsubscribe[] = [];

  constructor(options: AssignmentWatchOptions) {
    this.#options = options;
    this.#task = new PeriodicTask('assignments', () => this.#look(), options.log);
    this.#defects = new DefectLog(options.log);
  }

  get held(): HeldSlots {
    return this.#held;
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

  /** @param version of the assignments as seen in Redis; undefined if there was none */
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
    const { mayAct = () => true, onRead, log } = this.#options;
    if (!mayAct()) return RETRY_MS;
    let read: SlotsRead | undefined;
    try {
      read = await this.#fetch();
    } catch (error) {
      const text = redisErrorText(error);
      if (text !== this.#error) log.warn({ error: text }, 'could not read assignments, keeping sockets open');
      this.#error = text;
      return RETRY_MS;
    }
    this.#error = undefined;
    // Asked again: it may have changed meanwhile.
    if (!mayAct()) return RETRY_MS;
    if (read !== undefined) this.#take(read);
    // Outside the `try`: a failure here is not a fault of Redis.
    this.#defects.run('what follows a read of the assignments', onRead);
    return READ_MS.least + Math.random() * (READ_MS.most - READ_MS.least);
  }

  /** @returns undefined when the version alone tells that nothing changed, which spares the hash of thousands of slots */
  async #fetch(): Promise<SlotsRead | undefined> {
    const { redis, keys, pod } = this.#options;
    if (this.#held.version > 0) {
      const version = parseVersion(await redis.get(keys.version(pod)));
      if (version === undefined || version <= this.#held.version) return undefined;
    }
    const [version, fields] = await redis.transaction([
      ['get', keys.version(pod)],
      ['hgetall', keys.assign(pod)],
    ]);
    return { version: parseVersion(version), fields };
  }

  #take(read: SlotsRead): void {
    const { capacity, log } = this.#options;
    const before = this.#held;
    const { held, unreadable } = heldAfterRead(before, read);
    this.#held = held;
    if (unreadable.length > 0) {
      const [example] = unreadable;
      log.error(
        { slots: unreadable.length, example },
        'assignments in a format that this version of Relax does not know',
      );
    }
    const { version, slots } = held;
    if (version === before.version && slots.size === before.slots.size) return;
    log.info({ version, slots: slots.size }, 'assignments changed');
    if (slots.size > capacity) log.warn({ slots: slots.size, capacity }, 'assigned more slots than RELAX_CAPACITY');
  }
}
