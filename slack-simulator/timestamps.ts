/**
 * Slack's timestamps: decimal strings of seconds with six digits of fraction. They name a message within its channel,
 * so two are never equal and they are never parsed to a float, which can't hold them.
 */
type Timestamps = { next(nowMs: number): string };

/** Strictly rising timestamps, also when many are asked for in one millisecond or the clock steps back. */
export function createTimestamps(): Timestamps {
  let lastMicros = 0;
  return {
    next(nowMs) {
      lastMicros = Math.max(Math.floor(nowMs) * 1000, lastMicros + 1);
      return formatMicros(lastMicros);
    },
  };
}

/** Microseconds since 1970 (an integer, exact up to the year 2255) as Slack writes them. */
export function formatMicros(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  return `${seconds}.${String(micros - seconds * 1_000_000).padStart(6, '0')}`;
}
