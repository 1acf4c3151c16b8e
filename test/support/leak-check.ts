import { afterAll, beforeAll, expect } from 'vitest';
import { RUNTIME } from '#core/process/runtime.ts';
import { openThings } from './open-things.ts';
import { waitFor } from './wait.ts';

/** Runs around every test file: what a file has opened it must have closed when its last hook is done, or the file fails. */

/** Closing takes the other side a moment, and ioredis holds a timer of 2 s after a disconnect without a connection. */
const SETTLE_MS = 4_000;

/** Bun also counts timers that keep nothing alive, as the timeout of the hook that counts. */
const HOOK_TIMERS = RUNTIME.name === 'node' ? 0 : 1;

const open = await openThings();
let before: ReadonlyMap<string, number> = new Map();
beforeAll(() => {
  before = open();
});

afterAll(async () => {
  const leaked = (): string[] =>
    [...open()].flatMap(([kind, count]) => {
      // Vitest's own timers last for a tenth of a second, and one may run just now.
      const had = kind === 'Timeout' ? HOOK_TIMERS : (before.get(kind) ?? 0);
      return count > had ? [kind] : [];
    });
  await waitFor(() => leaked().length === 0, { timeoutMs: SETTLE_MS }).catch(() => undefined);
  expect(leaked(), 'kinds of things that this file has opened and not closed').toEqual([]);
});
