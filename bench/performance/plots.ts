import type { LoadMeasured } from '../load/measure.ts';
import type { Subject } from '../load/subject.ts';
import { type Axis, type Chart, linearTicks, logTicks, renderChart, type Series } from './chart.ts';
import { type Results, runKey } from './results.ts';
import { RATES, SIZES, SIZES_RATE, SOCKETS, SUBJECTS } from './run-plans.ts';
import type { SoakResults } from './soak-results.ts';
import { loadOf } from './target-rows.ts';

/** The plots of docs/performance.md: name of the file -> SVG. Pure, as the tables. */
export function renderPlots(results: Results): Record<string, string> {
  return {
    'memory.svg': renderChart(memory(results)),
    'cpu.svg': renderChart(cpu(results)),
    'latency.svg': renderChart(latency(results)),
    'redis.svg': renderChart(redis(results)),
    'sizes.svg': renderChart(sizes(results)),
    'idle.svg': renderChart(idle(results)),
  };
}

const CONNECTORS = SUBJECTS.filter(({ program }) => program === 'connector');
const RATE_AXIS: Axis = { label: 'events per second', scale: 'log', ticks: RATES };
const SOCKET_AXIS: Axis = {
  label: 'sockets of one connector',
  scale: 'linear',
  ticks: [0, 2_000, 4_000, 6_000, 8_000, 10_000],
};

/** A line for each subject, of the places where something was measured. */
function lines(
  subjects: readonly Subject[],
  xs: readonly number[],
  of: (subject: Subject, x: number) => number | undefined,
): Series[] {
  return subjects.map((subject) => ({
    name: `${subject.program === 'connector' ? 'connector' : 'bare loop'}, ${subject.runtime === 'bun' ? 'Bun' : 'Node'}`,
    color: subject.runtime,
    dashed: subject.program === 'baseline',
    points: xs.flatMap((x) => {
      const y = of(subject, x);
      return y === undefined ? [] : [{ x, y }];
    }),
  }));
}

const valuesOf = (series: readonly Series[], more: readonly number[] = []): number[] => [
  ...series.flatMap(({ points }) => points.map(({ y }) => y)),
  ...more,
];

const linear = (label: string, series: readonly Series[]): Axis => ({
  label,
  scale: 'linear',
  ticks: linearTicks(valuesOf(series)),
});

function memory(results: Results): Chart {
  const of = (subject: Subject, teams: number) => results.runs[runKey(`sockets-${teams}`, subject)]?.idle?.rssMB;
  const series = lines(SUBJECTS, SOCKETS, of);
  return {
    title: 'Memory of one connector with idle sockets over TLS, small certificate',
    series,
    target: { x: 10_000, y: 240 },
    x: SOCKET_AXIS,
    y: linear('resident memory, MB', series),
  };
}

function idle(results: Results): Chart {
  const of = (subject: Subject, teams: number) =>
    results.runs[runKey(`sockets-${teams}`, subject)]?.idle?.cpuMsPerSecond;
  const series = lines(CONNECTORS, SOCKETS, of);
  return {
    title: 'CPU of one connector while nothing happens',
    series,
    target: { x: 2_000, y: 15 },
    x: SOCKET_AXIS,
    y: linear('ms of CPU per second', series),
  };
}

function overRates(results: Results, of: (load: LoadMeasured) => number | undefined, subjects = SUBJECTS): Series[] {
  return lines(subjects, RATES, (subject, perSecond) => {
    const load = loadOf(results, subject, perSecond);
    return load === undefined ? undefined : of(load);
  });
}

function cpu(results: Results): Chart {
  const series = overRates(results, ({ cpuMicros }) => cpuMicros);
  return {
    title: 'CPU of the process per event, 2,000 teams',
    series,
    target: { x: 10_000, y: 25 },
    x: RATE_AXIS,
    y: linear('µs per event', series),
  };
}

function redis(results: Results): Chart {
  const series = overRates(results, ({ redisCpuMicros }) => redisCpuMicros);
  return {
    title: 'CPU of the Redis server per event, 2,000 teams',
    series,
    target: { x: 10_000, y: 6 },
    x: RATE_AXIS,
    y: linear('µs per event', series),
  };
}

function latency(results: Results): Chart {
  const series = overRates(results, ({ latencyMs }) => latencyMs?.p99);
  const y: Axis = { label: 'p99, ms', scale: 'log', ticks: logTicks(valuesOf(series, [50])) };
  return {
    title: 'From Slack to the queue, 99 of 100 events are faster',
    series,
    target: { x: 20_000, y: 50 },
    x: RATE_AXIS,
    y,
  };
}

function sizes(results: Results): Chart {
  const series = lines(SUBJECTS, SIZES, (subject, bytes) => loadOf(results, subject, SIZES_RATE, bytes)?.cpuMicros);
  return {
    title: 'CPU of the process per event by its size, at 2,000 a second',
    series,
    x: { label: 'bytes of an event', scale: 'log', ticks: SIZES },
    y: linear('µs per event', series),
  };
}

export function soakChart({ samples, sockets, runtime }: SoakResults): string {
  const points = samples.map(({ minute, rssMB }) => ({ x: minute, y: rssMB }));
  const series: Series[] = [
    { name: `connector, ${runtime === 'bun' ? 'Bun' : 'Node'}`, color: runtime, dashed: false, points },
  ];
  return renderChart({
    title: `Memory over time, ${sockets.toLocaleString('en')} sockets replaced again and again`,
    series,
    x: { label: 'minutes', scale: 'linear', ticks: linearTicks(points.map(({ x }) => x)) },
    y: linear('resident memory, MB', series),
  });
}
