import { randomUUID } from 'node:crypto';
import { backoffMs } from '../../core/process/backoff.ts';
import { errorText } from '../../core/process/log.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import type { Timers } from '../../core/process/timers.ts';
import type { CommandFailure } from '../../core/protocol/command.ts';
import type { CommandKeys } from '../../core/protocol/keys.ts';
import { aclFault } from '../../core/redis/acl.ts';
import { connectionFault, redisErrorText } from '../../core/redis/fault.ts';
import type { BlockingRedis } from '../../core/redis/redis.ts';
import { restUntilReady } from '../../core/redis/rest-until-ready.ts';
import { routeArrived } from './arrival.ts';
import type { OutboxStore, Routed, RouteOutcome } from './outbox-store.ts';

export interface CommandReaderDeps {
  /** Used for nothing else; closed by `stop`. */
  redis: BlockingRedis;
  keys: CommandKeys;
  store: Pick<OutboxStore, 'intake' | 'route'>;
  /** These outboxes have a new command. */
  onRouted(outboxes: ReadonlySet<string>): void;
  observer: CommandObserver;
  timers: Timers;
  random(): number;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
}

export interface CommandObserver {
  /** A command that never got into an outbox. */
  dropped(outcome: 'refused' | 'duplicate'): void;
}

type RouteError = Extract<RouteOutcome, { kind: 'error' }>;

/** Shorter than a connection may be silent (`ioredis-client.ts`) by as much as a slow Redis may take to answer. */
const WAIT_SECONDS = 1;
const BACKOFF = { baseMs: 50, capMs: 2_000 };

/**
 * Brings commands from their list into the outboxes. A command is on the list, in the inbox or in its outbox at any moment, so
 * a process may end anywhere; and since the inbox is shared, another goes on with what it has left there.
 */
export class CommandReader {
  readonly #deps: CommandReaderDeps;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #attempts = 0;

  constructor(deps: CommandReaderDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Closes the connection; resolves when nothing more is routed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#deps.redis.close();
    await this.#running;
  }

  /**
   * Routes what is in the inbox and on the list.
   * @throws Redis's error; what has not been routed is still where it was
   */
  async route(): Promise<void> {
    const { store, observer } = this.#deps;
    const outboxes = new Set<string>();
    /** By SHA-1: commands whose outbox Redis refuses. */
    const barred = new Map<string, CommandFailure>();
    try {
      for (let going = true; going; ) {
        const { redisMs, arrived } = await store.intake();
        if (arrived.length === 0) return;
        const routed = arrived.map((one) => routeArrived(one, redisMs, randomUUID, barred.get(one.sha)));
        const outcomes = await store.route(routed);
        going = outcomes.some(({ kind }) => kind !== 'gone');
        for (const [at, outcome] of outcomes.entries()) {
          const one = routed[at];
          if (outcome.kind === 'routed' && one?.outbox !== undefined) outboxes.add(one.outbox);
          if (outcome.kind === 'refused' || outcome.kind === 'duplicate') observer.dropped(outcome.kind);
          if (outcome.kind === 'error') this.#bar(one, outcome, barred);
        }
      }
    } finally {
      if (outboxes.size > 0) this.#deps.onRouted(outboxes);
    }
  }

  /** A key of another type will not change by itself, and must not hold up what is behind: its command is given up. */
  #bar(one: Routed | undefined, { command, error }: RouteError, barred: Map<string, CommandFailure>): void {
    const { keys, redis } = this.#deps;
    if (one?.outbox === undefined || !error.startsWith('WRONGTYPE')) {
      throw new Error(aclFault(error, { user: redis.user, command, keys: aclPattern(keys) }) ?? error);
    }
    const key = keys.outbox(one.outbox);
    const message = `The key ${key} in Redis holds something else than a list. Delete it and push the command again.`;
    barred.set(one.sha, { reason: 'RedisKeyWrong', message });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { redis, keys } = this.#deps;
    /** Something was moved to the inbox, and not all of it is routed. */
    let owed = false;
    while (!signal.aborted) {
      try {
        owed ||= (await redis.blmove(keys.commands, keys.inbox, 'LEFT', 'RIGHT', WAIT_SECONDS)) !== null;
        if (owed) await this.route();
        owed = false;
        this.#attempts = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error);
        await this.#rest();
      }
    }
  }

  #failed(error: unknown): void {
    this.#attempts += 1;
    // That there is no connection is logged by the client.
    if (connectionFault(error) !== undefined) return;
    this.#deps.limitedLog.warn('commands', { error: this.#wordsOf(error) }, 'could not take commands, retrying');
  }

  #rest(): Promise<void> {
    const { redis, timers, random } = this.#deps;
    return restUntilReady(redis, timers, backoffMs(this.#attempts, BACKOFF, random()), this.#stopping.signal);
  }

  #wordsOf(error: unknown): string {
    return commandFault(error, this.#deps.keys, this.#deps.redis.user);
  }
}

/** Why Redis did not do it, in words for people, with the remedy. */
export function commandFault(error: unknown, keys: CommandKeys, user: string): string {
  const text = redisErrorText(error);
  if (text.startsWith('WRONGTYPE')) {
    const own = [keys.inbox, keys.due, keys.heads, keys.leases, keys.troubles, keys.dead].join(', ');
    return `one of the keys of commands holds another type: ${keys.commands} must be a list; of ${own} delete the one that is wrong`;
  }
  return aclFault(errorText(error), { user, keys: aclPattern(keys) }) ?? text;
}

const aclPattern = ({ commands }: CommandKeys): string => `${commands} ~{${commands}}:*`;
