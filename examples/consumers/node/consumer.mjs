// Reads Relax's queue; see ../../README.md. Needs: npm install ioredis
import { hostname } from 'node:os';
import { Redis } from 'ioredis';

const queue = process.env.RELAX_QUEUE ?? 'relax:events';
const processing = `{${queue}}:processing:${process.env.CONSUMER ?? hostname()}`;

function handle(event) {
  console.log(event.type, event.team_uid, event.channel_uid, event.text);
}

let stopping = false;
process.once('SIGTERM', () => {
  stopping = true;
});

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');

// What an earlier run left behind goes back to the head, in its order.
while (await redis.lmove(processing, queue, 'RIGHT', 'LEFT'));

while (!stopping) {
  const item = await redis.blmove(queue, processing, 'LEFT', 'RIGHT', 5);
  if (item === null) continue;
  handle(JSON.parse(item));
  await redis.lrem(processing, 1, item);
}
await redis.quit();
