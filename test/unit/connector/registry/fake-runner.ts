import type { Addressee } from '#connector/outbound/addressee.ts';
import type { Runner } from '#connector/registry/slot-registry.ts';
import type { SlotStatus } from '#connector/slot/slot-status.ts';
import type { TransportSpec } from '#connector/transport/transports.ts';

/** Stands in for the runner of a slot: a test says what becomes of it, and which of its calls throw. */
export class FakeRunner implements Runner {
  /** What it was last told to be. */
  spec: TransportSpec;
  /** Those that did not throw. */
  readonly calls: string[] = [];
  readonly throwsAt: Set<string>;
  /** It was told to end, whatever came of that. */
  ended = false;
  readonly #onStatus: () => void;
  #status: SlotStatus;
  #stopped = Promise.withResolvers<void>();

  constructor(spec: TransportSpec, onStatus: () => void, throwsAt: ReadonlySet<string> = new Set()) {
    this.spec = spec;
    this.throwsAt = new Set(throwsAt);
    this.#onStatus = onStatus;
    const { tokenDigest } = spec;
    this.#status = { state: 'connecting', reason: '', message: '', tokenDigest, teamName: '', botUserID: '' };
  }

  start(): void {
    this.#call('start');
  }

  update(spec: TransportSpec): void {
    this.#call(`update ${spec.generation} ${spec.token}`);
    this.spec = spec;
  }

  setPressure(pressed: boolean): void {
    this.#call(`pressure ${pressed}`);
  }

  markAgain(): void {
    this.#call('markAgain');
  }

  status(): SlotStatus {
    return this.#status;
  }

  addressee(): Addressee | undefined {
    const { spec } = this;
    if (spec.kind === 'app') return undefined;
    return { ownerUid: spec.ownerUid, bot: spec.bot, teamID: spec.teamID, sender: () => undefined };
  }

  stop(): Promise<void> {
    this.ended = true;
    this.#call('stop');
    return this.#stopped.promise;
  }

  becomes(changes: Partial<SlotStatus>): void {
    this.#status = { ...this.#status, ...changes };
    this.#onStatus();
  }

  closed(): void {
    this.#stopped.resolve();
  }

  #call(call: string): void {
    const [method = ''] = call.split(' ');
    if (this.throwsAt.has(method)) throw new Error(`${method} is broken`);
    this.calls.push(call);
  }
}
