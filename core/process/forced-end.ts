import { Worker } from 'node:worker_threads';

/** Between the ways to end a process by force: the kind one needs an event loop that turns. */
const LAST_RESORT_MS = 1_000;

/** Needs nothing of the main thread once it has begun: no event loop, no lock, no more memory. */
const LAST_RESORT = `
const { workerData } = require('node:worker_threads');
setTimeout(() => process.kill(process.pid, 'SIGKILL'), workerData);
`;

export interface ForcedEnd {
  /** The process has ended in time, or lives on. */
  disarm(): void;
}

/**
 * Ends this process after `deadlineMs`, come what may, unless it has ended by itself. While the event loop turns, `end`
 * does it; a loop that is kept busy runs no timer, so a thread of its own kills the process a second later.
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

/** Without memory for a thread there is still the timer. */
function lastResort(afterMs: number): Worker | undefined {
  try {
    const thread = new Worker(LAST_RESORT, {
      eval: true,
      workerData: afterMs,
      // None of what the program was started with: no loaders, no inspector, no environment.
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
