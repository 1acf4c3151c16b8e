import { writeFileSync } from 'node:fs';

/**
 * Loaded into a measured process (`node --import`): the CPU time that its main thread spends between two ticks of a timer, so
 * that what other processes take from the machine does not count. Whatever holds the event loop up shows as one long gap.
 * At SIGUSR2 the gaps since the last one are written to the file that the variable names.
 */
export const LOOP_FILE = 'RELAX_BENCH_LOOP_FILE';
const EVERY_MS = 10;

export interface LoopCpu {
  ticks: number;
  /** Milliseconds of CPU. */
  p50: number;
  p99: number;
  max: number;
}

const file = process.env[LOOP_FILE];
if (file !== undefined) {
  let gaps: number[] = [];
  let last = process.threadCpuUsage();
  setInterval(() => {
    const { user, system } = process.threadCpuUsage(last);
    last = process.threadCpuUsage();
    gaps.push((user + system) / 1000);
  }, EVERY_MS).unref();
  process.on('SIGUSR2', () => {
    const sorted = gaps.toSorted((a, b) => a - b);
    gaps = [];
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
    const measured: LoopCpu = { ticks: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
    writeFileSync(file, JSON.stringify(measured));
  });
}
