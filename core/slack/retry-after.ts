/** The longest wait that is honored (design rule 11): more may be a proxy's mistake, and asking again in minutes harms nobody. */
const MOST_RETRY_AFTER_MS = 300_000;

/**
 * Retry-After as seconds or as an HTTP date (RFC 9110, 10.2.3), at most five minutes.
 * @param date the answer's Date header: a wait until a date is counted from it, since this machine's clock may be hours off
 * @returns undefined when there is none, or none that can be read
 */
export function retryAfterMs(
  header: string | null | undefined,
  wallMs: number,
  date?: string | null,
): number | undefined {
  const text = header?.trim() ?? '';
  // Fractions are not in the standard, but some proxies send them.
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(MOST_RETRY_AFTER_MS, Math.ceil(Number(text) * 1000));
  const atMs = dateMs(text);
  if (Number.isNaN(atMs)) return undefined;
  const sentMs = dateMs(date ?? '');
  return Math.min(MOST_RETRY_AFTER_MS, Math.max(0, atMs - (Number.isNaN(sentMs) ? wallMs : sentMs)));
}

/** The three forms of an HTTP date (RFC 9110, 5.6.7) begin with a day of the week and have a time: Date.parse takes much else. */
const HTTP_DATE = /^(Sun|Mon|Tue|Wed|Thu|Fri|Sat)[a-z]*,? .*\d\d:\d\d:\d\d/;

const dateMs = (text: string): number => (HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN);
