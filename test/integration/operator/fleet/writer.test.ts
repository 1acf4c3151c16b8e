import { beforeEach, describe, expect, it } from 'vitest';
import type { Slot, SlotID } from '#core/protocol/assignment.ts';
import { type PodMemory, remember } from '#operator/fleet/pod-memory.ts';
import { readHeads } from '#operator/fleet/reader.ts';
import { FleetWriter, LockLostError, type SealedWrite } from '#operator/fleet/writer.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { keys } from './planner-fleet.ts';

const server = useRedis({ emptied: true });
const redis = server.useClient();
const writer = new FleetWriter(redis, keys);

beforeEach(async () => {
  await redis.set(keys.planner, 'ours');
});

const slot: Slot = {
  epoch: 1,
  generation: 1,
  role: 'active',
  kind: 'rtm',
  teamID: 'T1',
  bot: 'bots/u',
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  token: 's',
  tokenDigest: 'd',
  assignedAtMs: 1,
  cause: 'place',
};
const slots = (from: number, to: number): Map<SlotID, Slot> =>
  new Map(Array.from({ length: to - from }, (_, n) => [`u${from + n}/0`, slot]));
const write = (set: Map<SlotID, Slot>, after = set, remove: SlotID[] = []): SealedWrite => ({
  pod: 'a',
  set,
  remove,
  after,
});
const memory = async (): Promise<PodMemory> => {
  const { pods, redisNowMs } = await readHeads(redis, keys, ['a']);
  const head = pods.get('a');
  if (head === undefined) throw new Error('no head');
  const assign = await redis.hgetall(keys.assign('a'));
  return remember(undefined, head, { assign, reports: undefined }, { nowMs: 0, redisNowMs });
};
const stored = async (): Promise<[string | null, number]> => [
  await redis.get(keys.version('a')),
  await redis.hlen(keys.assign('a')),
];

describe('A write of assignments', () => {
  it('raises the version above all that is known of it, and nudges the pod', async () => {
    const subscriber = await server.connect({ role: 'subscriber' });
    const heard: string[] = [];
    subscriber.on('message', (_channel, text: string) => heard.push(text));
    await subscriber.subscribe(keys.nudge('a'));
    const first = await memory();
    expect(await writer.assign('ours', write(slots(0, 3)), { ...first, version: 41 })).toBe(42);
    expect(await stored()).toEqual(['42', 3]);
    expect(await writer.assign('ours', write(new Map(), slots(1, 3), ['u0/0']), await memory())).toBe(43);
    expect((await redis.hkeys(keys.assign('a'))).sort()).toEqual(['u1/0', 'u2/0']);
    await waitFor(() => heard.length === 2);
    expect(heard).toEqual(['42', '43']);
    subscriber.disconnect();
  });

  it.each<[string, () => Promise<unknown>]>([
    ['another planner', () => redis.set(keys.planner, 'theirs')],
    ['nobody', () => redis.del(keys.planner)],
  ])('changes nothing when %s holds the lock', async (_who, lose) => {
    await writer.assign('ours', write(slots(0, 3)), await memory());
    const before = await memory();
    await lose();
    await expect(writer.assign('ours', write(slots(0, 500)), before)).rejects.toThrow(LockLostError);
    await expect(writer.assign('ours', write(slots(0, 1)), { ...before, lost: true })).rejects.toThrow(LockLostError);
    await expect(writer.drained('ours', 'a', 'i')).rejects.toThrow(LockLostError);
    expect(await writer.forgetPod('ours', 'a')).toBe(false);
    expect(await stored()).toEqual(['1', 3]);
    expect(await redis.exists(keys.drained('a'))).toBe(0);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a newer version', () => redis.incr(keys.version('a'))],
    ['no version', () => redis.del(keys.version('a'))],
    ['no slots', () => redis.del(keys.assign('a'))],
    ['fewer slots', () => redis.hdel(keys.assign('a'), 'u0/0')],
  ])('changes nothing when Redis has %s meanwhile', async (_what, change) => {
    await writer.assign('ours', write(slots(0, 3)), await memory());
    const before = await memory();
    await change();
    const now = await stored();
    expect(await writer.assign('ours', write(slots(3, 4), slots(0, 4)), before)).toBe(undefined);
    expect(await writer.assign('ours', write(slots(3, 900), slots(0, 900)), before)).toBe(undefined);
    expect(await stored()).toEqual(now);
  });

  it('of many slots has no version until it is whole, so that the next planner knows that it is not', async () => {
    await writer.assign('ours', write(slots(0, 3)), await memory());
    const before = await memory();
    const eval0 = redis.evalsha.bind(redis);
    const seen: [string | null, number][] = [];
    let calls = 0;
    redis.evalsha = (async (...args: Parameters<typeof eval0>) => {
      calls += 1;
      if (calls > 1) seen.push(await stored());
      if (calls === 4) throw new Error('the planner dies');
      return await eval0(...args);
    }) as typeof redis.evalsha;
    await expect(writer.assign('ours', write(slots(3, 1_000), slots(0, 1_000), []), before)).rejects.toThrow('dies');
    redis.evalsha = eval0;
    expect(seen).toEqual([
      [null, 203],
      [null, 403],
      [null, 603],
    ]);
    const left = await memory();
    expect([left.lost, left.slots.size]).toEqual([true, 603]);
    // What was assigned before is still there for a pod that starts just now.
    expect(left.slots.has('u0/0')).toBe(true);
    expect(await writer.assign('ours', write(slots(0, 1_000)), { ...left, version: 1 })).toBe(2);
    expect(await stored()).toEqual(['2', 1_000]);
  });

  it('sends no nudge for a hash that did not become what it should', async () => {
    expect(await writer.assign('ours', write(slots(0, 2), slots(0, 3)), await memory())).toBe(undefined);
    expect(await stored()).toEqual([null, 2]);
    expect((await memory()).lost).toBe(true);
  });

  it('of a lost pod leaves nothing of what was there', async () => {
    await redis.hset(keys.assign('a'), 'garbage', 'x');
    const lost = await memory();
    expect(lost.lost).toBe(true);
    expect(await writer.assign('ours', write(slots(0, 2)), { ...lost, version: 5 })).toBe(6);
    expect(await stored()).toEqual(['6', 2]);
  });

  it('never removes a pod that is back', async () => {
    await writer.assign('ours', write(slots(0, 2)), await memory());
    await redis.set(keys.session('a'), 'x');
    expect(await writer.forgetPod('ours', 'a')).toBe(false);
    expect(await stored()).toEqual(['1', 2]);
  });

  it('of a pod that is gone takes everything with it, answers that nobody will read too', async () => {
    await writer.assign('ours', write(slots(0, 2)), await memory());
    await redis.rpush(keys.replies('a'), '{"id":"e1","payload":{}}');
    expect(await writer.forgetPod('ours', 'a')).toBe(true);
    expect(await redis.exists(keys.assign('a'), keys.version('a'), keys.replies('a'))).toBe(0);
  });
});
