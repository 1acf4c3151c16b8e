/** Where an event's mark is kept, by which later copies are recognized as duplicates. */
export type Mark =
  /** The event has a time of its own, so every copy finds the same bucket at any time. */
  | {
      kind: 'timed';
      atMs: number;
      /**
       * Over Socket Mode: whether Slack may send copies for a day (Delayed Events), so that the mark must live that long. Copies
       * find the mark whatever each of them says here.
       */
      delayed?: boolean;
    }
  /** It has none, but a number that Slack gave it: a key of its own, as long as the mark of an event with a time. */
  | { kind: 'numbered'; delayed: boolean }
  /** It has none: the bucket of its arrival by Redis time, and copies also look in the neighboring buckets. */
  | { kind: 'untimed' }
  /** A key of its own: facts that must not be queued twice within weeks. */
  | { kind: 'own'; ttlMs: number };
