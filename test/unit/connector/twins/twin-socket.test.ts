import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isPrompt,
  isSilent,
  isWithheld,
  type MissedEvent,
  missedEvent,
  type Reading,
  type TwinSocket,
} from '#connector/twins/twin-socket.ts';
import { TWIN_TIMES } from '#connector/twins/twin-watch.ts';

const { graceMs, exchangeMs, beatMs } = TWIN_TIMES;
const S = 1_000;
const reading = (steadySinceMs = 0): Reading => ({ steadySinceMs, graceMs });
const socket = (changes: Partial<TwinSocket> = {}): TwinSocket => ({
  id: 1,
  stream: 'T1:d1',
  readSinceMs: 0,
  broughtAtMs: Number.NEGATIVE_INFINITY,
  ...changes,
});

describe('an event that a twin brought', () => {
  it.each<[string, Partial<TwinSocket>, number, number, boolean]>([
    ['is missed by a socket that never brought one', {}, 0, 100 * S, true],
    ['is missed by a socket that last brought one long before', { broughtAtMs: 80 * S }, 0, 100 * S, true],
    ['may be the one that this socket brought just before', { broughtAtMs: 90 * S }, 0, 100 * S, false],
    ['is not missed by a socket that brought one since', { broughtAtMs: 130 * S }, 0, 100 * S, false],
    ['says nothing of a socket that has just become live', { readSinceMs: 95 * S }, 0, 100 * S, false],
    ['says nothing of a socket that becomes live later', { readSinceMs: 105 * S }, 0, 100 * S, false],
    ['says nothing while what came during a delay of this process is read', {}, 95 * S, 100 * S, false],
    [
      'is missed by a socket that has been live for longer than the grace',
      { readSinceMs: 80 * S },
      80 * S,
      100 * S,
      true,
    ],
  ])('%s', (_, changes, steadySinceMs, twinAtMs, isMissed) => {
    const missed = missedEvent(socket(changes), reading(steadySinceMs), undefined, twinAtMs);
    expect(missed).toEqual(isMissed ? { socket: 1, atMs: twinAtMs } : undefined);
  });

  it('counts by the first that is missed, so that a busy twin does not put the verdict off', () => {
    const first: MissedEvent = { socket: 1, atMs: 100 * S };
    expect(missedEvent(socket(), reading(), first, 109 * S)).toEqual(first);
    expect(isWithheld(first, reading(), 114 * S)).toBe(false);
    expect(isWithheld(first, reading(), 115 * S)).toBe(true);
  });

  it.each<[string, Partial<TwinSocket>, number]>([
    ['the socket brings one', { broughtAtMs: 112 * S }, 0],
    ['another socket is read', { id: 2, readSinceMs: 110 * S }, 0],
    ['it was paused meanwhile', { readSinceMs: 112 * S }, 0],
    ['this process was delayed meanwhile', {}, 112 * S],
  ])('is no longer missed once %s', (_, changes, steadySinceMs) => {
    expect(missedEvent(socket(changes), reading(steadySinceMs), { socket: 1, atMs: 100 * S }, 109 * S)).toBeUndefined();
  });
});

describe('what processes tell and ask each other', () => {
  it('an event that may have waited for the socket, for the end of a pause or for the process tells no time', () => {
    expect(isPrompt(socket({ readSinceMs: 90 * S, broughtAtMs: 100 * S }), reading())).toBe(false);
    expect(isPrompt(socket({ broughtAtMs: 100 * S }), reading(90 * S))).toBe(false);
    expect(isPrompt(socket({ readSinceMs: 80 * S, broughtAtMs: 100 * S }), reading(80 * S))).toBe(true);
    expect(isPrompt(socket(), reading())).toBe(false);
  });

  it('only a socket that has brought nothing for as long as the grace asks', () => {
    expect(isSilent(socket({ broughtAtMs: 90 * S }), reading(), 100 * S)).toBe(false);
    expect(isSilent(socket({ broughtAtMs: 80 * S }), reading(), 100 * S)).toBe(true);
    expect(isSilent(socket(), reading(), 100 * S)).toBe(true);
    expect(isSilent(socket({ readSinceMs: 90 * S }), reading(), 100 * S)).toBe(false);
  });
});

/** What happens to one socket: when it is not read, and how long each event takes to it. */
interface Side {
  phaseMs: number;
  pause: { fromMs: number; toMs: number } | undefined;
  delaysMs: readonly number[];
}

const END_MS = 400 * S;

/** When a side reads each event: what arrives during a pause is read when it ends. */
const reads = (sentMs: readonly number[], { delaysMs, pause }: Side): number[] =>
  sentMs.map((atMs, n) => {
    const arrivesMs = atMs + (delaysMs[n % delaysMs.length] ?? 0);
    return pause !== undefined && arrivesMs >= pause.fromMs ? Math.max(arrivesMs, pause.toMs) : arrivesMs;
  });

