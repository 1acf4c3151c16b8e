import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Calm,
  calmAfter,
  type DedupeSteps,
  firstSteps,
  nextStep,
  parseSteps,
  type Step,
  type StepFacts,
  subBucketsOf,
  tooLateMs,
  withStep,
} from '#core/protocol/dedupe-steps.ts';

const NOW = 29_402_110;
const DAY = 1_440;
const read = (text: string): DedupeSteps => {
  const steps = parseSteps(text);
  if (steps === undefined) throw new Error(`not steps: ${text}`);
  return steps;
};
const decide = (facts: Partial<StepFacts>): Step | undefined =>
  nextStep({
    steps: firstSteps(64),
    calm: undefined,
    nowBucket: NOW,
    marks: 6_000,
    newestBucket: NOW,
    floor: 64,
    ...facts,
  });

/** What one connector does once a minute. */
interface Fleet {
  steps: DedupeSteps;
  calm: Calm | undefined;
}
function measure({ steps, calm: before }: Fleet, nowBucket: number, marks: number, newestBucket = nowBucket): Fleet {
  const calm = calmAfter(before, steps, { nowBucket, marks });
  const step = nextStep({ steps, calm, nowBucket, marks, newestBucket, floor: 64 });
  return { steps: step === undefined ? steps : withStep(steps, step), calm };
}
const perMinute = (perSecond: number): number => perSecond * 60;

describe('the number of hashes that the marks of a minute are spread over', () => {
  it('is that of the last step before it, and that of the contract before there is any', () => {
    const steps = read('0:64,100:256,200:128');
    expect([-1, 0, 99, 100, 199, 200, 9_999].map((bucket) => subBucketsOf(steps, bucket))).toEqual([
      64, 64, 64, 256, 256, 128, 128,
    ]);
    expect(firstSteps(64)).toEqual(read('0:64'));
  });

  it.each([
    [200, undefined],
    [500, 256],
    [2_000, 1_024],
    [10_000, 8_192],
    [20_000, 16_384],
    [100_000, 16_384],
  ])('fits %i events/s', (perSecond, count) => {
    const step = count === undefined ? undefined : { fromBucket: NOW + 5, count };
    expect(decide({ marks: perMinute(perSecond) })).toEqual(step);
  });

  it('stays at up to 200 marks in each', () => {
    expect(decide({ marks: 64 * 200 })).toBeUndefined();
    expect(decide({ marks: 64 * 200 + 1 })).toEqual({ fromBucket: NOW + 5, count: 128 });
  });

  it('changes once at a time: not while the last step has yet to begin', () => {
    const steps = withStep(firstSteps(64), { fromBucket: NOW + 1, count: 128 });
    expect(decide({ steps, marks: 1e6 })).toBeUndefined();
    expect(decide({ steps, marks: 1e6, nowBucket: NOW + 1 })).toEqual({ fromBucket: NOW + 6, count: 8_192 });
  });

  it('stays where events are ahead of the clock of Redis, or nobody knows whether they are', () => {
    expect(decide({ marks: 1e6, newestBucket: NOW + 1 })).toBeDefined();
    expect(decide({ marks: 1e6, newestBucket: NOW + 2 })).toBeUndefined();
    expect(decide({ marks: 1e6, newestBucket: undefined })).toBeUndefined();
  });

  it('follows a raised floor, whatever the rate', () => {
    expect(decide({ marks: 0, floor: 100 })).toEqual({ fromBucket: NOW + 5, count: 100 });
  });

  it('shrinks after a day with few marks, to what the busiest minute of that day needs', () => {
    const steps = withStep(firstSteps(64), { fromBucket: 100, count: 4_096 });
    let calm = calmAfter(undefined, steps, { nowBucket: NOW, marks: 1_000 });
    for (let at = 1; at < DAY; at++) {
      calm = calmAfter(calm, steps, { nowBucket: NOW + at, marks: at === 700 ? 60_000 : 1_000 });
      expect(decide({ steps, calm, marks: 1_000, nowBucket: NOW + at, newestBucket: NOW + at })).toBeUndefined();
    }
    const facts = { steps, marks: 1_000, nowBucket: NOW + DAY, newestBucket: NOW + DAY };
    expect(decide({ ...facts, calm })).toEqual({ fromBucket: NOW + DAY + 5, count: 512 });
  });

  it('does not take for calm what was not measured, nor a day with one busy minute', () => {
    const steps = withStep(firstSteps(64), { fromBucket: 100, count: 4_096 });
    const calm = calmAfter(undefined, steps, { nowBucket: NOW, marks: 0 });
    expect(calmAfter(calm, steps, { nowBucket: NOW + 11, marks: 5 })?.sinceBucket).toBe(NOW + 11);
    expect(calmAfter(calm, steps, { nowBucket: NOW + 10, marks: 5 })?.sinceBucket).toBe(NOW);
    expect(calmAfter(calm, steps, { nowBucket: NOW + 1, marks: 32 * 4_096 })).toBeUndefined();
  });

  it('is not added later than in the minute in which it was decided, however long its program was stopped', () => {
    expect(tooLateMs({ fromBucket: 10, count: 128 }, 60_000)).toBe(360_000);
  });

  it.each([
    '',
    '64',
    '1:64',
    '0:0',
    '0:64,',
    '0:64,5:128,5:256',
    '0:64,5:128,4:256',
    '0:64 ,5:128',
    '0:-1',
    '0:64,x:1',
  ])('is not read from "%s"', (text) => {
    expect(parseSteps(text)).toBeUndefined();
  });
});

