import { z } from 'zod';

/** A connector pod's session lease: that it lives, where it is, what it can take and which assignments it holds. */

/** Source: design rule 7. */
export const SESSION_TTL_MS = 15_000;
export const SESSION_RENEW_MS = 5_000;
/** How long a pod that left in an orderly way may take to come back under its name (design rule 6). */
export const DRAIN_RETURN_MS = 90_000;

export const sessionSchema = z.object({
  pod: z.string(),
  /** Random, new at every start of the process. */
  incarnation: z.string(),
  zone: z.string(),
  /** Sockets this pod takes at most. */
  capacity: z.int().nonnegative(),
  /** `draining` from SIGTERM on; the key then outlives the process until `DRAIN_RETURN_MS` after it began. */
  state: z.enum(['up', 'draining']),
  /** Redis time in ms when draining began; 0 while up. */
  drainingSinceMs: z.number().default(0),
  /** Its sockets are closed; only events that wait for the queue keep its process. Older programs never say so. */
  left: z.boolean().optional(),
  /** Version of the assignments this pod holds; 0 for none yet. */
  version: z.int().nonnegative(),
  /** Ids of the fleet keys it can open seals with. */
  keyIDs: z.array(z.string()),
  /** Counts reports written; a reader whose copy has the same number need not read them again. */
  reportVersion: z.int().nonnegative(),
  /** Fleet faults in words that a person can act on, such as "Redis is full (OOM)"; empty when ready. */
  faults: z.array(z.string()).default([]),
  pid: z.int().default(0),
  /** Of the installation that this connector is part of (`core/protocol/scope.ts`); empty when it was not told. */
  owner: z.string().default(''),
  /** Where `pid` means something: boot and process namespace; empty when unknown. */
  machine: z.string().default(''),
  /** When the process started, by its kernel's count: numbers of processes are used again. */
  startTicks: z.string().default(''),
});
export type Session = z.infer<typeof sessionSchema>;

export function decodeSession(json: string): Session | undefined {
  try {
    return sessionSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
