import { parseSlotID, type Slot, type SlotID, teamOf } from '../../core/protocol/assignment.ts';
import { type FleetKey, type SealContext, seal, sealingKey } from '../../core/protocol/seal.ts';
import type { Session } from '../../core/protocol/session.ts';
import type { PlannedSlot } from '../plan/types.ts';
import type { DesiredBot } from './desired.ts';
import type { PodMemory } from './pod-memory.ts';

/** Id of the key that a sealed token needs; '' for anything else. */
export const sealedWith = (sealed: string): string => sealed.split('.')[1] ?? '';

/** Of the pods that have one. */
export const sessionsOf = (pods: ReadonlyMap<string, PodMemory>): readonly Session[] =>
  [...pods.values()].flatMap(({ session }) => (session === undefined ? [] : [session]));

/** The one of our keys to seal with now. @throws SealError without any */
export const sealingKeyFor = (pods: ReadonlyMap<string, PodMemory>, keys: readonly FleetKey[]): FleetKey =>
  sealingKey(
    keys,
    sessionsOf(pods).map(({ keyIDs }) => keyIDs),
  );

interface Sealed {
  tokenDigest: string;
  teamID: string;
  keyID: string;
  token: string;
}

/**
 * Seals each token once per key: a seal is random, and a slot whose text changed for nothing would be written and read
 * again everywhere. Holds sealed tokens only.
 */
export class Sealer {
  readonly #cluster: string;
  readonly #sealed = new Map<string, Sealed>();

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  /**
   * @param present the slot as the pod has it now, if it has it
   * @returns undefined when neither the bot nor an earlier seal has the token that the plan means
   */
  tokenFor(
    id: SlotID,
    planned: PlannedSlot,
    present: Slot | undefined,
    bots: ReadonlyMap<string, DesiredBot>,
    key: FleetKey,
  ): string | undefined {
    const { ownerUid } = parseSlotID(id);
    const { tokenDigest } = planned;
    const teamID = teamOf(planned);
    const fits = (sealed: Sealed | undefined): sealed is Sealed =>
      sealed !== undefined && sealed.tokenDigest === tokenDigest && sealed.teamID === teamID;
    const cached = this.#sealed.get(ownerUid);
    if (fits(cached) && cached.keyID === key.id) return cached.token;
    const earlier = present === undefined || present.token === '' ? undefined : sealOf(present);
    if (fits(earlier) && earlier.keyID === key.id) return earlier.token;
    const bot = bots.get(ownerUid);
    if (bot?.set.tokenDigest === tokenDigest && bot.token !== '') {
      const context: SealContext = { cluster: this.#cluster, ownerUid, teamID };
      const token = seal(bot.token, key, context);
      this.#sealed.set(ownerUid, { tokenDigest, teamID, keyID: key.id, token });
      return token;
    }
    // Better a seal by another key than no socket.
    return fits(earlier) ? earlier.token : fits(cached) ? cached.token : undefined;
  }

  /** Forgets owners that are no longer desired. */
  keepOnly(bots: ReadonlyMap<string, DesiredBot>): void {
    for (const ownerUid of this.#sealed.keys()) if (!bots.has(ownerUid)) this.#sealed.delete(ownerUid);
  }
}

const sealOf = (slot: Slot): Sealed => ({
  tokenDigest: slot.tokenDigest,
  teamID: teamOf(slot),
  keyID: sealedWith(slot.token),
  token: slot.token,
});
