import { describe, expect, it } from 'vitest';
import { microTime } from '#operator/kube/timestamp.ts';
import {
  checkLeaderTimes,
  DEFAULT_LEADER_TIMES,
  decide,
  heldSpec,
  type Lease,
  type LeaseSpec,
  observe,
  releasedSpec,
} from '#operator/leadership/lease.ts';

const TIMES = DEFAULT_LEADER_TIMES;
const lease = (spec?: LeaseSpec): Lease => ({
  metadata: { name: 'l', namespace: 'n', uid: 'u', resourceVersion: '1' },
  ...(spec === undefined ? {} : { spec }),
});
const heldByOther: LeaseSpec = {
  holderIdentity: 'other',
  leaseDurationSeconds: 15,
  renewTime: microTime(0),
  leaseTransitions: 4,
};

describe('who leads', () => {
  it.each<[string, Lease | undefined, number | undefined, number, unknown]>([
    ['no lease: create', undefined, undefined, 0, { action: 'create' }],
    ['ours: renew', lease({ holderIdentity: 'me' }), 0, 99_000, { action: 'renew' }],
    [
      'released: acquire at once',
      lease({ holderIdentity: '', leaseDurationSeconds: 1 }),
      0,
      0,
      { action: 'acquire', from: '' },
    ],
    ['null holder: acquire', lease({ holderIdentity: null }), 0, 0, { action: 'acquire', from: '' }],
    ['no spec: acquire', lease(), 0, 0, { action: 'acquire', from: '' }],
    ['just seen: wait', lease(heldByOther), undefined, 5_000, { action: 'wait', holder: 'other', leftMs: 15_000 }],
    [
      'silent for less than its duration: wait',
      lease(heldByOther),
      0,
      14_999,
      { action: 'wait', holder: 'other', leftMs: 1 },
    ],
    ['silent for its duration: acquire', lease(heldByOther), 0, 15_000, { action: 'acquire', from: 'other' }],
    [
      "the holder's own duration counts, not ours",
      lease({ ...heldByOther, leaseDurationSeconds: 60 }),
      0,
      59_000,
      { action: 'wait', holder: 'other', leftMs: 1_000 },
    ],
    ['no duration: ours', lease({ holderIdentity: 'other' }), 0, 15_000, { action: 'acquire', from: 'other' }],
  ])('%s', (_name, current, sinceMs, nowMs, expected) => {
    const observed = sinceMs === undefined ? undefined : { content: '', sinceMs };
    expect(decide(current, observed, nowMs, 'me', TIMES)).toEqual(expected);
  });

  it('a renewTime of any age changes nothing: only what we saw change counts', () => {
    for (const wallMs of [0, Date.UTC(2100, 0, 1)]) {
      const current = lease({ ...heldByOther, renewTime: microTime(wallMs) });
      expect(decide(current, { content: '', sinceMs: 0 }, 14_000, 'me', TIMES).action).toBe('wait');
      expect(decide(current, { content: '', sinceMs: 0 }, 15_000, 'me', TIMES).action).toBe('acquire');
    }
  });

  it('the clock of a lease restarts when its content changes, and not when only its metadata does', () => {
    const first = observe(undefined, lease(heldByOther), 100);
    const touched = { ...lease(heldByOther), metadata: { ...lease().metadata, resourceVersion: '9' } };
    expect(observe(first, touched, 900)).toBe(first);
    expect(observe(first, lease({ ...heldByOther, renewTime: microTime(1) }), 900).sinceMs).toBe(900);
  });
});

describe('what is written', () => {
  it.each([
    ['create', undefined, 0, microTime(5_000)],
    ['acquire', heldByOther, 5, microTime(5_000)],
    ['renew', { ...heldByOther, acquireTime: microTime(1) }, 4, microTime(1)],
  ] as const)('%s', (action, previous, transitions, acquireTime) => {
    expect(heldSpec(previous, action, 'me', 5_000, TIMES)).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime,
      renewTime: microTime(5_000),
      leaseTransitions: transitions,
    });
  });

  it('a release keeps the transitions and names nobody', () => {
    expect(releasedSpec(heldByOther, 0)).toMatchObject({
      holderIdentity: '',
      leaseTransitions: 4,
      leaseDurationSeconds: 1,
    });
  });

  it('MicroTime has six digits', () => {
    expect(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 67))).toBe('2026-01-02T03:04:05.067000Z');
  });
});

describe('times of the election', () => {
  it.each([
    [{ durationMs: 10_000, renewDeadlineMs: 10_000, retryMs: 2_000 }, 'must be below duration'],
    [{ durationMs: 15_000, renewDeadlineMs: 2_000, retryMs: 2_000 }, 'must be well below renew deadline'],
  ])('%j is refused', (times, message) => {
    expect(() => checkLeaderTimes(times)).toThrow(message);
  });
});
