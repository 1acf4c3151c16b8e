import {
  MOST_COMMAND_BYTES,
  MOST_DEAD_LETTERS,
  QUEUED_RESULT_TTL_MS,
  RESULT_TTL_MS,
} from '../../core/protocol/command.ts';
import type { CommandKeys } from '../../core/protocol/keys.ts';
import { isReadOnly } from '../../core/redis/fault.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';

/** A command at the head of the inbox. */
export interface Arrived {
  /** SHA-1 of its bytes: the text may be only their beginning, or not be UTF-8. */
  sha: string;
  bytes: number;
  text: string;
}

/** Where it goes. */
export interface Routed {
  sha: string;
  /** Undefined: it is refused. */
  outbox: string | undefined;
  /** Stands before the command in its outbox (`entry.ts`). */
  prefix: string;
  /** Undefined: it has no id, so it has no result. */
  id: string | undefined;
  /** A `CommandResult` as JSON. */
  result: string;
  /** As JSON; of a refused one only. */
  letter: string;
}

export type RouteOutcome =
  | { kind: 'routed' | 'duplicate' | 'refused' | 'gone' }
  /** Of Redis, to that command of its. */
  | { kind: 'error'; command: string; error: string };

/** Of an outbox, and of the bot that would send from it: a digest, never the token. */
export interface ClaimRequest {
  outbox: string;
  channel: string;
  /** Of the bot: what is paced by the team stays paced when a token is replaced. */
  team: string;
  /** `tokenDigest` of the plain bot token. */
  digest: string;
  nonce: string;
  overRtm: boolean;
  /** 0: to send; else to give up a head without progress for so long. */
  giveUpMs: number;
}

export type Claim =
  | { kind: 'none' | 'elsewhere' }
  /** By another process, which will have settled long before: if it is alive. */
  | { kind: 'leased'; waitMs: number }
  | { kind: 'wait'; waitMs: number }
  /** `entry` as it is in the outbox, `trouble` as it was settled. */
  | { kind: 'claimed'; redisMs: number; entry: string; trouble: string; idleMs: number };

export interface SettleRequest extends Pick<ClaimRequest, 'outbox' | 'channel' | 'team' | 'digest' | 'nonce'> {
  via: string;
  what: 'sent' | 'failed' | 'again' | 'back';
  /** Of `again` and `back`. */
  waitMs: number;
  /** Until the next message of this team to this channel; 0 when none was sent. */
  paceMs: number;
  /** For which nothing more is sent this way. */
  stopMs: number;
  /** By whom. */
  stops: 'team' | 'token';
  id: string;
  /** Empty: it stays as it is. */
  result: string;
  letter: string;
  trouble: string;
}

/** What a settlement changes beside the outbox, unless it says so. */
export const NO_CHANGE: Pick<
  SettleRequest,
  'waitMs' | 'paceMs' | 'stopMs' | 'stops' | 'result' | 'letter' | 'trouble'
> = {
  waitMs: 0,
  paceMs: 0,
  stopMs: 0,
  stops: 'token',
  result: '',
  letter: '',
  trouble: '',
};

export type Settled =
  | { kind: 'settled'; nextMs: number | undefined }
  /** The lease was another's by then, or gone. */
  | { kind: 'late' }
  | { kind: 'refused'; error: string };

export interface Look {
  outboxes: number;
  oldestMs: number;
  due: readonly { outbox: string; ms: number }[];
  long: readonly { outbox: string; ms: number }[];
}

export interface StoreLimits {
  /** Ends by itself that long after it was given or renewed. */
  leaseMs: number;
  /** Ms for which a lease that has ended is left to its holder all the same. */
  leaveMs?: () => number;
}

const script = (name: string) => loadScript(new URL(`./${name}.lua`, import.meta.url));
const SCRIPTS = {
  intake: script('intake'),
  route: script('route-commands'),
  claim: script('claim'),
  renew: script('renew-leases'),
  settle: script('settle'),
  look: script('look'),
};

export const INTAKE_COMMANDS = 100;
const INTAKE_BYTES = 1_048_576;
/** Of a command that is too long to be read: enough to recognize it. */
const BEGINNING_BYTES = 1_000;
/**
 * Slack allows several hundred messages a minute in a workspace, with short bursts (docs.slack.dev/apis/web-api/rate-limits):
 * never 300 in a minute.
 */
const BUCKET = { intervalMs: 210, burst: 5 };
/** Of an outbox that waits for the bucket: kept for so long when nobody comes for it, which a look does in time. */
const TURN_LOST_MS = 6_000;
/** It asks again by then, so that no due time looks as if the clock had been set back. */
const TURN_ASK_MS = 60_000;
/** As long as a pace holds after an answer: whoever looks again sooner would still have to wait. */
const UNDER_WAY_MS = 1_000;
/** Longer than any wait is: Retry-After counts for five minutes. */
const FAR_MS = 600_000;

/** The scripts, and nothing else. Each rejects with Redis's error if it did not run, or not to its end. */
export class OutboxStore {
  readonly #redis: Redis;
  readonly #keys: CommandKeys;
  readonly #limits: StoreLimits;

