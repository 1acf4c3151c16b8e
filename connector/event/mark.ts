/** Where the mark of an event lives that tells later copies that it is on the queue. */
export type Mark =
  /** The event has a time of its own, so every copy finds the same bucket at any time. */
  | { kind: 'timed'; atMs: number }
  /** It has none: bucket of its arrival by Redis time, and copies look into the neighbouring ones too. */
  | { kind: 'untimed' }
  /** A key of its own: facts that must not be told twice within weeks. */
  | { kind: 'own'; ttlMs: number };
