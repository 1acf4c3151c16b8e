import { spawn } from 'node:child_process';

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; a result other than 0 is a result, not an error. */
export async function runCommand(file: string, args: readonly string[], input = ''): Promise<CommandResult> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program that ends before it has read all closes the pipe; its exit code tells the story.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', (cause) => reject(new Error(`${file} does not start`, { cause })));
  child.on('close', resolve);
  return { code: await promise, stdout, stderr };
}

/** A program such as kubectl with arguments that are always there; `must` throws when the result is not 0. */
export class Command {
  private readonly file: string;
  private readonly always: readonly string[];

  constructor(file: string, always: readonly string[] = []) {
    this.file = file;
    this.always = always;
  }

  run(args: readonly string[], input?: string): Promise<CommandResult> {
    return runCommand(this.file, [...this.always, ...args], input);
  }

  async must(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, input);
    if (code !== 0) throw new Error(`${this.file} ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  }
}
