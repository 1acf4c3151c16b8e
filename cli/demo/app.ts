import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from '../../core/redis/redis.ts';

/** The fields of a queue item that this application reads. */
interface Item {
  type: string;
  event?: { client_msg_id?: string; command?: string };
  reply?: { to: string; id: string };
}

/** A message to Slack; the whole shape is in docs/commands.md. */
interface Message {
  team: string;
  channel: string;
  text: string;
}

/** The list of commands, unless RELAX_COMMANDS says otherwise. */
const COMMANDS = 'relax:commands';

const AT_ONCE = 100;
const IDLE_MS = 20;

/** An answer nobody waits for any more goes by itself. */
const ANSWER_TTL_MS = 60_000;

/**
 * The application that reads the queue: it moves each item to a list of its own (LMOVE), as docs/redis.md recommends, so
 * that a connection cut in the middle can neither lose nor repeat one. It answers slash commands, as docs/answers.md says.
 */
export class App {
  /** Its list of what it took. */
  readonly handled: string;
  readonly #redis: Redis;
  readonly #queue: string;

  constructor(redis: Redis, queue: string) {
    this.#redis = redis;
    this.#queue = queue;
    this.handled = `{${queue}}:processing:demo`;
  }

  /** Until `signal` aborts. A Redis that is away is waited for. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const moved = await this.#moveSome();
      if (moved < AT_ONCE) await sleep(IDLE_MS);
    }
  }

  /** Ids of all events that came, in their order, one as often as it came; slash commands aside. */
  async handledIDs(): Promise<(string | undefined)[]> {
    const items = (await this.#redis.lrange(this.handled, '0', '-1')).map((json) => JSON.parse(json) as Item);
    return items.filter(({ type }) => type !== 'slash_commands').map(({ event }) => event?.client_msg_id);
  }

  /** Sends messages to Slack, as docs/commands.md says. */
  async send(messages: readonly Message[]): Promise<void> {
    const commands = messages.map((message) => JSON.stringify({ type: 'message', ...message }));
    await this.#redis.batch(commands.map((command) => ['rpush', COMMANDS, command] as const));
  }

  async #moveSome(): Promise<number> {
    const move = ['lmove', this.#queue, this.handled, 'LEFT', 'RIGHT'] as const;
    const moved = await this.#redis.batch(Array.from({ length: AT_ONCE }, () => move)).catch(() => []);
    const items = moved.flatMap((item) => (item === null ? [] : [item]));
    await Promise.all(items.filter((item) => item.includes('"reply":')).map((item) => this.#answer(item)));
    return items.length;
  }

  async #answer(json: string): Promise<void> {
    const { reply, event } = JSON.parse(json) as Item;
    if (reply === undefined) return;
    const answer = JSON.stringify({ id: reply.id, payload: { text: `${event?.command ?? ''}: done` } });
    await this.#redis
      .transaction([
        ['rpush', reply.to, answer],
        ['pexpire', reply.to, ANSWER_TTL_MS],
      ])
      .catch(() => undefined);
  }
}
