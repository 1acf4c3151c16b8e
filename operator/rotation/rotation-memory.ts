import { openPair, type RotationRecord, sealPair, type TokenPair } from '../../core/protocol/rotation.ts';
import type { FleetKey } from '../../core/protocol/seal.ts';
import { tokenDigest } from '../../core/protocol/token.ts';
import { ancestorsAfter, newerRecord } from './decide-rotation.ts';
import type { KnownPair, LineageState } from './lineage-state.ts';
import type { StoredRotation } from './rotation-store.ts';

/** What is known after a look at Redis. */
interface Absorbed extends Pick<LineageState, 'known' | 'sealed'> {
  /** What Redis should have instead: it has lost the pair, has an older one, or has it sealed with an old key. */
  rewrite: RotationRecord | undefined;
}

/** Brings what was read from Redis together with what this process knows. */
export function absorb(
  { known, lineage }: Pick<LineageState, 'known' | 'lineage'>,
  { record }: Pick<StoredRotation, 'record'>,
  keys: readonly FleetKey[],
): Absorbed {
  if (newerRecord(record, known?.record) === 'known') return { known, sealed: undefined, rewrite: known?.record };
  if (record === undefined) return { known: undefined, sealed: undefined, rewrite: undefined };
  let pair: TokenPair;
  try {
    pair = known?.record.sealed === record.sealed ? known.pair : openPair(record, lineage, keys);
  } catch {
    // While the fleet key changes, what was opened before still counts.
    const isSame = known?.record.refreshDigest === record.refreshDigest;
    return isSame
      ? { known, sealed: undefined, rewrite: undefined }
      : { known: undefined, sealed: SEALED, rewrite: undefined };
  }
  const [first] = keys;
  const isOld = first !== undefined && keyIDOf(record.sealed) !== first.id;
  const rewrite = isOld ? { ...record, sealed: sealPair(pair, lineage, first) } : undefined;
  return { known: { record, pair }, sealed: undefined, rewrite };
}

const SEALED =
  'The newest token is in Redis, sealed with a key that is not in RELAX_FLEET_KEY_FILE here: give all installations that share ' +
  'the app and the team the same fleet key.';

/** Slack's answer as a record. */
export function refreshedRecord(
  state: Pick<LineageState, 'lineage' | 'known' | 'stored'>,
  pair: TokenPair,
  times: { askedAtMs: number; lifetimeMs: number | undefined },
  parentToken: string,
  key: FleetKey,
): KnownPair {
  const before = state.known?.record ?? state.stored?.record;
  const { askedAtMs, lifetimeMs } = times;
  const shown = [...(state.stored?.shown.values() ?? [])];
  const record: RotationRecord = {
    sealed: sealPair(pair, state.lineage, key),
    tokenDigest: tokenDigest(pair.token),
    refreshDigest: tokenDigest(pair.refreshToken),
    refreshedAtMs: askedAtMs,
    ...(lifetimeMs === undefined ? {} : { expiresAtMs: askedAtMs + lifetimeMs }),
    spent: ancestorsAfter(before, tokenDigest(parentToken), shown),
    refused: before?.refused ?? [],
  };
  return { record, pair };
}

/** Id of the key that a seal needs. */
const keyIDOf = (sealed: string): string => sealed.split('.')[1] ?? '';