  constructor(redis: Redis, keys: CommandKeys, limits: StoreLimits) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
  }

  async intake(): Promise<{ redisMs: number; arrived: Arrived[] }> {
    const { commands, inbox } = this.#keys;
    const args = [INTAKE_COMMANDS, INTAKE_BYTES, MOST_COMMAND_BYTES, BEGINNING_BYTES];
    const [redisMs, ...items] = listOf(await runScript(this.#redis, SCRIPTS.intake, [commands, inbox], args));
    const arrived: Arrived[] = [];
    for (let at = 0; at + 2 < items.length; at += 3) {
      arrived.push({ sha: String(items[at]), bytes: Number(items[at + 1]), text: String(items[at + 2]) });
    }
    return { redisMs: Number(redisMs), arrived };
  }

  async route(routed: readonly Routed[]): Promise<RouteOutcome[]> {
    const { inbox, due, heads, dead, outbox, result } = this.#keys;
    const keys = [inbox, due, heads, dead, result('')];
    const args: (string | number)[] = [MOST_DEAD_LETTERS, QUEUED_RESULT_TTL_MS, RESULT_TTL_MS];
    for (const one of routed) {
      keys.push(one.outbox === undefined ? dead : outbox(one.outbox), result(one.id ?? ''));
      args.push(one.sha, one.outbox ?? '', one.prefix, one.id === undefined ? '' : one.result, one.letter);
    }
    const outcomes = listOf(await runScript(this.#redis, SCRIPTS.route, keys, args)).map(routeOutcome);
    for (const outcome of outcomes) if (outcome.kind === 'error') this.#follow(outcome.error);
    return outcomes;
  }

  async claim({ outbox, channel, team, digest, nonce, overRtm, giveUpMs }: ClaimRequest): Promise<Claim> {
    const keys = this.#keys;
    const { leaseMs, leaveMs } = this.#limits;
    const [what, first, entry, trouble, idleMs] = listOf(
      await runScript(
        this.#redis,
        SCRIPTS.claim,
        [
          ...[keys.due, keys.heads, keys.leases, keys.troubles, keys.outbox(outbox), keys.bucket(team)],
          ...[keys.turns(team), keys.pace(team, channel), keys.stop(digest, 'api'), keys.stop(team, 'api')],
          ...[keys.stop(digest, 'rtm'), keys.pace(digest, 'rtm')],
        ],
        [
          ...[outbox, nonce, leaseMs, giveUpMs, overRtm ? 1 : 0, BUCKET.intervalMs, BUCKET.burst, FAR_MS],
          ...[leaveMs?.() ?? 0, TURN_LOST_MS, TURN_ASK_MS, UNDER_WAY_MS],
        ],
      ),
    );
    switch (what) {
      case 'none':
      case 'elsewhere':
        return { kind: what };
      case 'leased':
      case 'wait':
        return { kind: what, waitMs: Number(first) };
      case 'claimed':
        return {
          kind: 'claimed',
          redisMs: Number(first),
          entry: String(entry),
          trouble: String(trouble),
          idleMs: Number(idleMs),
        };
      default:
        throw new Error('the claim script gave an answer of another shape');
    }
  }

  /** @returns false if the lease is another's, or gone */
  async renew({ outbox, channel, team, digest, nonce }: Omit<ClaimRequest, 'overRtm' | 'giveUpMs'>): Promise<boolean> {
    const { due, leases, pace } = this.#keys;
    const keys = [due, leases, pace(team, channel), pace(digest, 'rtm')];
    return (await runScript(this.#redis, SCRIPTS.renew, keys, [outbox, nonce, this.#limits.leaseMs])) === 1;
  }

  async settle(request: SettleRequest): Promise<Settled> {
    const { outbox, channel, team, digest, nonce, via, what, waitMs, paceMs, id, result, letter, trouble } = request;
    const { stopMs, stops } = request;
    const keys = this.#keys;
    const stop = keys.stop(stops === 'team' ? team : digest, via);
    const ttlMs = what === 'again' ? QUEUED_RESULT_TTL_MS : RESULT_TTL_MS;
    const [kind, detail] = listOf(
      await runScript(
        this.#redis,
        SCRIPTS.settle,
        [
          ...[keys.due, keys.heads, keys.leases, keys.troubles, keys.outbox(outbox), stop],
          ...[keys.pace(team, channel), keys.pace(digest, 'rtm'), keys.result(id), keys.dead],
        ],
        [outbox, nonce, what, waitMs, paceMs, stopMs, result, ttlMs, letter, MOST_DEAD_LETTERS, trouble],
      ),
    );
    switch (kind) {
      case 'settled':
        return { kind, nextMs: Number(detail) < 0 ? undefined : Number(detail) };
      case 'late':
        return { kind };
      case 'refused':
        this.#follow(String(detail));
        return { kind, error: String(detail) };
      default:
        throw new Error('the settle script gave an answer of another shape');
    }
  }

  /** @param page which thousand of those that are due */
  async look(soonMs: number, longMs: number, page: number): Promise<Look> {
    const { due, heads } = this.#keys;
    const args = [soonMs, page * LOOK_PAGE, LOOK_PAGE, longMs, FAR_MS];
    const [outboxes, oldestMs, soon, long] = listOf(await runScript(this.#redis, SCRIPTS.look, [due, heads], args));
    return { outboxes: Number(outboxes), oldestMs: Number(oldestMs), due: pairs(soon), long: pairs(long) };
  }

  /** The client does not see an error inside an answer. */
  #follow(error: string): void {
    if (isReadOnly({ message: error })) this.#redis.reconnect();
  }
}

export const LOOK_PAGE = 1_000;

const listOf = (reply: unknown): unknown[] => (Array.isArray(reply) ? reply : []);

function pairs(reply: unknown): { outbox: string; ms: number }[] {
  const items = listOf(reply);
  return items.flatMap((item, at) => (at % 2 === 0 ? [{ outbox: String(item), ms: Number(items[at + 1]) }] : []));
}

function routeOutcome(answer: unknown): RouteOutcome {
  const text = String(answer);
  switch (text) {
    case 'routed':
    case 'duplicate':
    case 'refused':
    case 'gone':
      return { kind: text };
    default: {
      const [, command = '', error = text] = /^error:(\w+):(.*)$/s.exec(text) ?? [];
      return { kind: 'error', command, error };
    }
  }
}
