/**
 * Over how many hashes (sub-buckets) the marks of each dedupe bucket are spread, and when that number should change (ADR
 * 0026). The steps are kept in Redis beside the marks of their queue (`QueueKeys.subBuckets`).
 *
 * A step is only ever added at the end, for buckets that have no mark yet, and none is changed or removed. So the number of
 * a bucket never changes once it may have a mark.
 */

/** From this bucket on, until the next step. */
export interface Step {
  fromBucket: number;
  /** Hashes per bucket. */
  count: number;
}

export interface DedupeSteps {
  /** As in Redis: `0:64,29402113:1024`. Two programs that have the same text place every mark alike. */
  text: string;
  /** The first is from bucket 0; buckets ascend. */
  steps: readonly [Step, ...Step[]];
}

/** Aimed at in each hash. More makes a lookup slow, fewer make the hashes themselves cost more than the marks. */
const MARKS_PER_HASH = 128;
/** More than this, and there are too few hashes. From 512 on, Redis keeps a hash in 2.7 to 3 times the memory. */
const CROWDED = 200;
/** Fewer than this for so long, and there are too many hashes. A day, so that quiet nights don't count. */
const SPARSE = 32;
const CALM_BUCKETS = 1_440;
/** Measurements further apart say nothing of what was in between. */
const LONGEST_GAP_BUCKETS = 10;
/** 35,000 events/s. */
const MOST_HASHES = 16_384;
/** With this many steps the number only grows, which takes few more, so that their text stays below 1 KB for ever. */
const MOST_STEPS_TO_SHRINK = 48;
/**
 * A step begins so many buckets after the current one, because none of its buckets may have a mark yet. Buckets are of Slack's
 * time, the current one is of Redis's: an event of up to three minutes ago that was not more than one bucket ahead of
 * Redis shows that nothing is five ahead.
 */
const LEAD_BUCKETS = 5;
const MOST_AHEAD_BUCKETS = 1;

/** Before any step was added. @param floor `FleetContract.subBuckets` */
export const firstSteps = (floor: number): DedupeSteps => ({
  text: `0:${floor}`,
  steps: [{ fromBucket: 0, count: floor }],
});

/** @returns undefined when it is not what Relax writes */
export function parseSteps(text: string): DedupeSteps | undefined {
  const steps = text.split(',').map((part): Step => {
    const [, fromBucket, count] = /^(\d{1,15}):(\d{1,6})$/.exec(part) ?? [];
    return { fromBucket: Number(fromBucket), count: Number(count) };
  });
  const [first, ...others] = steps;
  const ascend = steps.every(
    ({ fromBucket, count }, at) => fromBucket > (steps[at - 1]?.fromBucket ?? -1) && count > 0,
  );
  return first?.fromBucket === 0 && ascend ? { text, steps: [first, ...others] } : undefined;
}

/** Over how many hashes the marks of this bucket are spread. Nearly always found at once: events are recent. */
export function subBucketsOf({ steps }: DedupeSteps, bucket: number): number {
  for (let at = steps.length - 1; at > 0; at--) {
    const step = steps[at];
    if (step !== undefined && step.fromBucket <= bucket) return step.count;
  }
  return steps[0].count;
}

export const withStep = ({ text, steps: [first, ...others] }: DedupeSteps, step: Step): DedupeSteps => ({
  text: `${text},${step.fromBucket}:${step.count}`,
  steps: [first, ...others, step],
});

/** Redis time (ms) from which on it is too late to add this step: the bucket in which it was decided has ended. */
export const tooLateMs = ({ fromBucket }: Step, bucketMs: number): number => (fromBucket - LEAD_BUCKETS + 1) * bucketMs;

/** For how long few marks have been measured, and how many at most. */
export interface Calm {
  sinceBucket: number;
  untilBucket: number;
  mostMarks: number;
}

export interface Measured {
  /** By Redis time. */
  nowBucket: number;
  /** Of the last full bucket, over the whole fleet. */
  marks: number;
}

/** @returns undefined when there are not few marks for the present number of hashes */
export function calmAfter(
  calm: Calm | undefined,
  steps: DedupeSteps,
  { nowBucket, marks }: Measured,
): Calm | undefined {
  if (marks >= SPARSE * subBucketsOf(steps, nowBucket)) return undefined;
  const goesOn = calm !== undefined && nowBucket - calm.untilBucket <= LONGEST_GAP_BUCKETS;
  return {
    sinceBucket: goesOn ? calm.sinceBucket : nowBucket,
    untilBucket: nowBucket,
    mostMarks: Math.max(goesOn ? calm.mostMarks : 0, marks),
  };
}

export interface StepFacts extends Measured {
  steps: DedupeSteps;
  calm: Calm | undefined;
  /** The newest bucket that this program has looked for a mark in, in the last two minutes; undefined for no event. */
  newestBucket: number | undefined;
  /** The contract's number, which there are never fewer of. */
  floor: number;
}

/**
 * The step that should be added; undefined for none. Numbers are powers of two (except the floor), so that a steady rate
 * causes no second step.
 */
export function nextStep({ steps, calm, nowBucket, marks, newestBucket, floor }: StepFacts): Step | undefined {
  const last = steps.steps.at(-1) ?? steps.steps[0];
  const fromBucket = nowBucket + LEAD_BUCKETS;
  // One step at a time, and none while it can't be told whether there are marks where it would begin.
  if (last.fromBucket > nowBucket || newestBucket === undefined) return undefined;
  if (newestBucket > nowBucket + MOST_AHEAD_BUCKETS) return undefined;
  const { count } = last;
  if (count < floor || marks > CROWDED * count) {
    const more = hashesFor(marks, floor);
    return more > count ? { fromBucket, count: more } : undefined;
  }
  if (calm === undefined || nowBucket - calm.sinceBucket < CALM_BUCKETS) return undefined;
  if (steps.steps.length >= MOST_STEPS_TO_SHRINK) return undefined;
  const fewer = hashesFor(calm.mostMarks, floor);
  return fewer < count ? { fromBucket, count: fewer } : undefined;
}

function hashesFor(marks: number, floor: number): number {
  const enough = 2 ** Math.ceil(Math.log2(Math.max(1, marks / MARKS_PER_HASH)));
  return Math.max(floor, Math.min(MOST_HASHES, enough));
}
