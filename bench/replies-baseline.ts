import { Redis } from 'ioredis';
import { WebSocket } from 'ws';

/**
 * The least program that passes answers on: a push for each envelope, a blocking read for the answers. No dedupe, no batches, no
 * deadline. `... <Redis URL> <socket URL> <queue> <urgent queue> <list of answers>`
 */
const [, , url = '', socketUrl = '', queue = '', urgent = '', to = ''] = process.argv;
const pushes = new Redis(url);
const answers = new Redis(url);
const socket = new WebSocket(socketUrl);

interface Envelope {
  type: string;
  envelope_id: string;
  payload: unknown;
}

socket.on('message', (data) => {
  const { type, envelope_id: id, payload } = JSON.parse(String(data)) as Envelope;
  if (type === 'slash_commands') void pushes.rpush(urgent, JSON.stringify({ payload, reply: { to, id } }));
  else if (type === 'events_api') {
    void pushes.rpush(queue, JSON.stringify({ payload })).then(() => socket.send(JSON.stringify({ envelope_id: id })));
  }
});

for (;;) {
  const popped = await answers.blpop(to, 0);
  const { id, payload } = JSON.parse(popped?.[1] ?? '{}') as { id: string; payload: unknown };
  socket.send(JSON.stringify({ envelope_id: id, payload }));
}
