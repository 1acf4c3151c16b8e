import type { ConnectionSpec, ConnectionStatus, SlotConnection } from '#connector/slot/connection-status.ts';

/** Stands in for a slot's connection: a test says what becomes of it. */
export class FakeConnection implements SlotConnection {
  readonly spec: ConnectionSpec;
  readonly calls: string[] = [];
  readonly #onStatus: () => void;
  #status: ConnectionStatus;
  #stopped = Promise.withResolvers<void>();

  constructor(spec: ConnectionSpec, onStatus: () => void) {
    this.spec = spec;
    this.#onStatus = onStatus;
    const { tokenDigest } = spec;
    this.#status = { state: 'connecting', reason: '', message: '', tokenDigest, teamName: '', botUserID: '' };
  }

  start(): void {
    this.calls.push('start');
  }

  update(spec: ConnectionSpec): void {
    this.calls.push(`update ${spec.generation} ${spec.token}`);
  }

  setPressure(pressed: boolean): void {
    this.calls.push(`pressure ${pressed}`);
  }

  status(): ConnectionStatus {
    return this.#status;
  }

  stop(): Promise<void> {
    this.calls.push('stop');
    return this.#stopped.promise;
  }

  becomes(changes: Partial<ConnectionStatus>): void {
    this.#status = { ...this.#status, ...changes };
    this.#onStatus();
  }

  closed(): void {
    this.#stopped.resolve();
  }
}
