import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { markDigest } from '#connector/queue/mark-digest.ts';

it('the digest of an id is the first 20 bytes of its SHA-256, as it always was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (id) => {
      const digest = createHash('sha256').update(id).digest();
      const field = digest.subarray(0, 16).toString('base64url');
      expect(markDigest(id)).toEqual({ field, spread: digest.readUInt32BE(16) });
    }),
    { numRuns: 1_000 },
  );
});
