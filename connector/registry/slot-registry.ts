import type { Clock } from '../../core/process/clock.ts';
import { DefectLog } from '../../core/process/defect.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import { PeriodicTask } from '../../core/process/periodic-task.ts';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { parseSlotID, type Slot, type SlotID, type Slots } from '../../core/protocol/assignment.ts';
import type { FleetKeyring } from '../../core/protocol/fleet-keyring.ts';
import { fenceField } from '../../core/protocol/keys.ts';
import type { SlotReport } from '../../core/protocol/report.ts';
import type { Addressee } from '../outbound/addressee.ts';
import { NO_PRESSURE, type Pressure } from '../queue/pressure.ts';
import type { SlotRunner } from '../slot/slot-runner.ts';
import type { SlotStatus } from '../slot/slot-status.ts';
import type { TransportSpec } from '../transport/transports.ts';
import { converge, failedAgain, nextRetryMs, type SlotEntry, type SlotFailure } from './converge.ts';
import { isFault, openSlot, type SlotFault, unforeseen } from './open-slot.ts';

/** What runs one slot, as the registry sees it. */
export type Runner = Pick<
  SlotRunner<TransportSpec>,
  'start' | 'update' | 'setPressure' | 'markAgain' | 'status' | 'addressee' | 'stop'
>;

/** @param onStatus called when the runner's status has changed */
export type CreateRunner = (spec: TransportSpec, onStatus: () => void) => Runner;

export interface SlotRegistryOptions {
  cluster: string;
  incarnation: string;
  keyring: Pick<FleetKeyring, 'keys' | 'reload'>;
  /** What is assigned to this pod; undefined while it must not be acted on. */
  held(): Slots | undefined;
  createRunner: CreateRunner;
  /** The report of this slot has changed. */
  onChange(id: SlotID): void;
  /** `addressees` may have changed. */
  onAddressees?(): void;
  clock: Clock;
  log: Log;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
}

interface Entry extends SlotEntry {
  runner: Runner | undefined;
  failure: Failure | undefined;
  /** The runner could not be told of the pressure. */
  owedPressure: boolean;
}

/** Why the slot does not run as assigned. */
interface Failure extends SlotFailure {
  fault: SlotFault;
}

/** What to report about a slot. */
export type DesiredReport =
  | { kind: 'report'; report: SlotReport }
  /** Its socket is closing: the last report stands until it is gone. */
  | { kind: 'keep' }
  | { kind: 'none' };

/**
 * The slots of this pod, each with its runner. Each time it is called, it makes what runs equal to what is held: what fails
 * is found again by the next call, and stops no other slot. For each slot it keeps the assignment that was last applied; only
 * the runner keeps the plain spec. It decides nothing about sockets.
 */
export class SlotRegistry {
  readonly #options: SlotRegistryOptions;
  readonly #entries = new Map<SlotID, Entry>();
  /** Runners that are closing; an id may stand here several times, and among the entries again. */
  readonly #closing = new Map<Promise<void>, SlotID>();
  readonly #retries: PeriodicTask;
  readonly #defects: DefectLog;
  #pressure: Pick<Pressure, 'all' | 'bots'> = NO_PRESSURE;
  #stopping: Promise<void> | undefined;

  constructor(options: SlotRegistryOptions) {
    this.#options = options;
    const { log, clock } = options;
    this.#retries = new PeriodicTask('slots that failed', async () => this.#look(), log);
    this.#defects = new DefectLog(log, clock);
  }

  get size(): number {
    return this.#entries.size;
  }

