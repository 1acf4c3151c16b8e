import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AssignmentWatch } from '#connector/assignment/assignment-watch.ts';
import type { HeldSlots } from '#connector/assignment/held-slots.ts';
import { createLog } from '#core/process/log.ts';
import { clusterKeys } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';

const keys = clusterKeys('c1');

const server = useRedis({ lifetime: 'test', appendOnly: true });
const redis = server.useClient();
const subscriber = server.useClient({ role: 'subscriber' });
const admin = server.useClient({ name: 'admin' });
/** What was held after each read. */
let reads: HeldSlots[];
let logged: Record<string, unknown>[];
let onRead: () => void;
let watch: AssignmentWatch;

beforeEach(() => {
  reads = [];
  logged = [];
  onRead = () => reads.push(watch.held);
  watch = new AssignmentWatch({
    redis,
    subscriber,
    keys,
    pod: 'c-0',
    capacity: 10,
    log: createLog({ program: 'test', level: 'info', to: { write: (line) => logged.push(JSON.parse(line)) } }),
    onRead: () => onRead(),
  });
});
afterEach(async () => {
  await watch.stop();
});

const written = (version: number, ids: string[]) => {
  const transaction = admin.multi().del(keys.assign('c-0')).set(keys.version('c-0'), version);
  for (const id of ids) transaction.hset(keys.assign('c-0'), id, JSON.stringify(slotOf()));
  return transaction;
};
const write = async (version: number, ids: string[]): Promise<void> => {
  await written(version, ids).exec();
};
const held = (): string[] => [...watch.held.slots.keys()];
/** Well below the 5 s after which it would look by itself. */
const SOON = { timeoutMs: 4_000 };

describe('assignments', () => {
  it('are read at the start, and soon after a nudge', async () => {
    await write(3, ['a/0']);
    watch.start();
    await waitFor(() => reads.length > 0);
    expect(held()).toEqual(['a/0']);
    await waitFor(async () => ((await admin.pubsub('NUMSUB', keys.nudge('c-0'))) as unknown[])[1] === 1);
    await write(4, ['a/0', 'b/0']);
    await admin.publish(keys.nudge('c-0'), '4');
    await waitFor(() => held().length === 2, SOON);
    expect(watch.held.version).toBe(4);
  });

  it('are read soon after a renewal has seen another version', async () => {
    watch.start();
    await waitFor(() => reads.length > 0);
    await write(1, ['a/0']);
    watch.hint(1);
    await waitFor(() => held().length === 1, SOON);
  });

  it('are read when the connection is back, since nudges of that time are lost', async () => {
    await write(1, ['a/0']);
    watch.start();
    await waitFor(() => reads.length > 0);
    // In one transaction, so that no connection is back before the new version is there.
    await written(2, ['a/0', 'b/0'])
      .call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      .call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      .exec();
    await waitFor(() => held().length === 2, SOON);
  });

  it('are read without any nudge within 10 s', async () => {
    watch.start();
    await waitFor(() => reads.length > 0);
    await write(1, ['a/0']);
    await waitFor(() => held().length === 1, { timeoutMs: 11_000 });
  });

  it('that are not a hash count as unknown: what runs keeps running', async () => {
    await write(1, ['a/0']);
    watch.start();
    await waitFor(() => reads.length > 0);
    await admin.multi().del(keys.assign('c-0')).set(keys.assign('c-0'), 'text').set(keys.version('c-0'), 9).exec();
    const before = reads.length;
    watch.hint(9);
    await waitFor(() => redis.get(keys.version('c-0')));
    expect(held()).toEqual(['a/0']);
    await write(10, ['a/0', 'b/0']);
    await waitFor(() => held().length === 2, SOON);
    expect(reads.slice(before).filter(({ slots }) => !slots.has('a/0'))).toEqual([]);
  });

  it('keep being read when a callback throws, which is logged as a defect and not as a fault of Redis', async () => {
    onRead = () => {
      reads.push(watch.held);
      throw new Error('of the caller');
    };
    await write(1, ['a/0']);
    watch.start();
    await waitFor(() => reads.length > 0);
    await write(2, ['a/0', 'b/0']);
    watch.hint(2);
    await waitFor(() => held().length === 2, SOON);
    const told = logged.map(({ msg, error }) => `${msg}: ${error}`);
    expect(told.filter((line) => line.includes('defect of Relax') && line.includes('of the caller'))).toHaveLength(1);
    expect(told.filter((line) => line.includes('not read'))).toEqual([]);
  });
});
