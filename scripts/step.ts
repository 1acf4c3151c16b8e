import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

/** A command of the test run, in a process group of its own, so that nothing that it started outlives it. */
export interface Step {
  name: string;
  command: readonly string[];
  /** Then the whole group is ended and the step has failed. */
  timeoutMs: number;
  /** The repository's root unless given. */
  cwd?: string;
  /** Our own environment unless given. */
  env?: NodeJS.ProcessEnv;
  /** Takes what it prints, line by line, in place of our output. */
  onLine?(line: string): void;
}

export type StepOutcome = { ok: true } | { ok: false; why: string };

export const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules/.bin');
/** From asking a group to end to telling it. */
const GRACE_MS = 10_000;

const running = new Set<number>();

/** Runs a step with our output as its own. Never rejects. */
export async function runStep(step: Step): Promise<StepOutcome> {
  const [file = '', ...args] = step.command;
  const { cwd = ROOT, onLine } = step;
  const color = process.stdout.isTTY || process.env.FORCE_COLOR !== undefined ? {} : { NO_COLOR: '1' };
  const ours = step.env ?? process.env;
  const env = { ...ours, ...color, PATH: `${BIN}${delimiter}${ours.PATH ?? ''}` };
  const output = onLine === undefined ? 'inherit' : 'pipe';
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', output, output], detached: true });
  if (onLine !== undefined) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', onLine);
    }
  }
  const { promise, resolve } = Promise.withResolvers<StepOutcome>();
  child.once('error', (error) => resolve({ ok: false, why: `it does not start: ${error.message}` }));
  child.once('exit', (code, signal) => resolve(code === 0 ? { ok: true } : { ok: false, why: ending(code, signal) }));
  const group = child.pid;
  if (group === undefined) return promise;
  running.add(group);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void endGroup(group);
  }, step.timeoutMs);
  const outcome = await promise;
  clearTimeout(timer);
  // What a step leaves behind, be it by accident, ends with it.
  await endGroup(group);
  running.delete(group);
  return late ? { ok: false, why: `it took longer than ${step.timeoutMs / 60_000} minutes` } : outcome;
}

/** Ends what runs, for a run that is interrupted. */
export async function endSteps(): Promise<void> {
  await Promise.all([...running].map(endGroup));
}

async function endGroup(group: number): Promise<void> {
  if (!signalGroup(group, 'SIGTERM')) return;
  const endMs = performance.now() + GRACE_MS;
  while (performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (!signalGroup(group, 0)) return;
  }
  signalGroup(group, 'SIGKILL');
}

/** @returns false when none of the group is left */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

const ending = (code: number | null, signal: NodeJS.Signals | null): string =>
  signal === null ? `it ended with ${code}` : `it was ended by ${signal}`;
