import { readFileSync } from 'node:fs';

/** What a process takes, as Linux counts it. */
const TICKS_PER_SECOND = 100;

/** User and system time since its start, of all its threads. */
export function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND;
}

/** Resident memory in MB (10^6 bytes), what a pod's limit counts but for shared libraries. */
export const rssMB = (pid: number): number =>
  (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024) / 1e6;
