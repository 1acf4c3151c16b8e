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
  takeover: Takeover,
  others: { mayRun(uid: string): boolean; isLive(uid: string): boolean },
  nowMs: number,
): boolean {
  const coming = takeover.successors.filter((uid) => others.mayRun(uid));
  return coming.length === 0 || nowMs - takeover.sinceMs >= TAKEOVER_MS || coming.some((uid) => others.isLive(uid));
}
