import type { ClusterKeys } from '../../core/keys.ts';
import type { Redis } from '../../core/redis.ts';
import { loadScript, runScript } from '../../core/script.ts';
import type { Session } from '../../core/session.ts';

/** What a renewal tells (`renew.lua`). */
export interface Renewal {
  redisMs: number;
  /** Version of this pod's assignments; undefined when Redis has none, or none that is a number. */
  version: number | undefined;
  /** Incarnation that the planner has released from draining. */
  drained: string | undefined;
  /** False when Redis has no reports of this pod. */
  reportsExist: boolean;
  /** Incarnation of a younger process under this pod's name. The lease is its, and was not renewed for us. */
  rival: string | undefined;
}

export type Renew = (session: Session, ttlMs: number, takeName: boolean) => Promise<Renewal>;

/** Reports outlive a session, so that a planner that comes back late still learns what the pod last saw. */
export const REPORT_TTL_MS = 3_600_000;

const SCRIPT = loadScript(new URL('./renew.lua', import.meta.url));

export function redisRenew(redis: Redis, keys: ClusterKeys, pod: string): Renew {
  const scriptKeys = [keys.session(pod), keys.pods, keys.version(pod), keys.report(pod), keys.drained(pod)];
  return async (session, ttlMs, takeName) => {
    const args = [JSON.stringify(session), ttlMs, pod, session.incarnation, REPORT_TTL_MS, takeName ? 1 : 0];
    const reply = await runScript(redis, SCRIPT, scriptKeys, args);
    const [redisMs, version, drained, reports, rival]: unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof redisMs !== 'number') throw new Error('the renewal script gave an answer of another shape');
    return {
      redisMs,
      version: parseVersion(version),
      drained: typeof drained === 'string' ? drained : undefined,
      reportsExist: reports === 1,
      rival: typeof rival === 'string' && rival !== '' ? rival : undefined,
    };
  };
}

/** An assignment version as Redis has it. What is no whole number is as good as missing: unknown. */
export function parseVersion(text: unknown): number | undefined {
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
