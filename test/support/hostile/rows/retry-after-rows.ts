import type { Promised, Row } from '../row.ts';
import { firstCall, firstUpgrade, recovers, waitsFor } from './first-attempt.ts';

/** The most that is honored, and what the API's 429 costs without a readable wait. */
const MOST_MS = 300_000;
const DEFAULT_MS = 30_000;
const DAY_MS = 86_400_000;

/** `waitMs`: what is made of it; undefined: nothing. */
interface Asked {
  words: string;
  value(): string;
  waitMs: number | undefined;
}

const ASKED: readonly Asked[] = [
  { words: 'a day', value: () => '86400', waitMs: MOST_MS },
  { words: '40 digits', value: () => '9'.repeat(40), waitMs: MOST_MS },
  { words: 'a date, tomorrow', value: () => new Date(Date.now() + DAY_MS).toUTCString(), waitMs: MOST_MS },
  { words: '1e30', value: () => '1e30', waitMs: undefined },
  { words: 'a negative number', value: () => '-5', waitMs: undefined },
  { words: 'no time', value: () => 'soon, perhaps', waitMs: undefined },
];

const wordsOf = (isKept: boolean): string =>
  ASKED.filter(({ waitMs }) => (waitMs !== undefined) === isKept)
    .map(({ words }) => words)
    .join('; ');

const rowsOf = ({ words, value, waitMs }: Asked): Row[] => {
  const asked = `Retry-After: ${wordsOf(waitMs !== undefined)}`;
  const more = (status: number) => ({ status, headers: { 'retry-after': value() } });
  const orBackoff = (reason: 'SlackUnavailable' | 'ConnectionRefused'): Promised =>
    waitMs === undefined ? recovers([reason]) : waitsFor([reason], waitMs);
  const upgrade = (status: number): Row => ({
    fault: `upgrade: HTTP ${status}, Retry-After of ${words}`,
    line: `upgrade: HTTP 429 or 503, ${asked}`,
    script: () => ({ upgrade: firstUpgrade((call) => call.answer(more(status))) }),
    promise: orBackoff('ConnectionRefused'),
  });
  return [
    {
      fault: `API: HTTP 429, Retry-After of ${words}`,
      line: `API: HTTP 429, ${asked}`,
      script: () => ({ api: firstCall((call) => call.answer(more(429))) }),
      promise: waitsFor(['RateLimited'], waitMs ?? DEFAULT_MS),
    },
    {
      fault: `API: HTTP 503, Retry-After of ${words}`,
      line: `API: HTTP 503, ${asked}`,
      script: () => ({ api: firstCall((call) => call.answer(more(503))) }),
      promise: orBackoff('SlackUnavailable'),
    },
    upgrade(429),
    upgrade(503),
  ];
};

/** Waits that nobody should keep, or understand. */
export const RETRY_AFTER_ROWS: readonly Row[] = ASKED.flatMap(rowsOf);
