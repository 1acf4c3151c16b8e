import * as z from 'zod/mini';

/** A connector pod's session lease: that it is alive, where it runs, its capacity and which assignments it holds. */

/** TTL and renewal interval of design rule 7. */
export const SESSION_TTL_MS = 15_000;
export const SESSION_RENEW_MS = 5_000;
/** How long a pod that shut down gracefully may take to come back under its name (design rule 6). */
export const DRAIN_RETURN_MS = 90_000;

export const sessionSchema = z.object({
  pod: z.string(),
  /** Random, new at every start of the process. */
  incarnation: z.string(),
  zone: z.string(),
  /** Sockets this pod takes at most. */
  capacity: z.int().check(z.nonnegative()),
  /** `draining` from SIGTERM on; the key then outlives the process until `DRAIN_RETURN_MS` after it began. */
  state: z.enum(['up', 'draining']),
  /** Redis time in ms when draining began; 0 while up. */
  drainingSinceMs: z._default(z.number(), 0),
  /** Its sockets are closed; it only stays for events that wait for the queue. Older programs never set this. */
  left: z.optional(z.boolean()),
  /** Version of the assignments this pod holds; 0 for none yet. */
  version: z.int().check(z.nonnegative()),
  /** Ids of the fleet keys it can open seals with. */
  keyIDs: z.array(z.string()),
  /** Counts written reports; a reader whose copy has the same number need not read them again. */
  reportVersion: z.int().check(z.nonnegative()),
  /** Fleet faults in words that an administrator can act on, such as "Redis is full (OOM)"; empty when ready. */
  faults: z._default(z.array(z.string()), []),
  pid: z._default(z.int(), 0),
  /** The installation that this connector belongs to (`core/protocol/scope.ts`); empty if not known. */
  owner: z._default(z.string(), ''),
  /** The boot and process namespace in which `pid` is valid; empty if unknown. */
  machine: z._default(z.string(), ''),
  /** When the process started, in its kernel's ticks, because process ids are reused. */
  startTicks: z._default(z.string(), ''),
});
export type Session = z.infer<typeof sessionSchema>;

export function decodeSession(json: string): Session | undefined {
  try {
    return sessionSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
