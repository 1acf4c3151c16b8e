import type { Load, MeasurePlan } from '../load/measure.ts';
import type { Subject } from '../load/subject.ts';

/** What is measured, and in which order. Whatever is compared comes one right after the other, in the same state of the machine. */
export interface RunPlan extends Omit<MeasurePlan, 'source'> {
  run: string;
}

/** The shortest frame, about what Slack makes of a short message; one with some lines of text; one with a long table. */
export const SHORT = 390;
export const SIZES = [SHORT, 1_024, 4_096, 8_192] as const;
export const RATES = [500, 1_000, 2_000, 5_000, 10_000, 20_000] as const;
export const SIZES_RATE = 2_000;
export const SOCKETS = [1_000, 2_000, 4_000, 8_000, 10_000] as const;
/** More than one connector takes on a machine of two cores. */
export const SATURATING = [20_000, 30_000] as const;

const CONNECTORS: readonly Subject[] = [
  { program: 'connector', runtime: 'bun' },
  { program: 'connector', runtime: 'node' },
];
const BASELINES: readonly Subject[] = [
  { program: 'baseline', runtime: 'bun' },
  { program: 'baseline', runtime: 'node' },
];
export const SUBJECTS: readonly Subject[] = [...CONNECTORS, ...BASELINES];

const load = (perSecond: number, bytes: number, costSeconds: number, latencySeconds: number): Load => ({
  perSecond,
  bytes,
  costSeconds,
  latencySeconds,
});

/** From low to high, since a process keeps memory that it once needed. */
const LOADS: readonly Load[] = [
  ...RATES.map((perSecond) => load(perSecond, SHORT, perSecond === SIZES_RATE ? 10 : 6, 4)),
  ...SIZES.filter((bytes) => bytes !== SHORT).map((bytes) => load(SIZES_RATE, bytes, 5, 2)),
];

const plain = { certificate: 'small', pods: 1, idleSeconds: 0, loads: [], drop: false } as const;

/** Some 20 minutes on two cores. */
export function fullPlan(): RunPlan[] {
  const events = {
    ...plain,
    run: 'events',
    certificate: 'chain',
    teams: 2_000,
    idleSeconds: 30,
    loads: LOADS,
  } as const;
  const idle = (teams: number): Omit<RunPlan, 'subject'> => ({
    ...plain,
    run: `sockets-${teams}`,
    teams,
    idleSeconds: 8,
    drop: teams === 10_000,
  });
  const saturated = SATURATING.map((perSecond) => load(perSecond, SHORT, 5, 0));
  const pods = (count: number): Omit<RunPlan, 'subject'> => ({
    ...plain,
    run: `pods-${count}`,
    teams: 2_000,
    pods: count,
    loads: saturated,
  });
  return [
    ...SUBJECTS.map((subject) => ({ ...events, subject })),
    ...SOCKETS.flatMap((teams) => {
      const subjects = teams === 2_000 || teams === 8_000 || teams === 10_000 ? SUBJECTS : CONNECTORS;
      // The bare loop does not come back by itself.
      return subjects.map((subject) => {
        const plan = { ...idle(teams), subject };
        return subject.program === 'baseline' ? { ...plan, drop: false } : plan;
      });
    }),
    ...[1, 2].flatMap((count) => CONNECTORS.map((subject) => ({ ...pods(count), subject }))),
  ];
}

/** Two minutes, to see that everything works; its figures mean nothing, and no page shows them. */
export function quickPlan(): RunPlan[] {
  const short = LOADS.filter(({ perSecond }) => perSecond <= SIZES_RATE).map((each) => ({
    ...each,
    costSeconds: 1,
    latencySeconds: 1,
  }));
  return [
    ...SUBJECTS.map((subject) => ({
      ...plain,
      ...({ run: 'quick-events', certificate: 'chain', teams: 100, idleSeconds: 2, loads: short, subject } as const),
    })),
    ...CONNECTORS.map((subject) => ({
      ...plain,
      run: 'quick-sockets',
      teams: 200,
      idleSeconds: 1,
      drop: true,
      subject,
    })),
  ];
}
