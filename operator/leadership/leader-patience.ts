/** How long a leader that does not reach Redis stays the leader: others may reach it, but nobody can know. Pure. */
export interface LeaderPatience {
  yieldAfterMs: number;
}

const FIRST_YIELD_MS = 17_000;
/** If Redis is away for everybody, somebody must lead all the same, and not another process every few seconds. */
const LONGEST_YIELD_MS = 600_000;

/** Redis is reached. */
export const patienceWithRedis: LeaderPatience = { yieldAfterMs: FIRST_YIELD_MS };

export const patienceAfterYield = ({ yieldAfterMs }: LeaderPatience): LeaderPatience => ({
  yieldAfterMs: Math.min(LONGEST_YIELD_MS, yieldAfterMs * 2),
});

export const shouldYield = (
  { yieldAfterMs }: LeaderPatience,
  { awayMs, leadingMs }: { awayMs: number; leadingMs: number },
): boolean => Math.min(awayMs, leadingMs) >= yieldAfterMs;