describe('whatever the rate does', () => {
  /** Changes of the rate: for how many minutes, and events/s. */
  const history = fc.array(fc.tuple(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 0, max: 60_000 })), {
    minLength: 1,
    maxLength: 30,
  });

  it('a step moves no mark: what was placed before it was added is looked for where it is', () => {
    fc.assert(
      fc.property(history, (rates) => {
        let fleet: Fleet = { steps: firstSteps(64), calm: undefined };
        let now = NOW;
        for (const [minutes, perSecond] of rates) {
          for (let minute = 0; minute < minutes; minute++, now++) {
            const after = measure(fleet, now, perMinute(perSecond), now + (minute % 4));
            if (after.steps !== fleet.steps) {
              expect(after.steps.text.startsWith(`${fleet.steps.text},`)).toBe(true);
              // Everything up to the newest bucket that has a mark, and the next one, which untimed events look at.
              for (const bucket of [0, NOW, now - 1_560, now - 1, now, now + 1, now + 4]) {
                expect(subBucketsOf(after.steps, bucket)).toBe(subBucketsOf(fleet.steps, bucket));
              }
            }
            fleet = after;
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('programs with the same text place alike', () => {
    fc.assert(
      fc.property(history, fc.nat({ max: 80_000 }), (rates, offset) => {
        let fleet: Fleet = { steps: firstSteps(64), calm: undefined };
        let now = NOW;
        for (const [minutes, perSecond] of rates) {
          fleet = measure(fleet, now, perMinute(perSecond));
          now += minutes;
        }
        expect(parseSteps(fleet.steps.text)).toEqual(fleet.steps);
        expect(subBucketsOf(read(fleet.steps.text), NOW + offset)).toBe(subBucketsOf(fleet.steps, NOW + offset));
      }),
    );
  });

  it('a steady rate causes one step, also when it comes in bursts of half as much again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 23_000 }), fc.integer({ min: 1, max: 200 }), (perSecond, seed) => {
        let fleet: Fleet = { steps: firstSteps(64), calm: undefined };
        for (let at = 0; at < 3 * DAY; at++) {
          const share = 1 + ((at * seed) % 51) / 100;
          fleet = measure(fleet, NOW + at, perMinute(perSecond) * share);
        }
        expect(fleet.steps.steps.length).toBeLessThanOrEqual(3);
        const marksEach = perMinute(perSecond) / subBucketsOf(fleet.steps, NOW + 3 * DAY);
        expect(marksEach).toBeLessThanOrEqual(200);
      }),
      { numRuns: 30 },
    );
  });

  it('the steps stay few: days of calm between days of load, for years', () => {
    let fleet: Fleet = { steps: firstSteps(64), calm: undefined };
    let now = NOW;
    for (let day = 0; day < 800; day++) {
      const perSecond = day % 4 < 2 ? 20_000 : 10;
      for (let at = 0; at < DAY; at += 5, now += 5) fleet = measure(fleet, now, perMinute(perSecond));
    }
    expect(fleet.steps.steps.length).toBeGreaterThan(40);
    expect(fleet.steps.steps.length).toBeLessThan(60);
    expect(fleet.steps.text.length).toBeLessThan(1_000);
    expect(subBucketsOf(fleet.steps, now)).toBe(16_384);
  });
});
