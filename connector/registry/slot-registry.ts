import { errorText, type Log } from '../../core/process/log.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { parseSlotID, type Slot, type SlotID } from '../../core/protocol/assignment.ts';
import type { FleetKeyring } from '../../core/protocol/fleet-keyring.ts';
import { fenceField } from '../../core/protocol/keys.ts';
import type { SlotReport } from '../../core/protocol/report.ts';
import type { SlotDiff } from '../assignment/reconcile-slots.ts';
import { NO_PRESSURE, type Pressure } from '../queue/pressure.ts';
import type { SlotHandle } from '../slot/slot-handle.ts';
import type { SlotStatus } from '../slot/slot-status.ts';
import type { TransportSpec } from '../transport/transports.ts';
import { isFault, openSlot, type SlotFault } from './open-slot.ts';

/** @param onStatus called when the connection's status has changed */
export type OpenConnection = (spec: TransportSpec, onStatus: () => void) => SlotHandle<TransportSpec>;

export interface SlotRegistryOptions {
  cluster: string;
  incarnation: string;
  keyring: Pick<FleetKeyring, 'keys' | 'reload'>;
  openConnection: OpenConnection;
  /** What is to be reported of this slot has changed. */
  onChange(id: SlotID): void;
  log: Log;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
}

interface Entry {
  slot: Slot;
  connection: SlotHandle<TransportSpec> | undefined;
  /** Why the slot as it stands is not what runs. */
  fault: SlotFault | undefined;
}

/** What the report of a slot is to be. */
export type ReportWish =
  | { kind: 'report'; report: SlotReport }
  /** Its socket is closing: the last report stands until it is gone. */
  | { kind: 'keep' }
  | { kind: 'none' };

/** Slot -> connection: opens, changes and closes connections as assignments say. Decides nothing about sockets. */
export class SlotRegistry {
  readonly #options: SlotRegistryOptions;
  readonly #entries = new Map<SlotID, Entry>();
  /** Connections that are closing; an id may stand here several times, and among the entries again. */
  readonly #closing = new Map<Promise<void>, SlotID>();
  #pressure: Pick<Pressure, 'all' | 'bots'> = NO_PRESSURE;
  #stopping: Promise<void> | undefined;

  constructor(options: SlotRegistryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  ids(): SlotID[] {
    return [...this.#entries.keys()];
  }

  apply(diff: Pick<SlotDiff, 'start' | 'update' | 'stop'>): void {
    if (this.#stopping !== undefined) return;
    for (const id of diff.stop) this.#remove(id);
    for (const [id, slot] of [...diff.start, ...diff.update]) {
      const entry = this.#entries.get(id) ?? { slot, connection: undefined, fault: undefined };
      entry.slot = slot;
      this.#entries.set(id, entry);
      this.#run(id, entry);
    }
  }

  /** Tries again what could not be opened, with the keys that the file has now. */
  retryFaulty(): void {
    const faulty = [...this.#entries].filter(([, { fault }]) => fault !== undefined);
    if (faulty.length === 0 || this.#stopping !== undefined) return;
    this.#options.keyring.reload();
    for (const [id, entry] of faulty) this.#run(id, entry);
  }

  setPressure(pressure: Pick<Pressure, 'all' | 'bots'>): void {
    this.#pressure = pressure;
    // A connection that goes on may fill the buffer again, which calls this before the loop is over.
    for (const [id, { connection }] of this.#entries) connection?.setPressure(this.#isPressed(id));
  }

  report(id: SlotID): ReportWish {
    const entry = this.#entries.get(id);
    if (entry === undefined) return this.#isClosing(id) ? { kind: 'keep' } : { kind: 'none' };
    const { epoch } = entry.slot;
    return { kind: 'report', report: { epoch, incarnation: this.#options.incarnation, ...statusOf(entry) } };
  }

  state(id: SlotID): SlotReport['state'] | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined ? undefined : statusOf(entry).state;
  }

  states(): SlotReport['state'][] {
    return [...this.#entries.values()].map((entry) => statusOf(entry).state);
  }

  /** Closes everything for good. No change is told any more: the reports of a pod that leaves stand as they are. */
  stopAll(): Promise<void> {
    this.#stopping ??= this.#closeAll();
    return this.#stopping;
  }

  async #closeAll(): Promise<void> {
    for (const [id, entry] of this.#entries) this.#close(id, entry);
    await Promise.all(this.#closing.keys());
    this.#entries.clear();
  }

  #run(id: SlotID, entry: Entry): void {
    const { cluster, keyring, limitedLog, openConnection } = this.#options;
    const opened = openSlot(id, entry.slot, cluster, keyring.keys);
    if (isFault(opened)) {
      // With a wrong key file all slots are at fault at once; their reports name each.
      if (opened.message !== entry.fault?.message) {
        limitedLog.warn(opened.reason, { slot: id, bot: entry.slot.bot, ...opened }, 'cannot run slot');
      }
      entry.fault = opened;
    } else {
      entry.fault = undefined;
      if (entry.connection === undefined) {
        entry.connection = openConnection(opened, () => this.#changed(id, entry));
        if (this.#isPressed(id)) entry.connection.setPressure(true);
        entry.connection.start();
      } else {
        entry.connection.update(opened);
      }
    }
    this.#changed(id, entry);
  }

  #remove(id: SlotID): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#close(id, entry);
  }

  #close(id: SlotID, entry: Entry): void {
    const closing: Promise<void> = (entry.connection?.stop() ?? Promise.resolve())
      .catch((error: unknown) => {
        this.#options.log.error({ slot: id, error: errorText(error) }, 'connection did not close cleanly');
      })
      .finally(() => {
        this.#closing.delete(closing);
        if (this.#stopping === undefined) this.#options.onChange(id);
      });
    this.#closing.set(closing, id);
  }

  #isPressed(id: SlotID): boolean {
    const { all, bots } = this.#pressure;
    return all || (bots.size > 0 && bots.has(fenceField(this.#options.cluster, parseSlotID(id).ownerUid)));
  }

  #isClosing(id: SlotID): boolean {
    for (const closing of this.#closing.values()) if (closing === id) return true;
    return false;
  }

  #changed(id: SlotID, entry: Entry): void {
    // A connection that was replaced or is closing has nothing to say any more.
    if (this.#stopping === undefined && this.#entries.get(id) === entry) this.#options.onChange(id);
  }
}

/** A fault is told beside a socket that lives all the same, and in place of whatever else an earlier token came to. */
function statusOf({ slot, connection, fault }: Entry): SlotStatus {
  const status = connection?.status();
  if (status !== undefined && (fault === undefined || status.state === 'live' || status.state === 'paused')) {
    return { ...status, ...fault };
  }
  const { tokenDigest } = slot;
  return { state: 'connecting', reason: '', message: '', tokenDigest, teamName: '', botUserID: '', ...fault };
}
