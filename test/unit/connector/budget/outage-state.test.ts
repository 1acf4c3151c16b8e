import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DeclaredOutage,
  NO_OUTAGE,
  nextProbe,
  type OutageState,
  onFailure,
  onUnused,
} from '#connector/budget/outage-state.ts';
import type { RetryReason } from '#core/protocol/report.ts';

const failedBy = (failures: readonly [team: string, atMs: number, reason?: RetryReason][]): OutageState =>
  failures.reduce<OutageState>(
    (state, [team, atMs, reason = 'SlackUnavailable']) => onFailure(state, team, reason, atMs),
    NO_OUTAGE,
  );
const declared = (changes: Partial<DeclaredOutage> = {}): DeclaredOutage => ({
  sinceMs: 0,
  probes: 0,
  nextProbeAtMs: 0,
  knownAtMs: 0,
  isAnnounced: false,
  probed: new Set(),
  ...changes,
});

describe('an outage', () => {
  it.each<[string, Parameters<typeof failedBy>[0], boolean]>([
    [
      'three teams in a row',
      [
        ['a', 0],
        ['b', 1],
        ['c', 2],
      ],
      true,
    ],
    [
      'each in its own way',
      [
        ['a', 0, 'HelloTimeout'],
        ['b', 1, 'ConnectionRefused'],
        ['c', 2, 'ConnectionLost'],
      ],
      true,
    ],
    [
      'two teams',
      [
        ['a', 0],
        ['b', 1],
        ['a', 2],
        ['b', 3],
      ],
      false,
    ],
    [
      'one of three long ago',
      [
        ['a', 0],
        ['b', 20_000],
        ['c', 30_000],
      ],
      false,
    ],
    [
      'one of three not so long ago',
      [
        ['a', 0],
        ['b', 20_000],
        ['c', 29_999],
      ],
      true,
    ],
    [
      'one of four long ago',
      [
        ['a', 0],
        ['b', 20_000],
        ['c', 30_000],
        ['d', 30_001],
      ],
      true,
    ],
    [
      'rate limits',
      [
        ['a', 0, 'RateLimited'],
        ['b', 1, 'RateLimited'],
        ['c', 2, 'RateLimited'],
      ],
      false,
    ],
    [
      'a migration of each',
      [
        ['a', 0, 'MigrationInProgress'],
        ['b', 1, 'MigrationInProgress'],
        ['c', 2],
      ],
      false,
    ],
  ])('of %s: %s', (_what, failures, is) => {
    expect(failedBy(failures).declared !== undefined).toBe(is);
  });

  it('remembers no more failures than it needs, so that a thousand sockets lost at once cost nothing', () => {
    const { row } = failedBy(Array.from({ length: 1_000 }, (_, n) => [`T${n}`, n]));
    expect(row.map(({ streamID }) => streamID)).toEqual(['T997', 'T998', 'T999']);
  });

  it('is told of once a probe has failed too', () => {
    const lost = failedBy([
      ['a', 0],
      ['b', 0],
      ['c', 0],
      ['d', 0],
    ]);
    expect(lost.declared?.isAnnounced).toBe(false);
    const probe = nextProbe(lost.declared ?? declared(), ['a'], 10);
    const state = onFailure({ ...lost, declared: probe?.declared }, 'a', 'SlackUnavailable', 20);
    expect(state.declared).toMatchObject({ isAnnounced: true, knownAtMs: 20, sinceMs: 0 });
  });
});

describe('a probe', () => {
  it.each([0, 1, 2, 3, 100])('comes at most 3 s after the one before (number %i)', (probes) => {
    const next = nextProbe(declared({ probes }), ['a'], 5_000);
    expect(next?.declared.nextProbeAtMs).toBe(5_000 + Math.min(3, probes + 1) * 1_000);
  });

  it('is of a team that was not asked yet, if there is one', () => {
    const probed = new Set(['a', 'b']);
    expect(nextProbe(declared({ probed }), ['a', 'b', 'c', 'd'], 0)).toMatchObject({ index: 2 });
    expect(nextProbe(declared({ probed }), ['b', 'a'], 0)).toMatchObject({ index: 0 });
    expect(nextProbe(declared(), [], 0)).toBeUndefined();
  });

  it('takes the last connect of a team only when none had another for 6 s', () => {
    expect(nextProbe(declared({ knownAtMs: 1_000 }), ['a'], 6_999)).toMatchObject({ sparing: true });
    const taken = nextProbe(declared({ knownAtMs: 1_000 }), ['a'], 7_000);
    expect(taken).toMatchObject({ sparing: false, declared: { knownAtMs: 7_000 } });
  });

  it('that made no connect is followed by another 100 ms later, and its team counts as not asked', () => {
    const waits = declared({ nextProbeAtMs: 3_000, probed: new Set(['a', 'b']) });
    expect(onUnused(waits, 'a', 500)).toMatchObject({ nextProbeAtMs: 600, probed: new Set(['b']) });
    expect(onUnused(waits, 'a', 2_950).nextProbeAtMs).toBe(3_000);
  });

  const event = fc.record({
    type: fc.constantFrom('failed', 'unused', 'look'),
    team: fc.nat(9),
    passMs: fc.nat(4_000),
  });

  it('is allowed within 3 s, whatever happened before, and no more often than one in 100 ms', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let nowMs = 0;
        let state: OutageState = { row: [], declared: declared() };
        const probedAtMs: number[] = [];
        for (const { type, team, passMs } of events) {
          nowMs += passMs;
          const next = play(state, type, `T${team}`, nowMs);
          if (next.declared?.probes !== state.declared?.probes) probedAtMs.push(nowMs);
          state = next;
          expect((state.declared?.nextProbeAtMs ?? Number.NaN) - (probedAtMs.at(-1) ?? 0)).toBeLessThanOrEqual(3_000);
        }
        const gaps = probedAtMs.slice(1).map((atMs, n) => atMs - (probedAtMs[n] ?? 0));
        expect(Math.min(...gaps, 100)).toBe(100);
      }),
    );
  });
});

/** A look allows a probe of this team when one is due. */
function play(state: OutageState, type: string, team: string, nowMs: number): OutageState {
  if (type === 'failed') return onFailure(state, team, 'SlackUnavailable', nowMs);
  if (state.declared === undefined) throw new Error('an outage ends by a hello only');
  if (type === 'unused') return { ...state, declared: onUnused(state.declared, team, nowMs) };
  if (nowMs < state.declared.nextProbeAtMs) return state;
  return { ...state, declared: nextProbe(state.declared, [team], nowMs)?.declared };
}
