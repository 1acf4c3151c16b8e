import { type BucketPolicy, type BucketState, fullBucket, tryToken } from './token-bucket.ts';

/**
 * Which occurrences become Events: a pure fold over what was recorded, kept by EventRecorder.
 * Limits as client-go's EventCorrelator: 25 at once for an object, then one per 5 minutes; 4096 entries remembered.
 */
const EVENT_LIMIT: BucketPolicy = { perSecond: 1 / 300, burst: 25 };
const REMEMBERED = 4096;
/** An occurrence this long after the last one starts a new Event. */
const SERIES_MS = 6 * 60_000;

export interface Series {
  key: string;
  count: number;
  lastAtMs: number;
}

type Admission =
  /** Write a new Event. */
  | { action: 'create'; series: Series }
  /** Raise the count of the Event that is there. */
  | { action: 'count'; series: Series }
  /** Too many for this object. The series' count includes it, so a later write still shows it. */
  | { action: 'limited'; series: Series };

export class EventSeries {
  readonly #series = new Map<string, Series>();
  readonly #buckets = new Map<string, BucketState>();

  /**
   * @param objectId uid of the object
   * @param seriesKey what makes two occurrences the same: object, type, reason, action
   */
  admit(objectId: string, seriesKey: string, nowMs: number): Admission {
    const known = this.#series.get(seriesKey);
    const going = known !== undefined && nowMs - known.lastAtMs < SERIES_MS;
    const series: Series = { key: seriesKey, count: going ? known.count + 1 : 1, lastAtMs: nowMs };
    const { state, taken } = tryToken(
      this.#buckets.get(objectId) ?? fullBucket(EVENT_LIMIT, nowMs),
      EVENT_LIMIT,
      nowMs,
    );
    remember(this.#buckets, objectId, state);
    if (!taken) {
      if (going) remember(this.#series, seriesKey, series);
      return { action: 'limited', series };
    }
    remember(this.#series, seriesKey, series);
    return { action: going ? 'count' : 'create', series };
  }

  /** The Event of this series is not on the server: the next occurrence creates it again. */
  forget(seriesKey: string): void {
    this.#series.delete(seriesKey);
  }
}

/** A map that forgets what was longest untouched. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= REMEMBERED) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
