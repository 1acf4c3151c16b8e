import { systemClock } from '../core/process/clock.ts';

/** What asks a program to stop: a signal, one forwarded by the launcher (bin/relax.mjs), or the end of its parent. */
export type StopSource = 'signal' | 'launcher' | 'parent';
type StopStep = 'begin' | 'end-now' | 'ignore';

/** Ctrl-C reaches the launcher and us within moments of each other; both count as one request. */
const SAME_WISH_MS = 1_000;

/** Distinguishes a second request to stop, from an impatient user, from a copy of the first. */
export class StopRequests {
  #last: { source: StopSource; atMs: number } | undefined;

  /** @param nowMs monotonic */
  take(source: StopSource, nowMs: number): StopStep {
    const last = this.#last;
    if (last === undefined) {
      this.#last = { source, atMs: nowMs };
      return 'begin';
    }
    // The end of the parent is never a second request; it often follows the signal that both processes got.
    if (source === 'parent') return 'ignore';
    if (last.source !== source && nowMs - last.atMs < SAME_WISH_MS) return 'ignore';
    return 'end-now';
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * An AbortSignal for the lifetime of this process. It also aborts when the process that forked us is gone, so that we
 * don't survive its kill -9. A second request ends the process at once.
 */
export function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  const requests = new StopRequests();
  const take = (source: StopSource, signal: NodeJS.Signals): void => {
    switch (requests.take(source, systemClock.monotonicMs())) {
      case 'begin':
        stopping.abort();
        return;
      case 'end-now':
        process.exit(signal === 'SIGINT' ? 130 : 143);
        break;
      case 'ignore':
    }
  };
  for (const signal of SIGNALS) process.on(signal, () => take('signal', signal));
  if (process.channel !== undefined) {
    process.on('message', (message) => {
      const signal = SIGNALS.find((name) => isRecord(message) && message.signal === name);
      if (signal !== undefined) take('launcher', signal);
    });
    process.on('disconnect', () => take('parent', 'SIGTERM'));
    // The channel alone must not keep the process alive.
    process.channel.unref();
  }
  return stopping.signal;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
