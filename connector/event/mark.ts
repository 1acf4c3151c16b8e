/** Where an event's mark is kept, by which later copies are recognized as duplicates. */
export type Mark =
  /** The event has a time of its own, so every copy finds the same bucket at any time. */
  | {
      kind: 'timed';
      atMs: number;
      /** Slack may send copies for a day (Delayed Events), so the mark lives that long. */
      delayed?: boolean;
    }
  /** It has none: the bucket of its arrival by Redis time, and copies also look in the neighboring buckets. */
  | { kind: 'untimed' }
  /** A key of its own: facts that must not be queued twice within weeks. */
  | { kind: 'own'; ttlMs: number };
