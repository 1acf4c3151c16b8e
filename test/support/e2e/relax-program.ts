import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { waitFor } from '#test/support/wait.ts';

export const BIN = join(import.meta.dirname, '../../../bin/relax.mjs');

/** One line of a program's log. */
export type LogLine = Record<string, unknown> & { msg?: string; level?: string };

/** `relax ...` as a process of its own, as a pod or a person would run it. */
export class RelaxProgram {
  readonly name: string;
  readonly lines: LogLine[] = [];
  /** Everything it printed that was no JSON line, stderr included. */
  text = '';
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;

  /** @param as how else than from the sources: the command line up to `args`, and the folder */
  constructor(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    as: { command?: readonly [string, ...string[]]; cwd?: string } = {},
  ) {
    this.name = name;
    // A run of the suite may be for connectors on one of the two runtimes.
    const { PATH = '', HOME = '/tmp', RELAX_CONNECTOR_RUNTIME = '' } = process.env;
    const inherited = { PATH, HOME, RELAX_CONNECTOR_RUNTIME };
    const [file, ...before] = as.command ?? [process.execPath, BIN];
    this.#child = spawn(file, [...before, ...args], {
      env: { ...inherited, ...env },
      cwd: as.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exit = once(this.#child, 'close').then(([code]) => code as number | null);
    let rest = '';
    const take = (chunk: string): void => {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) this.#take(part);
    };
    this.#child.stdout?.setEncoding('utf8').on('data', take);
    this.#child.stderr?.setEncoding('utf8').on('data', take);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  /** Resolves with the exit code, null when a signal ended it. */
  ended(): Promise<number | null> {
    return this.#exit;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exit;
  }

  /** SIGTERM, and SIGKILL when it takes longer. */
  async stop(graceMs = 20_000): Promise<number | null> {
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const code = await this.#exit;
    clearTimeout(timer);
    return code;
  }

  /** The first log line with this message, when it comes. */
  async logged(msg: string, timeoutMs = 30_000): Promise<LogLine> {
    return waitFor(
      () => {
        if (!this.running) throw new Error(`${this.name} ended: ${this.tail()}`);
        return this.lines.find((line) => line.msg === msg);
      },
      { timeoutMs, what: `${this.name} logs "${msg}"` },
    ).catch((cause: unknown) => {
      throw new Error(`${this.name} did not log "${msg}": ${this.tail()}`, { cause });
    });
  }

  /** The last of what it said, for a failure message. */
  tail(lines = 12): string {
    const json = this.lines.slice(-lines).map((line) => JSON.stringify(line));
    return [...json, this.text.slice(-1500)].join('\n');
  }

  #take(line: string): void {
    if (!line.startsWith('{')) {
      this.text += `${line}\n`;
      return;
    }
    try {
      this.lines.push(JSON.parse(line) as LogLine);
    } catch {
      this.text += `${line}\n`;
    }
  }
}
