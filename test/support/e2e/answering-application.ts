import { eventIDOf } from '#slack-simulator/frames.ts';
import type { TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import type { Item } from './queue-audit.ts';

/** Where what it has read stays. */
const READ = 'application:read';

/** Reads the queue as an application does, and answers every item that asks for it at once. */
export class AnsweringApplication {
  readonly #redis: TestRedis;
  readonly #queue: string;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(redis: TestRedis, queue: string) {
    this.#redis = redis;
    this.#queue = queue;
    this.#running = this.#run();
  }

  /** What Slack is to be told about that command or interaction. */
  answerTo(id: string): string {
    return JSON.stringify({ text: `answer to ${id}` });
  }

  /** Answers what is still on the queue, and ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (;;) {
      const text = await this.#redis.lmove(this.#queue, READ, 'LEFT', 'RIGHT');
      if (text !== null) {
        await this.#answer(JSON.parse(text) as Item);
      } else {
        if (this.#stopped) return;
        const askedAtMs = performance.now();
        await waitFor(() => performance.now() - askedAtMs > 5);
      }
    }
  }

  async #answer({ event, reply }: Item): Promise<void> {
    if (reply === undefined) return;
    const { to, id } = reply as { to: string; id: string };
    const payload: unknown = JSON.parse(this.answerTo(eventIDOf(event) ?? ''));
    await this.#redis.rpush(to, JSON.stringify({ id, payload }));
  }
}
