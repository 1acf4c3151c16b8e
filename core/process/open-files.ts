import { readFileSync } from 'node:fs';

/** For all that is no websocket: Redis, calls of Slack's Web API while many dial, scrapes, the runtime's own. */
const OTHERS = 150;

/** @param limits /proc/self/limits of Linux @returns undefined when it names none */
export function openFilesLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : soft === undefined ? undefined : Number(soft);
}

/**
 * Whether this process may not open as many sockets as it offers to take. Without this, it would look as if Slack were failing:
 * a dial for which there is no file is one that failed.
 * @returns words for an administrator; undefined when there are enough
 */
export function fileShortage(limit: number | undefined, capacity: number): string | undefined {
  const needed = capacity + OTHERS;
  if (limit === undefined || limit >= needed) return undefined;
  return (
    `this process may open ${limit} files and needs ${needed} for RELAX_CAPACITY=${capacity}: raise the hard limit ` +
    '(ulimit -Hn, LimitNOFILE of systemd, the default ulimits of the container runtime) or lower RELAX_CAPACITY'
  );
}

/** Both runtimes have raised the soft limit to the hard one at their start. @returns undefined where it can't be known */
export function readOpenFilesLimit(): number | undefined {
  try {
    return openFilesLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return undefined;
  }
}
