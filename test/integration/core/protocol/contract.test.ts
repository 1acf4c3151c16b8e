import { describe, expect, it } from 'vitest';
import { agreeOnContract, DEFAULT_CONTRACT, renewContract } from '#core/protocol/contract.ts';
import { useRedis } from '#test/support/redis-fixture.ts';

const redis = useRedis({ emptied: true }).useClient();

const STORED = { bucketMs: '60000', subBuckets: '64', windowMs: '3600000', shards: '1' };

describe('the fleet contract in Redis', () => {
  it('is written by the first program and accepted by all that agree', async () => {
    await Promise.all([1, 2, 3].map(() => agreeOnContract(redis, DEFAULT_CONTRACT)));
    expect(await redis.hgetall('relax:contract')).toEqual(STORED);
  });

  it('stops a program that differs, and stays as it is', async () => {
    await agreeOnContract(redis, DEFAULT_CONTRACT);
    const other = { ...DEFAULT_CONTRACT, windowMs: 93_600_000 };
    await expect(agreeOnContract(redis, other)).rejects.toThrow(/RELAX_DEDUPE_WINDOW_SECONDS.*93600000.*3600000/);
    expect(await redis.hgetall('relax:contract')).toEqual(STORED);
  });

  it('is rewritten after a loss, and a program that came first with other values is noticed', async () => {
    expect(await renewContract(redis, DEFAULT_CONTRACT)).toEqual([]);
    expect(await redis.hgetall('relax:contract')).toEqual(STORED);
    expect(await renewContract(redis, { ...DEFAULT_CONTRACT, subBuckets: 128 })).toEqual([
      { field: 'subBuckets', stored: '64', configured: 128 },
    ]);
  });
});
