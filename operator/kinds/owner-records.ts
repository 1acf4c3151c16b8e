import type { FleetView } from '../fleet/fleet-view.ts';
import { Rivals } from '../reconcile/rivals.ts';
import { isLive } from './socket-conditions.ts';
import { NEW_RECORD, type OtherOwners, type OwnerRecord } from './wanted.ts';

/** What is remembered of each owner of sockets, from one decision to the next. */
export class OwnerRecords {
  readonly #records = new Map<string, OwnerRecord>();
  readonly #rivals: Rivals;

  /** @param rivals those of the whole fleet, where other records exist beside these */
  constructor(rivals: Rivals = new Rivals()) {
    this.#rivals = rivals;
  }

  of(uid: string): OwnerRecord {
    return this.#records.get(uid) ?? NEW_RECORD;
  }

  /** @returns uids of others, of whatever kind, that may have become duplicates, or ceased to be */
  put(uid: string, record: OwnerRecord): string[] {
    this.#records.set(uid, record);
    return this.#rivals.put(uid, record.claim);
  }

  /** @returns as `put` */
  forget(uid: string): string[] {
    this.#records.delete(uid);
    return this.#rivals.put(uid, undefined);
  }

  /** What a decision may ask about all others. */
  others(view: Pick<FleetView, 'bots'>): OtherOwners {
    return {
      claimsOn: (claim) => this.#rivals.claimsOn(claim),
      mayRun: (uid) => this.#rivals.of(uid)?.mayRun === true,
      isLive: (uid) => view.bots.get(uid)?.slots.some(isLive) ?? false,
    };
  }
}
