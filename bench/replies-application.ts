import { Redis } from 'ioredis';
import type { ReplyAddress } from '../core/protocol/queue-item.ts';
import { type AnswerTimes, nowMicros } from './replies-slack.ts';

/** The application of bench/replies.ts: answers at once, and takes whatever else there is. `... <Redis URL> <queue> <urgent queue>` */
const [, , url = '', queue = '', urgent = ''] = process.argv;
const commands = new Redis(url);
const events = new Redis(url);

async function answerAll(): Promise<never> {
  for (;;) {
    const popped = await commands.blpop(urgent, 0);
    const poppedMicros = nowMicros();
    const { reply } = JSON.parse(popped?.[1] ?? '{}') as { reply: ReplyAddress };
    const payload: AnswerTimes = { poppedMicros, pushedMicros: nowMicros() };
    await commands.rpush(reply.to, JSON.stringify({ id: reply.id, payload }));
  }
}

async function takeEvents(): Promise<never> {
  for (;;) {
    await events.blpop(queue, 0);
    await events.lpop(queue, 200);
  }
}

await Promise.all([answerAll(), takeEvents()]);
