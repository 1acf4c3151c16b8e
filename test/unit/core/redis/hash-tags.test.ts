import { describe, expect, it } from 'vitest';
import { redisConnectBudget } from '#connector/budget/redis-connect-budget.ts';
import { redisEnqueue } from '#connector/queue/enqueue.ts';
import { KnownSteps } from '#connector/queue/known-steps.ts';
import { markPlace } from '#connector/queue/mark-keys.ts';
import { SubBucketWatch } from '#connector/queue/sub-bucket-watch.ts';
import { redisLook, redisRenew } from '#connector/session/renewal.ts';
import { systemClock } from '#core/process/clock.ts';
import { agreeOnContract, DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { firstSteps } from '#core/protocol/dedupe-steps.ts';
import { appBudgetKey, appSocketsKey, clusterKeys, connectBudgetKey, queueKeys } from '#core/protocol/keys.ts';
import type { Session } from '#core/protocol/session.ts';
import type { Redis, RedisCommand } from '#core/redis/redis.ts';
import { SingleRedisPlannerLock } from '#operator/fleet/planner-lock.ts';
import type { PodMemory } from '#operator/fleet/pod-memory.ts';
import { readHeads } from '#operator/fleet/reader.ts';
import { FleetWriter } from '#operator/fleet/writer.ts';
import { silentLog } from '#test/support/silent-log.ts';

/** What Redis Cluster hashes of a key: the part in the first braces, else all of it. */
const hashedPart = (key: string): string => /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key;

/** Notes which keys each call names, and answers nothing that anybody could use. */
function noting(): { redis: Redis; calls: string[][] } {
  const calls: string[][] = [];
  const note = async (keys: readonly string[]): Promise<unknown> => calls.push([...keys]);
  const list = (commands: readonly RedisCommand[]): Promise<unknown> =>
    note(commands.flatMap(([, key]) => (key === undefined ? [] : [key])));
  const redis = {
    evalsha: (_sha: string, count: number, ...rest: string[]) => note(rest.slice(0, count)),
    transaction: list,
    batch: async (commands: readonly RedisCommand[]) => {
      await list(commands);
      return commands.map(([name]) =>
        name === 'time' ? ['1', '0'] : name === 'zrange' ? ['p1', '0', 'p2', '0'] : null,
      );
    },
    set: async () => 'OK',
  };
  return { redis: redis as unknown as Redis, calls };
}

const keys = clusterKeys('east');
const queue = queueKeys('relax:events', '{relax:events}:urgent');

const entryOf = (n: number, kind: 'timed' | 'delayed' | 'untimed' | 'own') => {
  const mark =
    kind === 'timed' || kind === 'delayed'
      ? ({ kind: 'timed', atMs: n * 60_000, delayed: kind === 'delayed' } as const)
      : kind === 'own'
        ? ({ kind, ttlMs: 1_000 } as const)
        : ({ kind } as const);
  const place = markPlace(`id-${n}`, mark, DEFAULT_CONTRACT, n * 60_000);
  return {
    fenceField: 'f',
    generation: 1,
    mark: place,
    payload: '{}',
    bytes: 2,
    urgent: n === 1,
    isSentAgain: kind === 'delayed',
    lane: 0,
    offeredAtMs: 0,
    settled: undefined,
  };
};

const batch = [
  entryOf(1, 'timed'),
  entryOf(5_000, 'timed'),
  entryOf(40, 'delayed'),
  entryOf(90, 'untimed'),
  entryOf(7, 'own'),
];
const memory = { stored: 1, version: 1, fields: 0, lost: false } as unknown as PodMemory;
const write = { pod: 'p1', set: new Map(), remove: [], after: new Map() };
const session = { incarnation: 'i1', owner: '' } as Session;

/** Name -> the call, and how many keys it has at least. */
const CALLS: readonly [name: string, least: number, call: (redis: Redis) => Promise<unknown>][] = [
  [
    'events of all kinds and times in one batch',
    11,
    (redis) => redisEnqueue(redis, queue, 0, new KnownSteps(firstSteps(64)))(batch),
  ],
  [
    'the marks of a minute',
    33,
    (redis) => {
      const contract = DEFAULT_CONTRACT;
      const known = new KnownSteps(firstSteps(64));
      const deps = { redis, keys: queue, known, contract, redisNowMs: () => 0, random: () => 0, log: silentLog };
      return new SubBucketWatch(deps).look();
    },
  ],
  ['a renewal of a session', 6, (redis) => redisRenew(redis, keys, 'p1')(session, 1, undefined)],
  ['a look at who holds a name', 3, (redis) => redisLook(redis, keys, 'p1')()],
  [
    'the budget of connects',
    1,
    (redis) => redisConnectBudget(redis).take({ key: connectBudgetKey('T1', 'd1') }, 'needed'),
  ],
  [
    'the budget of an app and the places of its sockets',
    2,
    (redis) => redisConnectBudget(redis).take({ key: appBudgetKey('A1'), sockets: appSocketsKey('A1') }, 'needed'),
  ],
  ['the fleet contract', 1, (redis) => agreeOnContract(redis, DEFAULT_CONTRACT)],
  ['a write of assignments', 3, (redis) => new FleetWriter(redis, keys).assign('lock', write, memory)],
  ['the mark of a drained pod', 2, (redis) => new FleetWriter(redis, keys).drained('lock', 'p1', 'i1')],
  ['forgetting a pod', 7, (redis) => new FleetWriter(redis, keys).forgetPod('lock', 'p1')],
  [
    'the planner lock',
    1,
    async (redis) => {
      const lock = new SingleRedisPlannerLock(redis, keys.planner, 10_000, systemClock);
      await lock.acquire();
      await lock.extend();
    },
  ],
  ['the heads of all pods', 2, (redis) => readHeads(redis, keys, ['p3'])],
];

describe('in a Redis Cluster the keys of one call are in one slot', () => {
  it.each(CALLS)('%s', async (_name, least, call) => {
    const { redis, calls } = noting();
    await call(redis).catch(() => undefined);
    expect(calls.length).toBeGreaterThan(0);
    for (const named of calls) {
      expect(named.length).toBeGreaterThanOrEqual(least);
      expect(new Set(named.map(hashedPart)).size, named.join(' ')).toBe(1);
    }
  });
});

it('clusters and queues are spread over slots', () => {
  const one = [clusterKeys('east').pods, clusterKeys('west').pods, queueKeys('a').fence, queueKeys('b').fence];
  expect(new Set(one.map(hashedPart)).size).toBe(one.length);
});
