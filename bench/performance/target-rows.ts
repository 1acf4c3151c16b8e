import type { LoadMeasured, Measured } from '../load/measure.ts';
import type { Subject } from '../load/subject.ts';
import { type Results, runKey } from './results.ts';
import { SHORT } from './run-plans.ts';

/** What a connector on Bun is meant to take, over TLS, and where the measured figure is found. Less is better in each row. */
export interface TargetRow {
  key: string;
  name: string;
  unit: string;
  /** Undefined: a figure to know, which has no target. */
  target: number | undefined;
  digits: number;
  valueOf(results: Results, subject: Subject): number | undefined;
}

const runOf = (results: Results, run: string, subject: Subject): Measured | undefined =>
  results.runs[runKey(run, subject)];

export const loadOf = (
  results: Results,
  subject: Subject,
  perSecond: number,
  bytes: number = SHORT,
): LoadMeasured | undefined =>
  runOf(results, 'events', subject)?.loads.find((each) => each.perSecond === perSecond && each.bytes === bytes);

const startOf = ({ starts, source }: Results, { program, runtime }: Subject): number | undefined => {
  const form = program === 'baseline' ? 'bare program' : source === 'dist' ? 'bundle' : 'sources';
  return starts.find(({ name }) => name === `${form}, ${runtime === 'bun' ? 'Bun' : 'Node'}`)?.helloMs;
};

export const TARGET_ROWS: readonly TargetRow[] = [
  {
    key: 'rss-2000-small',
    name: 'memory, 2,000 idle teams, small certificate',
    unit: 'MB',
    target: 85,
    digits: 0,
    valueOf: (results, subject) => runOf(results, 'sockets-2000', subject)?.idle?.rssMB,
  },
  {
    key: 'rss-2000-chain',
    name: 'memory, 2,000 idle teams, real chain',
    unit: 'MB',
    target: 110,
    digits: 0,
    valueOf: (results, subject) => runOf(results, 'events', subject)?.idle?.rssMB,
  },
  {
    key: 'rss-10000',
    name: 'memory, 10,000 idle sockets, small certificate',
    unit: 'MB',
    target: 240,
    digits: 0,
    valueOf: (results, subject) => runOf(results, 'sockets-10000', subject)?.idle?.rssMB,
  },
  {
    key: 'cpu-2000',
    name: 'CPU per event at 2,000 a second',
    unit: 'µs',
    target: 45,
    digits: 1,
    valueOf: (results, subject) => loadOf(results, subject, 2_000)?.cpuMicros,
  },
  {
    key: 'cpu-10000',
    name: 'CPU per event at 10,000 a second',
    unit: 'µs',
    target: 25,
    digits: 1,
    valueOf: (results, subject) => loadOf(results, subject, 10_000)?.cpuMicros,
  },
  {
    key: 'p99-20000',
    name: 'from Slack to the queue at 20,000 a second, p99',
    unit: 'ms',
    target: 50,
    digits: 0,
    valueOf: (results, subject) => loadOf(results, subject, 20_000)?.latencyMs?.p99,
  },
  {
    key: 'first-hello',
    name: 'from the start to the first hello',
    unit: 'ms',
    target: 250,
    digits: 0,
    valueOf: startOf,
  },
  {
    key: 'redis-2000',
    name: 'Redis server CPU per event at 2,000 a second',
    unit: 'µs',
    target: 10,
    digits: 1,
    valueOf: (results, subject) => loadOf(results, subject, 2_000)?.redisCpuMicros,
  },
  {
    key: 'redis-10000',
    name: 'Redis server CPU per event at 10,000 a second',
    unit: 'µs',
    target: 6,
    digits: 1,
    valueOf: (results, subject) => loadOf(results, subject, 10_000)?.redisCpuMicros,
  },
  {
    key: 'dropped',
    name: '10,000 sockets dropped: all back',
    unit: 's',
    target: 30,
    digits: 1,
    valueOf: (results, subject) => {
      const backMs = runOf(results, 'sockets-10000', subject)?.droppedBackMs;
      return backMs === undefined ? undefined : backMs / 1000;
    },
  },
  {
    key: 'idle-cpu',
    name: 'CPU with 2,000 idle teams',
    unit: 'ms/s',
    target: 15,
    digits: 1,
    valueOf: (results, subject) => runOf(results, 'events', subject)?.idle?.cpuMsPerSecond,
  },
];
