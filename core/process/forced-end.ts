import { Worker } from 'node:worker_threads';

/** Between the two ways to end a process by force. The gentle one needs a running event loop. */
const LAST_RESORT_MS = 1_000;

/** Once started, it needs nothing from the main thread: no event loop, no lock, no more memory. */
const LAST_RESORT = `
const { workerData } = require('node:worker_threads');
setTimeout(() => process.kill(process.pid, 'SIGKILL'), workerData);
`;

export interface ForcedEnd {
  /** Cancels: the process has ended in time, or is to keep running. */
  disarm(): void;
}

/**
 * Ends this process after `deadlineMs` unless it has ended by itself. As long as the event loop runs, `end` does it. A
 * busy loop runs no timers, so a separate thread kills the process a second later.
 * @param end calls process.exit
 */
export function endByForceAfter(deadlineMs: number, end: () => void): ForcedEnd {
  const timer = setTimeout(end, deadlineMs).unref();
  const thread = lastResort(deadlineMs + LAST_RESORT_MS);
  return {
    disarm() {
      clearTimeout(timer);
      void thread?.terminate();
    },
  };
}

/** If there is no memory for a thread, the timer still works. */
function lastResort(afterMs: number): Worker | undefined {
  try {
    const thread = new Worker(LAST_RESORT, {
      eval: true,
      workerData: afterMs,
      // The thread inherits nothing from the program: no loaders, no inspector, no environment.
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
    });
    thread.on('error', () => undefined);
    thread.unref();
    return thread;
  } catch {
    return undefined;
  }
}
