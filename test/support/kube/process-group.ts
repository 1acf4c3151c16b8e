import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Waits for its stdin to close, which the kernel does however its parent ends, and then kills what the folder's *.pid
 * files name and removes the folder. A pid counts only if its command line names the folder: numbers are used again.
 */
const REAPER = `
trap '' INT TERM HUP
cat > /dev/null
for f in "$1"/*.pid; do
  [ -f "$f" ] || continue
  p=$(cat "$f")
  if [ -r "/proc/$p/cmdline" ] && ! grep -q -F "$1" "/proc/$p/cmdline"; then continue; fi
  kill -9 "$p" 2> /dev/null
done
rm -rf "$1"
`;

/** One program of a group, with its log in the group's folder. */
export class Program {
  readonly name: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly exited: Promise<void>;

  constructor(folder: string, name: string, path: string, args: readonly string[]) {
    this.name = name;
    this.#folder = folder;
    const log = openSync(join(folder, `${name}.log`), 'a');
    this.#child = spawn(path, args, { cwd: folder, stdio: ['ignore', log, log] });
    closeSync(log);
    this.pid = this.#child.pid ?? 0;
    const pidFile = join(folder, `${name}.pid`);
    if (this.pid !== 0) writeFileSync(pidFile, String(this.pid));
    this.exited = new Promise((resolve) => {
      const gone = (): void => {
        rmSync(pidFile, { force: true });
        resolve();
      };
      this.#child.once('exit', gone);
      this.#child.once('error', gone);
    });
  }

  get running(): boolean {
    return this.pid !== 0 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  /** SIGTERM, and SIGKILL when the time is up; a stopped program is woken first. */
  async end(graceMs: number): Promise<void> {
    if (!this.running) return;
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  logTail(lines = 8): string {
    const text = readFileSync(join(this.#folder, `${this.name}.log`), 'utf8');
    return text.trimEnd().split('\n').slice(-lines).join('\n');
  }
}

/** Programs that must not outlive this process, whatever ends it, and their folder. */
export class ProcessGroup {
  readonly folder: string;
  readonly #reaper: ChildProcess;
  readonly #programs: Program[] = [];

  constructor(folder: string) {
    this.folder = folder;
    // In a group of its own, so that Ctrl-C in a terminal does not reach it.
    this.#reaper = spawn('/bin/sh', ['-c', REAPER, 'reaper', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#reaper.unref();
  }

  /** The command line must name the group's folder, or the reaper takes the program for a stranger. */
  start(name: string, path: string, args: readonly string[]): Program {
    if (!args.some((arg) => arg.includes(this.folder))) throw new Error(`${name}: no argument names ${this.folder}`);
    const program = new Program(this.folder, name, path, args);
    this.#programs.push(program);
    return program;
  }

  /** Ends all programs, the first started last, and removes the folder. */
  async stop(graceMs: number): Promise<void> {
    for (const program of this.#programs.toReversed()) await program.end(graceMs);
    this.#reaper.ref();
    const gone = new Promise((resolve) => this.#reaper.once('exit', resolve));
    this.#reaper.stdin?.end();
    await gone;
  }
}
