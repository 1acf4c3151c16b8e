/** How long a bot keeps running under one SlackBot until the one that takes over is live: two attempts to connect. */
export const TAKEOVER_MS = 30_000;

/** One SlackBot hands its bot over to another. */
export interface Takeover {
  /** Monotonic. */
  sinceMs: number;
  /** Uids of those that may follow. */
  successors: readonly string[];
}

/** @param successors none: those of the last time */
export function continueTakeover(before: Takeover | undefined, successors: readonly string[], nowMs: number): Takeover {
  return {
    sinceMs: before?.sinceMs ?? nowMs,
    successors: successors.length > 0 ? successors : (before?.successors ?? []),
  };
}

/**
 * Make before break, since events that come while neither is connected are lost: the one that runs keeps running until
 * a socket of the other is live, or has had its time. It does not wait for one that is not going to run.
 */
export function mayEnd(
  takeover: Takeover,
  others: { mayRun(uid: string): boolean; isLive(uid: string): boolean },
  nowMs: number,
): boolean {
  const coming = takeover.successors.filter((uid) => others.mayRun(uid));
  return coming.length === 0 || nowMs - takeover.sinceMs >= TAKEOVER_MS || coming.some((uid) => others.isLive(uid));
}