  ids(): SlotID[] {
    return [...this.#entries.keys()];
  }

  /** Something may have changed, or it is time to check. */
  look(): void {
    this.#retries.soon(this.#look());
  }

  setPressure(pressure: Pick<Pressure, 'all' | 'bots'>): void {
    this.#pressure = pressure;
    // A runner that goes on may fill the buffer again, which calls this before the loop is over.
    for (const [id, entry] of this.#entries) this.#press(id, entry);
  }

  /** Redis has lost what it held, the marks of live sockets among it. */
  markAgain(): void {
    for (const { runner } of this.#entries.values()) this.#markAgain(runner);
  }

  /** The bots of these slots, for outbound messages. */
  addressees(): Addressee[] {
    return [...this.#entries.values()].flatMap(({ runner }) => runner?.addressee() ?? []);
  }

  report(id: SlotID): DesiredReport {
    const entry = this.#entries.get(id);
    if (entry === undefined) return this.#isClosing(id) ? { kind: 'keep' } : { kind: 'none' };
    const { epoch, kind } = entry.slot;
    return { kind: 'report', report: { epoch, kind, incarnation: this.#options.incarnation, ...statusOf(entry) } };
  }

  state(id: SlotID): SlotReport['state'] | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined ? undefined : stateOf(entry);
  }

  states(): SlotReport['state'][] {
    return [...this.#entries.values()].map(stateOf);
  }

  /** Closes everything permanently. Changes are no longer reported: the reports of a leaving pod stay as they are. */
  stopAll(): Promise<void> {
    this.#stopping ??= this.#closeAll();
    return this.#stopping;
  }

  async #closeAll(): Promise<void> {
    for (const [id, { runner }] of this.#entries) this.#close(id, runner);
    await Promise.all([...this.#closing.keys(), this.#retries.stop()]);
    this.#entries.clear();
  }

  /** @returns ms until the next look is due because something has failed; Infinity when nothing has */
  #look(): number {
    const { held, clock, keyring } = this.#options;
    const slots = this.#stopping === undefined ? held() : undefined;
    if (slots === undefined) return Number.POSITIVE_INFINITY;
    const { close, open, update } = converge(slots, this.#entries, clock.monotonicMs());
    for (const id of close) this.#remove(id);
    const wanted = [...open, ...update];
    // What failed is retried with the keys that the file has now.
    if (wanted.some(([id]) => this.#entries.get(id)?.failure !== undefined)) keyring.reload();
    for (const [id, slot] of wanted) this.#apply(id, slot);
    for (const [id, entry] of this.#entries) if (entry.owedPressure) this.#press(id, entry);
    if (close.length + wanted.length > 0)
      this.#defects.run('what follows a change of who can send', () => this.#options.onAddressees?.());
    return nextRetryMs(this.#entries.values(), clock.monotonicMs());
  }

  /** Starts the slot's runner, or passes it its new spec. */
  #apply(id: SlotID, slot: Slot): void {
    const { limitedLog, clock } = this.#options;
    const entry = this.#entries.get(id) ?? { slot, runner: undefined, failure: undefined, owedPressure: false };
    entry.slot = slot;
    this.#entries.set(id, entry);
    const fault = this.#try(id, entry);
    // With a wrong key file all slots are at fault at once; their reports name each.
    if (fault !== undefined && fault.message !== entry.failure?.fault.message) {
      limitedLog.warn(fault.reason, { slot: id, bot: slot.bot, ...fault }, 'cannot run slot');
    }
    entry.failure = fault === undefined ? undefined : { fault, ...failedAgain(entry.failure, clock.monotonicMs()) };
    this.#changed(id, entry);
  }

  /** @returns why it failed */
  #try(id: SlotID, entry: Entry): SlotFault | undefined {
    const { cluster, keyring } = this.#options;
    try {
      const opened = openSlot(id, entry.slot, cluster, keyring.keys);
      if (isFault(opened)) return opened;
      if (entry.runner === undefined) this.#open(id, entry, opened);
      else entry.runner.update(opened);
      return undefined;
    } catch (error) {
      return unforeseen(error);
    }
  }

  #open(id: SlotID, entry: Entry, spec: TransportSpec): void {
    const runner = this.#options.createRunner(spec, () => this.#changed(id, entry));
    entry.runner = runner;
    try {
      if (this.#isPressed(id)) runner.setPressure(true);
      runner.start();
    } catch (error) {
      entry.runner = undefined;
      this.#close(id, runner);
      throw error;
    }
  }

  #remove(id: SlotID): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#close(id, entry.runner);
  }

  #close(id: SlotID, runner: Runner | undefined): void {
    const closing: Promise<void> = (async () => runner?.stop())()
      .catch((error: unknown) => {
        this.#options.log.error({ slot: id, error: errorText(error) }, 'slot did not close cleanly');
      })
      .finally(() => {
        this.#closing.delete(closing);
        // If the slot has come back meanwhile, it has lost its mark to the one that has gone.
        this.#markAgain(this.#entries.get(id)?.runner);
        if (this.#stopping === undefined) this.#tell(id);
      });
    this.#closing.set(closing, id);
  }

  #markAgain(runner: Runner | undefined): void {
    this.#defects.run('a slot that is to be marked as live again', () => runner?.markAgain());
  }

  #press(id: SlotID, entry: Entry): void {
    try {
      entry.runner?.setPressure(this.#isPressed(id));
      entry.owedPressure = false;
    } catch (error) {
      entry.owedPressure = true;
      const { bot } = entry.slot;
      this.#options.limitedLog.warn(
        'pressure',
        { slot: id, bot, error: errorText(error) },
        'slot not paused or resumed',
      );
    }
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
    // A runner that was replaced or is closing no longer reports.
    if (this.#stopping === undefined && this.#entries.get(id) === entry) this.#tell(id);
  }

  #tell(id: SlotID): void {
    this.#defects.run('what follows a change of a slot', () => this.#options.onChange(id));
  }
}

/** What the runner says counts, unless the slot does not run as assigned: then only a socket that lives all the same. */
function toldBy({ runner, failure }: Entry): SlotStatus | undefined {
  const status = runner?.status();
  const isTold = failure === undefined || status?.state === 'live' || status?.state === 'paused';
  return isTold ? status : undefined;
}

/** Asked of thousands each second, and so without making a report. */
const stateOf = (entry: Entry): SlotReport['state'] => toldBy(entry)?.state ?? 'connecting';

/** A fault is reported beside a socket that lives all the same; otherwise it replaces whatever became of an earlier token. */
function statusOf(entry: Entry): SlotStatus {
  const { slot, failure } = entry;
  const status = toldBy(entry);
  if (status !== undefined) return { ...status, ...failure?.fault };
  const { tokenDigest } = slot;
  return { state: 'connecting', reason: '', message: '', tokenDigest, teamName: '', botUserID: '', ...failure?.fault };
}
