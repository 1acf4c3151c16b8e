import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEmptyPayload, readClientFrame } from '#slack-simulator/socket-mode/acknowledgement.ts';
import { afterFailure, latencyOf } from '#slack-simulator/socket-mode/delivery.ts';
import { FailureCount, isTooMuch } from '#slack-simulator/socket-mode/failure-share.ts';
import { createSpread } from '#slack-simulator/socket-mode/spread.ts';

describe('after an attempt that nobody acknowledged', () => {
  it('an event is tried again after each delay, and then given up', () => {
    const delays = [0, 60_000, 300_000];
    expect([0, 1, 2, 3].map((attempt) => afterFailure(attempt, true, delays))).toEqual([
      { kind: 'retry', delayMs: 0 },
      { kind: 'retry', delayMs: 60_000 },
      { kind: 'retry', delayMs: 300_000 },
      { kind: 'end', state: 'givenUp' },
    ]);
  });

  it('a command or an interaction has failed', () => {
    expect(afterFailure(0, false, [0])).toEqual({ kind: 'end', state: 'dispatchFailed' });
  });
});

describe('what a client says', () => {
  it.each([
    ['{"envelope_id":"e1"}', { kind: 'ack', envelopeID: 'e1', payload: undefined }],
    ['{"envelope_id":"e1","payload":{}}', { kind: 'ack', envelopeID: 'e1', payload: {} }],
    ['{"envelope_id":"e1","payload":{"text":"x"}}', { kind: 'ack', envelopeID: 'e1', payload: { text: 'x' } }],
    ['{"envelope_id":""}', { kind: 'bad' }],
    ['{"envelope_id":1}', { kind: 'bad' }],
    ['[]', { kind: 'bad' }],
    ['null', { kind: 'bad' }],
    ['{', { kind: 'bad' }],
    [undefined, { kind: 'bad' }],
  ])('%s is read', (text, frame) => {
    expect(readClientFrame(text)).toEqual(frame);
  });

  it('is dropped from 20,000 bytes on, however few characters that is', () => {
    const sized = (bytes: number): string => `{"envelope_id":"e1","payload":"${'ä'.repeat((bytes - 33) / 2)}"}`;
    expect(Buffer.byteLength(sized(19_999))).toBe(19_999);
    expect(readClientFrame(sized(19_999)).kind).toBe('ack');
    expect(readClientFrame(sized(20_001)).kind).toBe('oversized');
  });

  it.each([undefined, null, '', {}, []])('%j is no answer', (payload) => {
    expect(isEmptyPayload(payload)).toBe(true);
  });

  it.each(['x', { text: '' }, [1], 0])('%j is one', (payload) => {
    expect(isEmptyPayload(payload)).toBe(false);
  });
});

describe('the spread of envelopes', () => {
  it('in turn gives each socket of each app the same', () => {
    const pick = createSpread('roundRobin');
    expect([0, 1, 2, 3].map(() => pick('A1', 2))).toEqual([0, 1, 0, 1]);
    expect(pick('A2', 2)).toBe(0);
  });

  it('at random is the same for a seed, and always one of the sockets', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 10 }), (seed, count) => {
        const [one, other] = [createSpread({ seed }), createSpread({ seed })];
        const picks = Array.from({ length: 50 }, () => one('A1', count));
        expect(Array.from({ length: 50 }, () => other('A1', count))).toEqual(picks);
        expect(picks.every((pick) => Number.isInteger(pick) && pick >= 0 && pick < count)).toBe(true);
      }),
    );
  });

  it('at random reaches every socket', () => {
    const pick = createSpread({ seed: 1 });
    const counts = Array.from({ length: 10 }, () => 0);
    for (let n = 0; n < 10_000; n += 1) {
      const index = pick('A1', 10);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    for (const each of counts) expect(each).toBeGreaterThan(800);
  });
});

describe('the share of failures', () => {
  const counted = (failed: number, fine: number, nowMs = 0): FailureCount => {
    const count = new FailureCount();
    for (let n = 0; n < failed + fine; n += 1) count.add(n < failed, nowMs);
    return count;
  };

  it('is too much from 95 % on, but not below 1,000 attempts', () => {
    expect(isTooMuch(counted(950, 50).share(0))).toBe(true);
    expect(isTooMuch(counted(949, 51).share(0))).toBe(false);
    expect(isTooMuch(counted(999, 0).share(0))).toBe(false);
  });

  it('is of the last hour', () => {
    const count = counted(10, 0);
    expect(count.share(59 * 60_000)).toEqual({ attempts: 10, failed: 10, share: 1 });
    expect(count.share(60 * 60_000)).toEqual({ attempts: 0, failed: 0, share: 0 });
  });
});

describe('the time to an acknowledgement', () => {
  it('is known at the median and at the far end', () => {
    const waits = new Map(Array.from({ length: 100 }, (_, n) => [100 - n, 1]));
    expect(latencyOf(waits)).toEqual({ count: 100, maxMs: 100, p50Ms: 50, p99Ms: 99, p999Ms: 100 });
  });

  it('is as often as it was measured', () => {
    const waits = new Map([
      [7, 1],
      [2, 999],
    ]);
    expect(latencyOf(waits)).toEqual({ count: 1_000, maxMs: 7, p50Ms: 2, p99Ms: 2, p999Ms: 2 });
    expect(latencyOf(new Map())).toEqual({ count: 0, maxMs: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0 });
  });
});
