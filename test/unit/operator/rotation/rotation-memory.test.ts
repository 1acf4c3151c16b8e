import { describe, expect, it } from 'vitest';
import { openPair, type RotationRecord, sealPair } from '#core/protocol/rotation.ts';
import { type FleetKey, newFleetKey, parseFleetKeys } from '#core/protocol/seal.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { absorb } from '#operator/rotation/rotation-memory.ts';

const [OLD, NEW] = parseFleetKeys([newFleetKey(), newFleetKey()].join('\n')) as [FleetKey, FleetKey];
const lineage = { teamID: 'T1', clientDigest: 'c' };
const pairOf = (n: number) => ({ token: `xoxe.xoxb-1-${n}-abcd`, refreshToken: `xoxe-1-${n}-abcd` });
const recordOf = (n: number, key: FleetKey): RotationRecord => ({
  sealed: sealPair(pairOf(n), lineage, key),
  tokenDigest: tokenDigest(pairOf(n).token),
  refreshDigest: tokenDigest(pairOf(n).refreshToken),
  refreshedAtMs: n,
  spent: Array.from({ length: n }, (_, before) => tokenDigest(pairOf(before).refreshToken)),
  refused: [],
});
const knownOf = (n: number, key: FleetKey) => ({ record: recordOf(n, key), pair: pairOf(n) });

describe('what Redis has of a rotating token', () => {
  it('is opened with any of the keys, and sealed again with the first', () => {
    const record = recordOf(1, OLD);
    expect(absorb({ lineage, known: undefined }, { record }, [OLD])).toEqual({
      known: { record, pair: pairOf(1) },
      sealed: undefined,
      rewrite: undefined,
    });
    const { known, rewrite } = absorb({ lineage, known: undefined }, { record }, [NEW, OLD]);
    expect(known?.pair).toEqual(pairOf(1));
    expect(rewrite).toMatchObject({ ...record, sealed: expect.stringContaining(`.${NEW.id}.`) });
    expect(openPair(rewrite ?? record, lineage, [NEW])).toEqual(pairOf(1));
  });

  it('is not known when no key opens it, and says which are needed', () => {
    const absorbed = absorb({ lineage, known: knownOf(0, NEW) }, { record: recordOf(1, OLD) }, [NEW]);
    expect(absorbed).toMatchObject({ known: undefined, sealed: expect.stringContaining('RELAX_FLEET_KEY_FILE') });
  });

  it('stays known while another program has sealed it with a key that is not here yet', () => {
    const known = knownOf(1, OLD);
    const absorbed = absorb({ lineage, known }, { record: recordOf(1, NEW) }, [OLD]);
    expect(absorbed).toEqual({ known, sealed: undefined, rewrite: undefined });
  });

  it('gives way to a newer one that is known, and is written again', () => {
    const known = knownOf(2, OLD);
    for (const record of [undefined, recordOf(1, OLD)]) {
      expect(absorb({ lineage, known }, { record }, [OLD])).toEqual({
        known,
        sealed: undefined,
        rewrite: known.record,
      });
    }
    expect(absorb({ lineage, known: knownOf(1, OLD) }, { record: recordOf(2, OLD) }, [OLD]).known?.pair).toEqual(
      pairOf(2),
    );
  });
});
