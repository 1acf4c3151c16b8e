/** Decides whether a starting connector may take its pod's name. Pure (ADR 0006). */

import * as z from 'zod/mini';
import { isForeignOwner, isSameOwner } from '../../core/protocol/scope.ts';
import { SESSION_RENEW_MS } from '../../core/protocol/session.ts';
import type { ProcessState } from './process-identity.ts';

/** The holder of the pod's name according to a session in Redis. It must be readable even in a later version's format. */
const holderSchema = z.object({
  incarnation: z.string(),
  state: z.catch(z.string(), 'up'),
  owner: z.catch(z.string(), ''),
  machine: z.catch(z.string(), ''),
  pid: z.catch(z.int(), 0),
  startTicks: z.catch(z.string(), ''),
});
export type NameHolder = z.infer<typeof holderSchema>;

/** @returns undefined for what names nobody */
export function decodeHolder(json: string): NameHolder | undefined {
  try {
    return holderSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

export interface NameFacts {
  /** Of the scope, as Redis has it; empty when Redis does not know. */
  scopeOwner: string;
  holder: NameHolder | undefined;
  /** The holder's process. */
  process: ProcessState;
  self: { incarnation: string; owner: string };
  /**
   * How long this process has watched the name without interruption and seen no renewal; undefined unless it has seen the
   * holder alive. A process that has seen that is not the holder's successor but a different one beside it.
   */
  silentMs: number | undefined;
}

export type NameVerdict = 'take' | 'wait' | 'foreign';

/** A holder that was silent for this long is gone or hangs. */
export const NAME_SILENCE_MS = 1.5 * SESSION_RENEW_MS;

/**
 * Whether a starting process may take its pod's name. A name is never taken from a live process that renews it, except by
 * the same installation: the orchestrator restarts a pod only when the old one is gone, as far as it can tell.
 */
export function nameVerdict({ scopeOwner, holder, process, self, silentMs }: NameFacts): NameVerdict {
  if (isForeignOwner(scopeOwner, self.owner)) return 'foreign';
  const silent = silentMs !== undefined && silentMs >= NAME_SILENCE_MS;
  // A Redis that was emptied has no sessions for some seconds, so a name that was held a moment ago is not free yet.
  if (holder === undefined) return silentMs === undefined || silent ? 'take' : 'wait';
  if (holder.incarnation === self.incarnation) return 'take';
  const kin = known(holder.owner, self.owner);
  if (known(scopeOwner, self.owner) && !kin) return 'take';
  // Two processes of one installation on one machine are a configuration mistake, not a pod and its successor.
  if (kin && process !== 'lives') return 'take';
  const draining = holder.state === 'draining';
  if (silentMs === undefined) return draining || process === 'gone' ? 'take' : 'wait';
  // The session is left to the holder's successor until it ends; this process is not that successor.
  return silent && !draining ? 'take' : 'wait';
}

const known = (stored: string, owner: string): boolean => stored !== '' && isSameOwner(stored, owner);