function socketAt(nowMs: number, readMs: readonly number[], { pause }: Side): TwinSocket | undefined {
  if (pause !== undefined && nowMs >= pause.fromMs && nowMs < pause.toMs) return undefined;
  const readSinceMs = pause !== undefined && nowMs >= pause.toMs ? pause.toMs : 0;
  return socket({ readSinceMs, broughtAtMs: Math.max(...readMs.filter((atMs) => atMs <= nowMs)) });
}

/** @returns when the socket is found, if it is; both sides exchange as `TwinWatch` does */
function foundAt(twin: Side, twinReads: readonly number[], own: Side, ownReads: readonly number[]): number | undefined {
  let told: number | undefined;
  let missed: MissedEvent | undefined;
  let soonMs = Number.POSITIVE_INFINITY;
  for (let nowMs = 0; nowMs < END_MS; nowMs += beatMs) {
    const isDue = ({ phaseMs }: Side): boolean => nowMs % exchangeMs === phaseMs;
    if (isDue(twin)) {
      const there = socketAt(nowMs, twinReads, twin);
      if (there !== undefined && isPrompt(there, reading())) told = there.broughtAtMs;
    }
    if (!isDue(own) && nowMs < soonMs) continue;
    const here = socketAt(nowMs, ownReads, own);
    missed = here && missedEvent(here, reading(), missed, isSilent(here, reading(), nowMs) ? told : undefined);
    if (missed !== undefined && isWithheld(missed, reading(), nowMs)) return nowMs;
    soonMs = missed === undefined ? Number.POSITIVE_INFINITY : missed.atMs + graceMs;
  }
  return undefined;
}

describe('two sockets of one token', () => {
  const side = (pauses: boolean): fc.Arbitrary<Side> =>
    fc.record({
      phaseMs: fc.nat({ max: exchangeMs / beatMs - 1 }).map((n) => n * beatMs),
      pause: pauses
        ? fc.option(
            fc
              .record({ fromMs: fc.nat({ max: 200 * S }), ms: fc.integer({ min: 1, max: 150 * S }) })
              .map(({ fromMs, ms }) => ({ fromMs, toMs: fromMs + ms })),
            { nil: undefined },
          )
        : fc.constant(undefined),
      delaysMs: fc.array(fc.nat({ max: graceMs - 1 }), { minLength: 1, maxLength: 8 }),
    });
  const events = (maxMs: number): fc.Arbitrary<number[]> =>
    fc.array(fc.nat({ max: maxMs }), { minLength: 1, maxLength: 30 }).map((all) => all.sort((a, b) => a - b));

  it('raise no alarm while both bring the same events, each at any time within the grace, and through pauses', () => {
    fc.assert(
      fc.property(side(true), side(true), events(350 * S), (twin, own, sentMs) => {
        expect(foundAt(twin, reads(sentMs, twin), own, reads(sentMs, own))).toBeUndefined();
      }),
      { numRuns: 400 },
    );
  });

  it('show the one that brings nothing more, once its twin brings something later than the grace', () => {
    fc.assert(
      fc.property(
        side(false),
        side(false),
        events(150 * S),
        fc.integer({ min: 40 * S, max: 150 * S }),
        (twin, own, sentMs, deafMs) => {
          const twinReads = reads(sentMs, twin);
          const ownReads = reads(
            sentMs.filter((atMs) => atMs < deafMs),
            own,
          );
          const lastMs = Math.max(0, ...ownReads);
          const tellingMs = twinReads.filter((atMs) => atMs > lastMs + graceMs).sort((a, b) => a - b)[0];
          const found = foundAt(twin, twinReads, own, ownReads);
          if (tellingMs === undefined) expect(found).toBeUndefined();
          else expect((found ?? END_MS) - tellingMs).toBeLessThanOrEqual(exchangeMs + graceMs + 2 * beatMs);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('show it within 60 s of the first event that is withheld, if events keep coming', () => {
    fc.assert(
      fc.property(side(false), side(false), fc.integer({ min: 40 * S, max: 150 * S }), (twin, own, deafMs) => {
        const steady = { ...own, delaysMs: [0] };
        const sentMs = Array.from({ length: 300 }, (_, n) => n * S);
        const first = sentMs.find((atMs) => atMs >= deafMs) ?? 0;
        const ownReads = reads(
          sentMs.filter((atMs) => atMs < deafMs),
          steady,
        );
        const found = foundAt(twin, reads(sentMs, { ...twin, delaysMs: [0] }), steady, ownReads) ?? END_MS;
        expect(found - first).toBeLessThanOrEqual(45 * S);
      }),
      { numRuns: 100 },
    );
  });
});
