import type { SlotHandle } from '#connector/slot/slot-handle.ts';
import type { SlotStatus } from '#connector/slot/slot-status.ts';
import type { TransportSpec } from '#connector/transport/transports.ts';

/** Stands in for a slot that runs: a test says what becomes of it. */
export class FakeSlot implements SlotHandle<TransportSpec> {
  readonly spec: TransportSpec;
  readonly calls: string[] = [];
  readonly #onStatus: () => void;
  #status: SlotStatus;
  #stopped = Promise.withResolvers<void>();

  constructor(spec: TransportSpec, onStatus: () => void) {
    this.spec = spec;
    this.#onStatus = onStatus;
    const { tokenDigest } = spec;
    this.#status = { state: 'connecting', reason: '', message: '', tokenDigest, teamName: '', botUserID: '' };
  }

  start(): void {
    this.calls.push('start');
  }

  update(spec: TransportSpec): void {
    this.calls.push(`update ${spec.generation} ${spec.token}`);
  }

  setPressure(pressed: boolean): void {
    this.calls.push(`pressure ${pressed}`);
  }

  status(): SlotStatus {
    return this.#status;
  }

  stop(): Promise<void> {
    this.calls.push('stop');
    return this.#stopped.promise;
  }

  becomes(changes: Partial<SlotStatus>): void {
    this.#status = { ...this.#status, ...changes };
    this.#onStatus();
  }

  closed(): void {
    this.#stopped.resolve();
  }
}
