import { afterAll, beforeAll, expect } from 'vitest';
import { waitFor } from './wait.ts';

/**
 * Runs around every test file: what a file has opened it must have closed when its last hook is done, or the file fails.
 * Counted is what keeps the event loop alive, by kind as Node names it.
 */
const COUNTED = ['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'PipeWrap', 'ProcessWrap', 'Timeout', 'FSEventWrap'];
/** Closing takes the other side a moment, and ioredis holds a timer of 2 s after a disconnect without a connection. */
const SETTLE_MS = 4_000;

const count = (kind: string): number => process.getActiveResourcesInfo().filter((each) => each === kind).length;

const before = new Map<string, number>();
beforeAll(() => {
  // Vitest's own timers last for a tenth of a second, and one may run just now.
  for (const kind of COUNTED) before.set(kind, kind === 'Timeout' ? 0 : count(kind));
});

afterAll(async () => {
  const leaked = (): string[] => COUNTED.filter((kind) => count(kind) > (before.get(kind) ?? 0));
  await waitFor(() => leaked().length === 0, { timeoutMs: SETTLE_MS }).catch(() => undefined);
  expect(leaked(), 'kinds of things that this file has opened and not closed').toEqual([]);
});
