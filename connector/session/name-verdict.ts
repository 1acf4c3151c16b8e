import { z } from 'zod';
import { isForeignOwner, isSameOwner } from '../../core/protocol/scope.ts';
import { SESSION_RENEW_MS } from '../../core/protocol/session.ts';
import type { ProcessState } from './process-identity.ts';

/** Who a session in Redis says holds the pod's name. What a later version writes differently must not hide that. */
const holderSchema = z.object({
  incarnation: z.string(),
  state: z.string().catch('up'),
  owner: z.string().catch(''),
  machine: z.string().catch(''),
  pid: z.int().catch(0),
  startTicks: z.string().catch(''),
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
   * Ms for which this process has watched the name without a break and seen no renewal; undefined unless it has seen the
   * holder alive. Whoever has is not the holder's successor, but another one beside it.
   */
  silentMs: number | undefined;
}

export type NameVerdict = 'take' | 'wait' | 'foreign';

/** Who was silent for so long is gone or hangs. */
export const NAME_SILENCE_MS = 1.5 * SESSION_RENEW_MS;

/**
 * Whether a process that starts may take its pod's name. A name that a live process renews is never taken from it, except
 * by its own installation: the orchestrator starts a pod anew only when the old one is gone, as far as it can tell.
 */
export function nameVerdict({ scopeOwner, holder, process, self, silentMs }: NameFacts): NameVerdict {
  if (isForeignOwner(scopeOwner, self.owner)) return 'foreign';
  const silent = silentMs !== undefined && silentMs >= NAME_SILENCE_MS;
  // A Redis that was emptied knows no sessions for some seconds: a name that was held a moment ago is not free yet.
  if (holder === undefined) return silentMs === undefined || silent ? 'take' : 'wait';
  if (holder.incarnation === self.incarnation) return 'take';
  const kin = known(holder.owner, self.owner);
  if (known(scopeOwner, self.owner) && !kin) return 'take';
  // Two of one installation on one machine are a mistake of configuration, not a pod and its successor.
  if (kin && process !== 'lives') return 'take';
  const draining = holder.state === 'draining';
  if (silentMs === undefined) return draining || process === 'gone' ? 'take' : 'wait';
  // The holder's successor is awaited until its session ends; this process is not it.
  return silent && !draining ? 'take' : 'wait';
}

const known = (stored: string, owner: string): boolean => stored !== '' && isSameOwner(stored, owner);
