import { hash } from 'node:crypto';

/** What a mark is found by: parts of the SHA-256 of the event's id. */
export interface MarkDigest {
  /** The first 16 bytes in base64url: 22 characters. */
  field: string;
  /** The next 4 bytes, big-endian. */
  spread: number;
}

export function markDigest(id: string): MarkDigest {
  const digest = hash('sha256', id, 'buffer');
  return { field: digest.toString('base64url', 0, 16), spread: digest.readUInt32BE(16) };
}
