import type { ClusterKeys } from '../../core/protocol/keys.ts';
import type { Session } from '../../core/protocol/session.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import type { NameClaim, NameLook } from './name-seeker.ts';
import { decodeHolder } from './name-verdict.ts';

/** What a renewal returns (`renew.lua`). */
export interface Renewal {
  redisMs: number;
  /** Version of this pod's assignments; undefined when Redis has none, or none that is a number. */
  version: number | undefined;
  /** Incarnation that the planner has released from draining. */
  drained: string | undefined;
  /** False when Redis has no reports of this pod. */
  reportsExist: boolean;
  /** Incarnation of another process under this pod's name. The lease belongs to it and was not renewed for us. */
  rival: string | undefined;
  /** Owner of the scope, when that is another than ours. Nothing was written. */
  foreign: string | undefined;
}

/** @param claim of a process that seeks its name: whom it may be taken from */
export type Renew = (session: Session, ttlMs: number, claim: NameClaim | undefined) => Promise<Renewal>;

/** Reports outlive a session, so that a planner that comes back late still learns what the pod last saw. */
export const REPORT_TTL_MS = 3_600_000;

const SCRIPT = loadScript(new URL('./renew.lua', import.meta.url));

export function redisRenew(redis: Redis, keys: ClusterKeys, pod: string): Renew {
  const [session, version, report, drained] = [
    keys.session(pod),
    keys.version(pod),
    keys.report(pod),
    keys.drained(pod),
  ];
  const scriptKeys = [session, keys.pods, version, report, drained, keys.owner];
  return async (content, ttlMs, claim) => {
    const own = [JSON.stringify(content), ttlMs, pod, content.incarnation, REPORT_TTL_MS, content.owner];
    const args = [...own, claim?.incarnation ?? '', claim?.renewedAt ?? ''];
    const reply = await runScript(redis, SCRIPT, scriptKeys, args);
    const [redisMs, stored, mark, reports, rival, foreign]: unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof redisMs !== 'number') throw new Error('the renewal script gave an answer of another shape');
    return {
      redisMs,
      version: parseVersion(stored),
      drained: typeof mark === 'string' ? mark : undefined,
      reportsExist: reports === 1,
      rival: textOr(rival, undefined),
      foreign: textOr(foreign, undefined),
    };
  };
}

/** Reads only, so that a Redis that takes no writes still says whose the name is. */
export function redisLook(redis: Redis, keys: ClusterKeys, pod: string): () => Promise<NameLook> {
  return async () => {
    const [owner, session, score] = await redis.transaction([
      ['get', keys.owner],
      ['get', keys.session(pod)],
      ['zscore', keys.pods, pod],
    ]);
    return {
      scopeOwner: textOr(owner, ''),
      holder: decodeHolder(textOr(session, '')),
      renewedAt: textOr(score, ''),
    };
  };
}

const textOr = <T>(reply: unknown, otherwise: T): string | T =>
  typeof reply === 'string' && reply !== '' ? reply : otherwise;

/** An assignment version as Redis has it. Anything but a whole number counts as missing: unknown. */
export function parseVersion(text: unknown): number | undefined {
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
