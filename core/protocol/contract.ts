import type { Redis } from '../redis/redis.ts';
import { loadScript, runScript } from '../redis/script.ts';
import { BUCKET_MS, CONTRACT_KEY } from './keys.ts';

/**
 * What every program on one Redis must agree on, or copies of an event would not find each other's marks.
 * Stored in `relax:contract` by the first program that starts.
 */
export interface FleetContract {
  /** Width of a dedupe bucket. */
  bucketMs: number;
  /** Least number of hashes per bucket; how many there are follows the rate (`dedupe-steps.ts`). */
  subBuckets: number;
  /** A mark lives at least this long. */
  windowMs: number;
  /** Number of queues that teams are spread over. */
  shards: number;
}

export const DEFAULT_CONTRACT: FleetContract = {
  bucketMs: BUCKET_MS,
  subBuckets: 64,
  windowMs: 3_600_000,
  shards: 1,
};

/** The setting behind each value. The bucket's width is fixed by the version of Relax. */
const SETTINGS: Record<keyof FleetContract, string> = {
  bucketMs: 'bucket width (fixed by the version of Relax)',
  subBuckets: 'RELAX_DEDUPE_SUBBUCKETS',
  windowMs: 'RELAX_DEDUPE_WINDOW_SECONDS (here in ms)',
  shards: 'RELAX_QUEUE_SHARDS',
};

const FIELDS = Object.keys(SETTINGS) as (keyof FleetContract)[];

export interface ContractConflict {
  field: keyof FleetContract;
  /** As found in Redis. It is text, because anything could have been written there. */
  stored: string;
  configured: number;
}

export class ContractMismatchError extends Error {
  override name = 'ContractMismatchError';
  readonly conflicts: readonly ContractConflict[];

  constructor(conflicts: readonly ContractConflict[], storedWindowMs: number) {
    super(conflictText(conflicts, storedWindowMs));
    this.conflicts = conflicts;
  }
}

/** @param stored the hash as Redis has it; fields of newer versions are ignored */
export function compareContract(
  stored: Readonly<Record<string, string>>,
  configured: FleetContract,
): ContractConflict[] {
  return FIELDS.filter((field) => stored[field] !== String(configured[field])).map((field) => ({
    field,
    stored: stored[field] ?? 'nothing',
    configured: configured[field],
  }));
}

/** Names both values of every conflict and both remedies. */
export function conflictText(conflicts: readonly ContractConflict[], storedWindowMs: number): string {
  const values = conflicts
    .map(({ field, stored, configured }) => `${SETTINGS[field]} is ${configured} here but ${stored} in Redis`)
    .join('; ');
  const longestMs = Math.max(
    Number.isFinite(storedWindowMs) ? storedWindowMs : 0,
    ...conflicts.filter(({ field }) => field === 'windowMs').map(({ configured }) => configured),
    DEFAULT_CONTRACT.windowMs,
  );
  return (
    `this fleet's dedupe contract differs: ${values}. Either configure the values that Redis has, or migrate: stop every ` +
    `connector of every cluster on this Redis, wait ${Math.ceil(longestMs / 1000)} s for the marks to expire (without ` +
    `the wait, events of that time may be queued twice), run "redis-cli DEL ${CONTRACT_KEY}", then start them all with ` +
    'the new values'
  );
}

const SCRIPT = loadScript(new URL('./contract.lua', import.meta.url));

async function storeContract(redis: Redis, contract: FleetContract): Promise<Record<string, string>> {
  const fields = FIELDS.flatMap((field) => [field, String(contract[field])]);
  const reply = await runScript(redis, SCRIPT, [CONTRACT_KEY], fields);
  const flat: unknown[] = Array.isArray(reply) ? reply : [];
  return Object.fromEntries(
    flat.flatMap((name, index): [string, string][] =>
      index % 2 === 0 ? [[String(name), String(flat[index + 1])]] : [],
    ),
  );
}

/**
 * Called at start: stores the contract if Redis has none.
 * @throws ContractMismatchError when the fleet has agreed on other values; the program must not start
 */
export async function agreeOnContract(redis: Redis, configured: FleetContract): Promise<void> {
  const stored = await storeContract(redis, configured);
  const conflicts = compareContract(stored, configured);
  if (conflicts.length > 0) throw new ContractMismatchError(conflicts, Number(stored.windowMs));
}

/**
 * Called with session renewals: rewrites a contract that Redis has lost (FLUSHALL, restart without persistence).
 * @returns conflicts, if a program with other values was faster; they are a readiness reason and stop nothing
 */
export async function renewContract(redis: Redis, configured: FleetContract): Promise<ContractConflict[]> {
  return compareContract(await storeContract(redis, configured), configured);
}
