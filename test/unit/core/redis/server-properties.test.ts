import { describe, expect, it } from 'vitest';
import { judgeServerProperties, type ServerProperties, serverPropertiesIn } from '#core/redis/server-properties.ts';

const properties = (changes: Partial<ServerProperties> = {}): ServerProperties => ({
  evictionPolicy: 'noeviction',
  maxMemoryBytes: 1_000_000,
  appendOnly: true,
  isReplica: false,
  ...changes,
});

describe('a Redis', () => {
  it('is read from INFO, whatever else stands there', () => {
    const info =
      '# Memory\r\nmaxmemory:100\r\nmaxmemory_human:100B\r\nmaxmemory_policy:allkeys-lru\r\n# Persistence\r\n';
    expect(serverPropertiesIn(`${info}aof_enabled:0\r\n# Replication\r\nrole:slave\r\n`)).toEqual({
      evictionPolicy: 'allkeys-lru',
      maxMemoryBytes: 100,
      appendOnly: false,
      isReplica: true,
    });
    expect(serverPropertiesIn(`${info}aof_enabled:1\r\nrole:master`)).toMatchObject({
      appendOnly: true,
      isReplica: false,
    });
  });

  it('that does not say is accepted: unknown is not a fault', () => {
    expect(judgeServerProperties(serverPropertiesIn('redis_version:7.0.0'), undefined)).toEqual({ notes: [] });
  });

  it('as it should be needs no warning', () => {
    expect(judgeServerProperties(properties(), undefined)).toEqual({ notes: [] });
    expect(judgeServerProperties(properties(), 'allkeys-lru')).toEqual({ notes: [] });
  });

  it.each([
    ['allkeys-lru', 'evict the queue'],
    ['allkeys-lfu', 'evict the queue'],
    ['allkeys-random', 'evict the queue'],
    ['volatile-lru', 'queued twice'],
    ['volatile-lfu', 'queued twice'],
    ['volatile-random', 'queued twice'],
    ['volatile-ttl', 'queued twice'],
    ['of-the-future', 'evict the queue'],
  ])(
    'with maxmemory-policy %s is refused with what it does and both remedies, unless it is allowed by name',
    (policy, harm) => {
      const { evicts } = judgeServerProperties(properties({ evictionPolicy: policy }), undefined);
      expect(evicts).toContain(harm);
      expect(evicts).toContain('noeviction');
      expect(evicts).toContain(`RELAX_ALLOW_EVICTION=${policy}`);
      const allowed = judgeServerProperties(properties({ evictionPolicy: policy }), policy);
      expect(allowed.evicts).toBeUndefined();
      expect(allowed.notes).toEqual([expect.stringContaining(policy)]);
      expect(judgeServerProperties(properties({ evictionPolicy: policy }), 'allkeys-other').evicts).toContain(
        'which is now allkeys-other',
      );
    },
  );

  it('without a limit of memory is refused all the same: the limit comes one day', () => {
    expect(
      judgeServerProperties(properties({ evictionPolicy: 'allkeys-lru', maxMemoryBytes: 0 }), undefined).evicts,
    ).toBeDefined();
  });

  it('that is a replica, or writes no append-only file, is recognized', () => {
    expect(judgeServerProperties(properties({ isReplica: true }), undefined).replica).toContain('RELAX_REDIS_URL');
    expect(judgeServerProperties(properties({ appendOnly: false }), undefined).notes).toEqual([
      expect.stringContaining('append-only'),
    ]);
  });
});
