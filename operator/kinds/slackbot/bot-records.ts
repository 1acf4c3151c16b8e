import { botKeyOf, type Claim } from './duplicates.ts';
import { type BotRecord, NEW_RECORD } from './wanted.ts';

/** The records of all bots, with an index of those that claim the same bot. */
export class BotRecords {
  readonly #records = new Map<string, BotRecord>();
  /** Bot (team and token) -> uids of those that claim it. */
  readonly #claimants = new Map<string, Set<string>>();

  of(uid: string): BotRecord {
    return this.#records.get(uid) ?? NEW_RECORD;
  }

  /** @returns uids of others that may have become duplicates, or ceased to be */
  put(uid: string, record: BotRecord): string[] {
    const affected = this.#moveClaim(uid, this.#records.get(uid)?.claim, record.claim);
    this.#records.set(uid, record);
    return affected;
  }

  /** @returns as `put` */
  forget(uid: string): string[] {
    const affected = this.#moveClaim(uid, this.#records.get(uid)?.claim, undefined);
    this.#records.delete(uid);
    return affected;
  }

  /** The claims of others on the same bot. */
  claimsOn(claim: Claim): Claim[] {
    const claims: Claim[] = [];
    for (const uid of this.#claimants.get(botKeyOf(claim)) ?? []) {
      const other = this.#records.get(uid)?.claim;
      if (uid !== claim.uid && other !== undefined) claims.push(other);
    }
    return claims;
  }

  #moveClaim(uid: string, before: Claim | undefined, after: Claim | undefined): string[] {
    const from = before && botKeyOf(before);
    const to = after && botKeyOf(after);
    if (from === to) return [];
    const affected: string[] = [];
    if (from !== undefined) {
      const left = this.#claimants.get(from);
      left?.delete(uid);
      if (left?.size === 0) this.#claimants.delete(from);
      affected.push(...(left ?? []));
    }
    if (to !== undefined) {
      const joined = this.#claimants.get(to) ?? new Set();
      affected.push(...joined);
      this.#claimants.set(to, joined.add(uid));
    }
    return affected;
  }
}
