import type { Redis } from './redis.ts';

/** The properties of a Redis server that matter to Relax. Undefined means unknown, since INFO may be restricted. */
export interface ServerProperties {
  evictionPolicy: string | undefined;
  maxMemoryBytes: number | undefined;
  /** Writes an append-only file. */
  appendOnly: boolean | undefined;
  isReplica: boolean | undefined;
}

interface ServerVerdict {
  /** It may lose queued items or marks: no program starts on it. */
  evicts: string | undefined;
  /** It takes no writes. A failover may cause that, and undo it. */
  replica: string | undefined;
  /** Settings of Redis that have a cost. */
  notes: readonly string[];
}

export class EvictingRedisError extends Error {
  override name = 'EvictingRedisError';
}

/** The one command that returns all of it and that a user without rights to CONFIG may run. */
export const readServerProperties = async (redis: Redis): Promise<ServerProperties> =>
  serverPropertiesIn(await redis.info());

export function serverPropertiesIn(info: string): ServerProperties {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  const maxMemory = field('maxmemory');
  const aof = field('aof_enabled');
  const role = field('role');
  return {
    evictionPolicy: field('maxmemory_policy'),
    maxMemoryBytes: maxMemory === undefined ? undefined : Number(maxMemory),
    appendOnly: aof === undefined ? undefined : aof === '1',
    isReplica: role === undefined ? undefined : role === 'slave' || role === 'replica',
  };
}

/**
 * A policy counts even if `maxmemory` is 0 and nothing can be evicted now: some day the limit is set by somebody who does
 * not think of the policy, and then a minute is enough to lose a queue. Setting noeviction costs nothing.
 * @param allowed `RELAX_ALLOW_EVICTION`: the one policy that is accepted
 */
export function judgeServerProperties(properties: ServerProperties, allowed: string | undefined): ServerVerdict {
  const { evictionPolicy: policy, appendOnly, isReplica } = properties;
  const notes: string[] = [];
  let evicts: string | undefined;
  if (policy !== undefined && policy !== 'noeviction') {
    // Marks have a TTL, the queue has none.
    const harm = policy.startsWith('volatile-')
      ? 'Redis may evict the marks of queued events, which would then be queued twice'
      : 'Redis may evict the queue, and its marks with it: events would be lost or queued twice';
    if (policy === allowed) notes.push(`${harm} (maxmemory-policy ${policy}): allowed by RELAX_ALLOW_EVICTION`);
    else {
      evicts =
        `${harm} (maxmemory-policy ${policy}): set it to noeviction, or accept it with ` +
        `RELAX_ALLOW_EVICTION=${policy}${allowed === undefined ? '' : `, which is now ${allowed}`}`;
    }
  }
  if (appendOnly === false) {
    notes.push('Redis has no append-only file: a restart loses what it holds since its last snapshot');
  }
  return {
    evicts,
    replica: isReplica === true ? 'Redis is a read-only replica: point RELAX_REDIS_URL at the primary' : undefined,
    notes,
  };
}
