// Reads Relax's queue; see ../../README.md. Needs: npm install ioredis
import { hostname } from 'node:os';
import { Redis } from 'ioredis';

const queue = process.env.RELAX_QUEUE ?? 'relax:events';
const urgent = process.env.RELAX_QUEUE_URGENT;
const processing = `{${queue}}:processing:${process.env.CONSUMER ?? hostname()}`;

async function handle(event) {
  console.log(event.type, event.team_uid, event.channel_uid, event.text);
}

let stopping = false;
process.once('SIGTERM', () => {
  stopping = true;
});

/** Reads one list, on a connection of its own: a BLMOVE that waits blocks the whole connection. */
async function read(list, processing) {
  const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
  // What an earlier run left behind goes back to the head, in its order.
  while (await redis.lmove(processing, list, 'RIGHT', 'LEFT'));
  while (!stopping) {
    const item = await redis.blmove(list, processing, 'LEFT', 'RIGHT', 5);
    if (item === null) continue;
    await handle(JSON.parse(item));
    await redis.lrem(processing, 1, item);
  }
  await redis.quit();
}

const readers = [read(queue, processing)];
if (urgent) readers.push(read(urgent, `${processing}:urgent`));
await Promise.all(readers);
