/** How long a SlackBot runs on while the one that takes over is not live: enough for two tries to connect. */
export const TAKEOVER_MS = 30_000;

/** One SlackBot hands its bot over to another. */
export interface Takeover {
  /** Monotonic. */
  sinceMs: number;
  /** Uids of those that may take over. */
  successors: readonly string[];
}

/** @param successors if there are none, those known before stay */
export function continueTakeover(before: Takeover | undefined, successors: readonly string[], nowMs: number): Takeover {
  return {
    sinceMs: before?.sinceMs ?? nowMs,
    successors: successors.length > 0 ? successors : (before?.successors ?? []),
  };
}

/**
 * Make before break, since events are lost while neither is connected: the one that runs goes on until a socket of the
 * other is live, for `TAKEOVER_MS` at most. It does not wait for one that will not run.
 */
export function mayEnd(
  { sinceMs, successors }: Takeover,
  others: { mayRun(uid: string): boolean; isLive(uid: string): boolean },
  nowMs: number,
): boolean {
  const coming = successors.filter((uid) => others.mayRun(uid));
  return coming.length === 0 || isOver({ sinceMs, successors: coming }, others, nowMs);
}

/** As `mayEnd`, where a successor that has not been judged yet is waited for as well. */
export const isOver = (
  { sinceMs, successors }: Takeover,
  others: { isLive(uid: string): boolean },
  nowMs: number,
): boolean => nowMs - sinceMs >= TAKEOVER_MS || successors.some((uid) => others.isLive(uid));
