import type { LifePromise } from '../life-row.ts';

export const UNHARMED: LifePromise = { kind: 'unharmed' };

/** At once: the close handshake of a socket takes a second at most, whoever does not end it. */
export const REPLACED: LifePromise = { kind: 'replaced', reasons: ['ConnectionLost'], detectedWithinMs: 2_500 };
