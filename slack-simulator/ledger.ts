/**
 * One emitted event and who could hear it. `sockets`: live sockets it was written to. `swallowed`: half-open or silent
 * ones, which took it and told nobody. `pending`: sockets that will get it right after their hello.
 */
export type EventRecord = {
  id: string;
  teamID: string;
  type: string;
  atMs: number;
  sockets: number;
  swallowed: number;
  pending: number;
};

/** RTM has no replay: an event that no socket was sent, and none will be, is lost by Slack's own rules. */
export const isUnheard = (record: EventRecord): boolean => record.sockets === 0 && record.pending === 0;

/** A frame as it goes on the wire, serialised once for all sockets. Frames that are no events have no record. */
export type PreparedFrame = { data: Buffer; record: EventRecord | undefined };

export const prepare = (frame: unknown, record?: EventRecord): PreparedFrame => ({
  data: Buffer.from(JSON.stringify(frame)),
  record,
});

export type EventTotals = {
  emitted: number;
  deliveries: number;
  swallowed: number;
  unheard: number;
  pending: number;
};

/** Every event since the start or the last `clear`. */
export class EventLedger {
  readonly #records: EventRecord[] = [];

  open(id: string, teamID: string, type: string, nowMs: number): EventRecord {
    const record = { id, teamID, type, atMs: nowMs, sockets: 0, swallowed: 0, pending: 0 };
    this.#records.push(record);
    return record;
  }

  list(): readonly EventRecord[] {
    return this.#records;
  }

  clear(): void {
    this.#records.length = 0;
  }

  totals(): EventTotals {
    const totals = { emitted: this.#records.length, deliveries: 0, swallowed: 0, unheard: 0, pending: 0 };
    for (const record of this.#records) {
      totals.deliveries += record.sockets;
      totals.swallowed += record.swallowed;
      if (record.pending > 0) totals.pending += 1;
      if (isUnheard(record)) totals.unheard += 1;
    }
    return totals;
  }
}
