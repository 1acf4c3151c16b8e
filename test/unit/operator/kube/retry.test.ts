import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KubeError } from '#operator/kube/kube-error.ts';
import { nextStep, reflectorBackoffMs } from '#operator/kube/reflector-backoff.ts';
import { DEFAULT_CALL_RETRY, retryDelayMs } from '#operator/kube/retry.ts';

const error = (fields: Partial<ConstructorParameters<typeof KubeError>[0]>): KubeError =>
  new KubeError({ kind: 'transient', status: 500, reason: 'X', message: 'm', ...fields });

describe('retry of a call', () => {
  it.each([
    ['throttled without Retry-After', error({ kind: 'throttled' }), 'PATCH', 125],
    ['throttled with Retry-After', error({ kind: 'throttled', retryAfterMs: 2000 }), 'PATCH', 2000],
    ['503 with Retry-After', error({ retryAfterMs: 1000 }), 'POST', 1000],
    ['Retry-After above the cap', error({ kind: 'throttled', retryAfterMs: 60_000 }), 'GET', undefined],
    ['500', error({}), 'GET', undefined],
    ['read whose connection broke', error({ status: 0, reason: 'ConnectionError' }), 'GET', 125],
    ['write whose connection broke', error({ status: 0, reason: 'ConnectionError' }), 'PATCH', undefined],
    ['conflict', error({ kind: 'conflict' }), 'PUT', undefined],
  ] as const)('%s: waits %4$s ms', (_name, cause, method, expected) => {
    expect(retryDelayMs(cause, method, 0, DEFAULT_CALL_RETRY, 0)).toBe(expected);
  });

  it('ends after the last retry', () => {
    const throttled = error({ kind: 'throttled' });
    expect(retryDelayMs(throttled, 'GET', 3, DEFAULT_CALL_RETRY, 0)).toBeDefined();
    expect(retryDelayMs(throttled, 'GET', 4, DEFAULT_CALL_RETRY, 0)).toBeUndefined();
  });
});

describe('backoff of the reflector', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('is always within 0.8 and 30 s', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        random,
        fc.option(fc.nat(10_000_000)),
        (failures, r, retryAfter) => {
          const delay = reflectorBackoffMs(failures, r, retryAfter ?? undefined);
          return delay >= 800 && delay <= 30_000;
        },
      ),
    );
  });

  it('starts below 1.6 s and spreads over half its range even at the cap', () => {
    expect(reflectorBackoffMs(1, 0)).toBe(800);
    expect(reflectorBackoffMs(1, 0.999)).toBeLessThan(1600);
    expect(reflectorBackoffMs(50, 0)).toBe(15_000);
    expect(reflectorBackoffMs(50, 0.999)).toBeGreaterThan(29_900);
  });

  it('is never earlier than the server asked, up to the cap', () => {
    expect(reflectorBackoffMs(1, 0, 12_000)).toBe(12_000);
    expect(reflectorBackoffMs(1, 0, 3_600_000)).toBe(30_000);
  });
});

describe('after a failed list or watch', () => {
  it.each([
    ['an expired version', error({ kind: 'gone', status: 410 }), 1, 'listAgain'],
    ['a refused version', error({ kind: 'invalid', status: 400 }), 1, 'listAgain'],
    ['a resource that is not served', error({ kind: 'notFound', status: 404 }), 1, 'listAgain'],
    ['a defect of ours', new TypeError('x'), 1, 'listAgain'],
    ['throttling', error({ kind: 'throttled', status: 429 }), 9, 'watchAgain'],
    ['a lost permission', error({ kind: 'forbidden', status: 403 }), 9, 'watchAgain'],
    ['a reset', error({ status: 0, reason: 'ConnectionError' }), 9, 'watchAgain'],
    ['one bad line', error({ status: 0, reason: 'BadWatchLine' }), 1, 'watchAgain'],
    ['the third bad line in a row', error({ status: 0, reason: 'BadWatchLine' }), 3, 'listAgain'],
    ['the third 500 in a row', error({ status: 500 }), 3, 'listAgain'],
    ['the third 503 in a row', error({ status: 503 }), 3, 'watchAgain'],
  ] as const)('%s (failure %3$s in a row): %4$s', (_name, cause, failures, expected) => {
    expect(nextStep(cause, failures)).toBe(expected);
  });
});
