/** The longest wait that is honored (design rule 11): more may be a proxy's mistake, and asking again in minutes harms nobody. */
const MOST_RETRY_AFTER_MS = 300_000;

/**
 * Retry-After as seconds or as an HTTP date (RFC 9110, 10.2.3), at most five minutes.
 * @returns undefined when there is none, or none that can be read
 */
export function retryAfterMs(header: string | null | undefined, wallMs: number): number | undefined {
  const text = header?.trim() ?? '';
  // Fractions are not in the standard, but some proxies send them.
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(MOST_RETRY_AFTER_MS, Math.ceil(Number(text) * 1000));
  // Date.parse accepts much that is not a date ("-5"): an HTTP date begins with a letter.
  const atMs = /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.min(MOST_RETRY_AFTER_MS, Math.max(0, atMs - wallMs));
}
