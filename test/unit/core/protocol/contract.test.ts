import { describe, expect, it } from 'vitest';
import { ContractMismatchError, compareContract, DEFAULT_CONTRACT } from '#core/protocol/contract.ts';

const stored = { bucketMs: '60000', subBuckets: '64', windowMs: '3600000', shards: '1' };

describe('the fleet contract', () => {
  it('fits when every value is the same, whatever a newer version adds', () => {
    expect(compareContract({ ...stored, streams: '2' }, DEFAULT_CONTRACT)).toEqual([]);
  });

  it.each(Object.keys(stored))('does not fit when %s differs or is missing', (field) => {
    expect(compareContract({ ...stored, [field]: '7' }, DEFAULT_CONTRACT)).toMatchObject([{ field, stored: '7' }]);
    const { [field as 'shards']: _, ...without } = stored;
    expect(compareContract(without, DEFAULT_CONTRACT)).toMatchObject([{ field, stored: 'nothing' }]);
  });

  it('is refused with both values of each difference and the remedy named', () => {
    const configured = { ...DEFAULT_CONTRACT, subBuckets: 128, windowMs: 93_600_000 };
    const { message } = new ContractMismatchError(compareContract(stored, configured), 3_600_000);
    for (const part of [
      'RELAX_DEDUPE_SUBBUCKETS is 128 here but 64 in Redis',
      '93600000',
      '3600000',
      'DEL relax:contract',
    ]) {
      expect(message).toContain(part);
    }
    expect(message).toContain('wait 93600 s');
  });
});
