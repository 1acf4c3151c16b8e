import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { backoffMs } from '../../../core/process/backoff.ts';
import type { Log } from '../../../core/process/log.ts';
import { sleep, systemTimers } from '../../../core/process/timers.ts';
import type { ConnectorCommand } from './connector-command.ts';

export interface ChildSpec {
  pod: string;
  env: Readonly<Record<string, string>>;
}

interface ChildrenOptions {
  command: ConnectorCommand;
  specs: readonly ChildSpec[];
  log: Log;
  /** A message from a child over its channel. */
  onMessage(pod: string, message: unknown): void;
  /** A line that a child printed. */
  onLine(pod: string, line: string): void;
  /** A child ended on its own and is being restarted. */
  onRestart(pod: string): void;
}

const RESTART = { baseMs: 500, capMs: 15_000 };
/** If a child has lived this long, its end counts as a first failure, not as one more in a row. */
const HEALTHY_MS = 60_000;

/**
 * Connector processes, each restarted under its name when it ends. A channel ties them to this process: if it is gone, even
 * by SIGKILL, they drain and end (cli/stop-signal.ts). They have their own process groups, so that this process decides
 * what Ctrl-C does to them.
 */
export class ConnectorChildren {
  readonly #options: ChildrenOptions;
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, ChildProcess>();
  #loops: Promise<void>[] = [];

  constructor(options: ChildrenOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loops = this.#options.specs.map((spec) => this.#keep(spec));
  }

  /** Sends SIGTERM to all, and SIGKILL to those still running after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    for (const child of this.#running.values()) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const [pod, child] of this.#running) {
        this.#options.log.warn({ pod }, 'connector did not exit in time, killed');
        child.kill('SIGKILL');
      }
    }, graceMs);
    await Promise.all(this.#loops);
    clearTimeout(timer);
  }

  async #keep(spec: ChildSpec): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const startedMs = systemTimers.monotonicMs();
      const ended = await this.#live(spec);
      if (signal.aborted) return;
      if (systemTimers.monotonicMs() - startedMs > HEALTHY_MS) failures = 0;
      const inMs = backoffMs(failures, RESTART, Math.random());
      this.#options.onRestart(spec.pod);
      this.#options.log.warn({ pod: spec.pod, ...ended, inMs }, 'connector exited, restarting it');
      await sleep(systemTimers, inMs, signal);
    }
  }

  /** Runs a child once, until it ends. */
  async #live({ pod, env }: ChildSpec): Promise<{ code?: number | null; by?: string | null; error?: string }> {
    const { file, args } = this.#options.command;
    const child = spawn(file, [...args, 'connector'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.#running.set(pod, child);
    child.on('message', (message) => this.#options.onMessage(pod, message));
    const lines = [child.stdout, child.stderr].map((output) => this.#readLines(pod, output));
    try {
      const [code, by] = (await once(child, 'exit')) as [number | null, string | null];
      await Promise.all(lines);
      return by === null ? { code } : { by };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#running.delete(pod);
    }
  }

  async #readLines(pod: string, output: Readable | null): Promise<void> {
    if (output === null) return;
    const lines = createInterface({ input: output });
    lines.on('line', (line) => this.#options.onLine(pod, line));
    await once(lines, 'close');
  }
}
