const SECOND_MS = 1_000;

/** The last second that was asked for, up to its point: events come many in a second. */
let last = { second: Number.NaN, text: '' };

/** What `new Date(ms).toISOString()` says, for times that are mostly of the same second. Throws RangeError for what is no time. */
export function isoTime(ms: number): string {
  const wholeMs = Math.trunc(ms);
  const second = Math.floor(wholeMs / SECOND_MS);
  if (second !== last.second)
    last = { second, text: new Date(second * SECOND_MS).toISOString().slice(0, -'000Z'.length) };
  return `${last.text}${String(wholeMs - second * SECOND_MS).padStart(3, '0')}Z`;
}
