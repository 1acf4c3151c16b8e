import { readFileSync, readlinkSync } from 'node:fs';
import type { Session } from '../../core/protocol/session.ts';

export type ProcessIdentity = Pick<Session, 'machine' | 'pid' | 'startTicks'>;

/** Of a process that wrote a session: `unknown` when it runs, or ran, elsewhere. */
export type ProcessState = 'lives' | 'gone' | 'unknown';

/** Identifiers that are only valid on this machine; empty where there is no /proc. */
export function thisProcess(): ProcessIdentity {
  return { machine: machineName(), pid: process.pid, startTicks: startTicks(process.pid)?.ticks ?? '' };
}

/** @param us the asking process: it can only judge processes on its own machine */
export function processState(them: ProcessIdentity, us: Pick<ProcessIdentity, 'machine'>): ProcessState {
  if (them.machine === '' || them.machine !== us.machine || them.pid <= 0) return 'unknown';
  if (!exists(them.pid)) return 'gone';
  const found = startTicks(them.pid);
  // It exists, but we may not inspect it.
  if (found === undefined) return 'lives';
  // A new container may get the same process namespace number as the old one, and every container has a process 1.
  return found.ended || (them.startTicks !== '' && found.ticks !== them.startTicks) ? 'gone' : 'lives';
}

function machineName(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Of proc_pid_stat(5): field 3 is the state, field 22 the start. The name before them may hold anything, brackets too. */
function startTicks(pid: number): { ticks: string; ended: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = '', ticks = ''] = [fields[0], fields[19]];
    return { ticks, ended: state === 'Z' || state === 'X' };
  } catch {
    return undefined;
  }
}
