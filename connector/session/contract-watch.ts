import { errorText, type Log } from '../../core/process/log.ts';
import {
  type ContractConflict,
  conflictText,
  type FleetContract,
  renewContract,
} from '../../core/protocol/contract.ts';
import type { Redis } from '../../core/redis/redis.ts';

/** Rewrites the fleet contract after Redis has lost it, and reports when another program wrote a different one. */
export class ContractWatch {
  readonly #redis: Redis;
  readonly #contract: FleetContract;
  readonly #log: Log;
  #conflict: string | undefined;
  #checking = false;

  constructor(redis: Redis, contract: FleetContract, log: Log) {
    this.#redis = redis;
    this.#contract = contract;
    this.#log = log;
  }

  /** A readiness reason. Nothing stops for it, since this fleet still recognizes duplicates by its own shape of marks. */
  get conflict(): string | undefined {
    return this.#conflict;
  }

  /** Called with each renewal. Never rejects; one check at a time. */
  async check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    try {
      this.#notice(await renewContract(this.#redis, this.#contract));
    } catch (error) {
      this.#log.debug({ error: errorText(error) }, 'could not check the fleet contract');
    }
    this.#checking = false;
  }

  #notice(conflicts: readonly ContractConflict[]): void {
    const stored = conflicts.find(({ field }) => field === 'windowMs')?.stored;
    const conflict =
      conflicts.length === 0 ? undefined : conflictText(conflicts, Number(stored ?? this.#contract.windowMs));
    if (conflict !== undefined && conflict !== this.#conflict) this.#log.error({ conflict }, 'fleet contract differs');
    this.#conflict = conflict;
  }
}
