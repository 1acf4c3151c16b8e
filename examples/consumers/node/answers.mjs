// Reads Relax's queue and answers what Slack waits for; see ../../../docs/answers.md. Needs: npm install ioredis
import { hostname } from 'node:os';
import { Redis } from 'ioredis';

const queue = process.env.RELAX_QUEUE ?? 'relax:events';
const urgent = process.env.RELAX_QUEUE_URGENT;
const processing = `{${queue}}:processing:${process.env.CONSUMER ?? hostname()}`;

/** What Slack gets at once; undefined for nothing in particular. */
function payloadFor({ type, event }) {
  switch (type) {
    case 'slash_commands':
      return { response_type: 'ephemeral', text: `${event.command} ${event.text}: on it` };
    case 'view_submission': {
      const name = event.view.state?.values?.name?.value?.value ?? '';
      return name === '' ? { response_action: 'errors', errors: { name: 'Please give a name' } } : undefined;
    }
    case 'block_suggestion':
      return { options: [{ text: { type: 'plain_text', text: `Find ${event.value}` }, value: 'find' }] };
    default:
      return undefined;
  }
}

/** @returns false if it is too late: Slack has been told by now that the command arrived, and no more than that */
async function answer(redis, { to, id, before }, payload) {
  if (Date.now() > Date.parse(before)) return false;
  // Nobody reads the list of a connector that is gone for good: it must not stay.
  const push = redis.multi().rpush(to, JSON.stringify({ id, payload }));
  await push.expire(to, 60).exec();
  return true;
}

async function handle(redis, item) {
  if (item.reply === undefined) return console.log(item.type, item.team_uid, item.text);
  const payload = payloadFor(item);
  const inTime = await answer(redis, item.reply, payload);
  console.log(item.type, item.team_uid, inTime ? 'answered' : 'too late');
  // Up to five times, for half an hour.
  const url = item.event.response_url;
  if (inTime || payload === undefined || url === undefined) return undefined;
  const body = JSON.stringify(payload);
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
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
    await handle(redis, JSON.parse(item));
    await redis.lrem(processing, 1, item);
  }
  await redis.quit();
}

// What Slack waits for is on the second list, if there is one.
const readers = [read(queue, processing)];
if (urgent) readers.push(read(urgent, `${processing}:urgent`));
await Promise.all(readers);
