import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { pythonWithRedis } from '#test/support/python.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const folder = join(import.meta.dirname, '../../../examples/consumers');
const python = pythonWithRedis();

/** Node is here in any case, Python with its client on some machines; the others do the same four steps. */
const CONSUMERS = [
  { language: 'Node', command: [process.execPath, join(folder, 'node/consumer.mjs')], missing: false },
  { language: 'Python', command: [python ?? '', join(folder, 'python/consumer.py')], missing: python === undefined },
] as const;

const queue = 'relax:events';
const urgent = '{relax:events}:urgent';
const processing = '{relax:events}:processing:one';
const processingUrgent = `${processing}:urgent`;
const item = (n: number | string) =>
  JSON.stringify({ type: 'message_new', team_uid: 'T1', channel_uid: 'C1', text: `n${n}` });
const items = (count: number): string[] => Array.from({ length: count }, (_, n) => item(n));
const textsOf = (lines: readonly string[]) => lines.map((line) => line.split(' ').at(-1));

const server = useRedis({ emptied: true });
const redis = server.useClient();
let child: ChildProcess | undefined;

interface Started {
  lines: string[];
  child: ChildProcess;
}

function start([program, ...args]: readonly [string, ...string[]], more: Record<string, string> = {}): Started {
  const env = { ...process.env, REDIS_URL: server.url, CONSUMER: 'one', ...more };
  const started = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  child = started;
  const lines: string[] = [];
  let rest = '';
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    const [last = '', ...whole] = `${rest}${text}`.split('\n').reverse();
    rest = last;
    lines.push(...whole.reverse());
  });
  return { lines, child: started };
}

afterEach(() => {
  child?.kill('SIGKILL');
});

describe.each(CONSUMERS)('the $language consumer', ({ command, missing }) => {
  it.skipIf(missing)('handles events in their order and leaves nothing behind', async () => {
    await redis.rpush(queue, item(1), item(2), item(3));
    const { lines } = start(command);
    await waitFor(() => lines.length === 3);
    expect(textsOf(lines)).toEqual(['n1', 'n2', 'n3']);
    await waitFor(async () => (await redis.exists(queue, processing)) === 0);
  });

  it.skipIf(missing)('begins with what an earlier run had in its hands, in its order', async () => {
    await redis.rpush(processing, item(1), item(2));
    await redis.rpush(queue, item(3));
    const { lines } = start(command);
    await waitFor(() => lines.length === 3);
    expect(textsOf(lines)).toEqual(['n1', 'n2', 'n3']);
  });

  it.skipIf(missing)('ends by itself on SIGTERM', async () => {
    await redis.rpush(queue, item(1));
    const { lines, child: running } = start(command);
    await waitFor(() => lines.length === 1);
    running.kill('SIGTERM');
    expect(await once(running, 'exit')).toEqual([0, null]);
  });
});

describe.each(CONSUMERS)('the $language consumer, with a list of urgent events', ({ command, missing }) => {
  const both = { RELAX_QUEUE_URGENT: urgent };

  it.skipIf(missing)('lets an urgent event wait behind no other', async () => {
    await redis.rpush(queue, ...items(20_000));
    const { lines } = start(command, both);
    await waitFor(() => lines.length > 0);
    await redis.rpush(urgent, item('urgent'));
    await waitFor(() => textsOf(lines).includes('nurgent'));
    expect(await redis.llen(queue)).toBeGreaterThan(0);
  });

  it.skipIf(missing)('starves other events under no flood of urgent ones', async () => {
    await redis.rpush(urgent, ...items(20_000));
    await redis.rpush(queue, item('other'));
    const { lines } = start(command, both);
    await waitFor(() => textsOf(lines).includes('nother'));
    expect(await redis.llen(urgent)).toBeGreaterThan(0);
  });

  it.skipIf(missing)('loses nothing of either list when it is killed in the middle', async () => {
    const [count, more] = [3_000, 500];
    await redis.rpush(queue, ...items(count));
    await redis.rpush(urgent, ...Array.from({ length: more }, (_, n) => item(`u${n}`)));
    const first = start(command, both);
    await waitFor(() => first.lines.length > 200);
    first.child.kill('SIGKILL');
    await once(first.child, 'close');
    const second = start(command, both);
    await waitFor(async () => (await redis.exists(queue, urgent, processing, processingUrgent)) === 0, {
      timeoutMs: 30_000,
    });
    const seen = new Set(textsOf([...first.lines, ...second.lines]));
    expect(seen.size).toBe(count + more);
    // At most what each of its two readers had in its hands.
    expect(first.lines.length + second.lines.length).toBeLessThanOrEqual(count + more + 2);
  });
});
