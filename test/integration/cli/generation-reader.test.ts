import { describe, expect, it } from 'vitest';
import { GenerationReader } from '#cli/standalone/objects/generation-reader.ts';
import { encodeSlot, type Slot } from '#core/protocol/assignment.ts';
import { clusterKeys, fenceField, queueKeys } from '#core/protocol/keys.ts';
import { ROUTE_VERSION_FIELD, type Route } from '#core/protocol/route.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { silentLog } from '#test/support/silent-log.ts';

const keys = clusterKeys('c');
const { fence } = queueKeys('q');
const events = { include: [], exclude: [], own: false };
const slot = (generation: number): Slot => ({
  kind: 'rtm',
  teamID: 'T1',
  epoch: 1,
  generation,
  role: 'active',
  bot: 'bots/a',
  queueNamespace: '',
  events,
  token: '',
  tokenDigest: '',
  assignedAtMs: 0,
  cause: 'place',
});
const route = (ownerUid: string, generation: number): Route => ({
  ownerUid,
  bot: `bots/${ownerUid}`,
  generation,
  queueNamespace: '',
  events,
  replies: 'wait',
  suspended: false,
});

describe('what Redis has of the objects of a directory', () => {
  const redis = useRedis().useClient();

  it('is the highest generation of a slot or of a row in the table of an app, and that of a fence', async () => {
    await redis.zadd(keys.pods, 1, 'p-0', 1, 'p-1');
    await redis.hset(keys.assign('p-0'), { 'a/0': encodeSlot(slot(3)) });
    await redis.hset(keys.assign('p-1'), { 'a/1': encodeSlot(slot(4)) });
    await redis.hset(keys.routes, { app: 'v bots/app' });
    await redis.hset(keys.route('app'), {
      [ROUTE_VERSION_FIELD]: 'v',
      T1: JSON.stringify(route('b', 7)),
      T2: 'not a route',
    });
    await redis.hset(fence, { [fenceField('c', 'd')]: '5', [fenceField('other', 'e')]: '6' });
    const reader = new GenerationReader({ redis, keys, fence, cluster: 'c', log: silentLog });
    const { fenced, assigned } = await reader.read(new AbortController().signal);
    expect([Object.fromEntries(fenced), Object.fromEntries(assigned)]).toEqual([{ d: 5 }, { a: 4, b: 7 }]);
  });
});
