import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Measured } from '../load/measure.ts';
import type { Source, Subject } from '../load/subject.ts';

/** What bench/performance.ts has measured, as it is kept in results.json: all figures of docs/performance.md come from here. */
export interface Results {
  machine: Machine;
  /** What the connector was started from. */
  source: Source;
  /** Of a run that is too short to be believed. */
  quick: boolean;
  /** ISO 8601, of the last measurement. */
  measuredAt: string;
  /** Name of the run and subject (`runKey`) -> what came of it. */
  runs: Record<string, Measured>;
  starts: readonly Start[];
  /** Bytes; undefined: none was built. */
  executableBytes?: number;
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryGB: number;
  kernel: string;
  node: string;
  bun: string;
  redis: string;
  /** Relax's commit. */
  commit: string;
  /** Programs that wanted a core while nothing was measured yet, on average. */
  load: number;
}

/** Medians of one form of the program; see bench/start.ts. */
export interface Start {
  name: string;
  helloMs: number;
  cpuMs: number;
  rssMB: number;
}

export const RESULTS_FILE = join(import.meta.dirname, 'results.json');

export const runKey = (run: string, { program, runtime }: Subject): string => `${run}/${program}-${runtime}`;

export function readResults(file = RESULTS_FILE): Results {
  return JSON.parse(readFileSync(file, 'utf8')) as Results;
}
