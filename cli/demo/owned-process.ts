import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/**
 * A process that the demo starts and ends. It has its own process group, so that the demo decides what Ctrl-C does to it,
 * and is tied to the demo by a channel or its stdin, so that it ends with the demo, however that ends.
 */
export class OwnedProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #tail: string[] = [];
  #failed: Error | undefined;

  constructor(
    name: string,
    [file = '', ...args]: readonly string[],
    options: { env?: Readonly<Record<string, string>>; tie: 'channel' | 'stdin'; onLine?: (line: string) => void },
  ) {
    this.name = name;
    const stdio: SpawnOptions['stdio'] =
      options.tie === 'channel' ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['pipe', 'pipe', 'pipe'];
    this.#child = spawn(file, args, { env: { ...inherited(), ...options.env }, stdio, detached: true });
    this.#exit = once(this.#child, 'exit').catch((error: unknown) => {
      this.#failed = error instanceof Error ? error : new Error(String(error));
    });
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      if (output === null) continue;
      createInterface({ input: output }).on('line', (line) => {
        this.#tail.push(line);
        if (this.#tail.length > 20) this.#tail.shift();
        options.onLine?.(line);
      });
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws Error with its last words when it has ended */
  check(): void {
    if (this.#failed !== undefined) throw new Error(`${this.name} does not start: ${this.#failed.message}`);
    if (!this.#running) throw new Error(`${this.name} has ended:\n${this.#tail.join('\n')}`);
  }

  /** SIGTERM (or the end of its stdin), then SIGKILL to its group. */
  async end(graceMs: number): Promise<void> {
    if (this.#child.stdin !== null) this.#child.stdin.end();
    else if (this.#running) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#killGroup(), graceMs);
    await this.#exit;
    clearTimeout(timer);
  }

  get #running(): boolean {
    return this.pid !== 0 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #killGroup(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}

/** Settings that the user has made for a real fleet must not affect the demo. */
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RELAX_')));
