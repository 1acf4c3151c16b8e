import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

/** Node is here in any case; the consumers in the other languages do the same four steps. */
const consumer = join(import.meta.dirname, '../../../examples/consumers/node/consumer.mjs');
const queue = 'relax:events';
const processing = '{relax:events}:processing:one';
const item = (n: number) => JSON.stringify({ type: 'message_new', team_uid: 'T1', channel_uid: 'C1', text: `n${n}` });

const server = useRedis({ emptied: true });
const redis = server.useClient();
let child: ChildProcess | undefined;

function start(): { lines: string[]; child: ChildProcess } {
  const env = { ...process.env, REDIS_URL: server.url, CONSUMER: 'one' };
  const started = spawn(process.execPath, [consumer], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  child = started;
  const lines: string[] = [];
  started.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  return { lines, child: started };
}

afterEach(() => {
  child?.kill('SIGKILL');
});

describe('the Node consumer', () => {
  it('handles events in their order and leaves nothing behind', async () => {
    await redis.rpush(queue, item(1), item(2), item(3));
    const { lines } = start();
    await waitFor(() => lines.length === 3);
    expect(lines.map((line) => line.split(' ').at(-1))).toEqual(['n1', 'n2', 'n3']);
    await waitFor(async () => (await redis.exists(queue, processing)) === 0);
  });

  it('begins with what an earlier run had in its hands, in its order', async () => {
    await redis.rpush(processing, item(1), item(2));
    await redis.rpush(queue, item(3));
    const { lines } = start();
    await waitFor(() => lines.length === 3);
    expect(lines.map((line) => line.split(' ').at(-1))).toEqual(['n1', 'n2', 'n3']);
  });

  it('ends by itself on SIGTERM', async () => {
    await redis.rpush(queue, item(1));
    const { lines, child: running } = start();
    await waitFor(() => lines.length === 1);
    running.kill('SIGTERM');
    expect(await once(running, 'exit')).toEqual([0, null]);
  });
});
