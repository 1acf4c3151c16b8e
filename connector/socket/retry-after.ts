/** Longer waits than this are taken for a mistake of a proxy's, or for one that we should look at again. */
const CAP_MS = 3_600_000;

/**
 * Retry-After as seconds or as an HTTP date (RFC 9110, 10.2.3), at most an hour.
 * @returns undefined when there is none, or none that can be read
 */
export function retryAfterMs(header: string | null | undefined, wallMs: number): number | undefined {
  const text = header?.trim() ?? '';
  // Fractions are not in the standard, but some proxies send them.
  if (/^\d{1,15}(\.\d+)?$/.test(text)) return Math.min(CAP_MS, Math.ceil(Number(text) * 1000));
  // Date.parse takes much that is no date ("-5"): an HTTP date begins with a letter.
  const atMs = /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.min(CAP_MS, Math.max(0, atMs - wallMs));
}
