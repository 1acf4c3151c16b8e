import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fitLine, type Line, type Point } from './line-fit.ts';

/** What bench/soak.ts has measured, as it is kept in soak.json. */
export interface SoakResults {
  commit: string;
  /** ISO 8601, of the last sample. */
  measuredAt: string;
  runtime: 'bun' | 'node';
  runtimeVersion: string;
  sockets: number;
  eventsPerSecond: number;
  /** Sockets that were replaced so far: told goodbye, or cut off. */
  refreshed: number;
  /** Events that came to the queue, and how many of them twice. */
  queued: number;
  doubled: number;
  samples: readonly SoakSample[];
}

export interface SoakSample {
  minute: number;
  rssMB: number;
  live: number;
}

export const SOAK_FILE = join(import.meta.dirname, 'soak.json');

export const readSoak = (file = SOAK_FILE): SoakResults | undefined =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SoakResults) : undefined;

export interface SoakVerdict {
  minutes: number;
  /** Medians of the tenth after the first tenth, and of the last one. */
  earlyMB: number;
  lastMB: number;
  /** Of the last two thirds: what memory gains in an hour. */
  trend: Line;
  /** No growth that the samples could tell from none, or less than a fiftieth of the memory in all that time. */
  isFlat: boolean;
  /** Open at a time, the median. */
  live: number;
}

const FLAT_SHARE = 0.02;

export function judgeSoak(samples: readonly SoakSample[]): SoakVerdict {
  const part = (from: number, to: number): SoakSample[] =>
    samples.slice(Math.floor(from * samples.length), Math.max(Math.ceil(to * samples.length), 1));
  const points: Point[] = part(1 / 3, 1).map(({ minute, rssMB }) => ({ x: minute / 60, y: rssMB }));
  const trend = fitLine(points);
  const lastMB = median(part(0.9, 1).map(({ rssMB }) => rssMB));
  const hours = (points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0);
  return {
    minutes: samples.at(-1)?.minute ?? 0,
    earlyMB: median(part(0.1, 0.2).map(({ rssMB }) => rssMB)),
    live: median(samples.map(({ live }) => live)),
    lastMB,
    trend,
    isFlat: trend.slope - trend.halfWidth <= 0 || trend.slope * hours < FLAT_SHARE * lastMB,
  };
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
