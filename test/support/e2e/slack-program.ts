import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Control, controlOf } from '#slack-simulator/control.ts';

const MAIN = join(import.meta.dirname, '../../../slack-simulator/main.ts');

/** The Slack stand-in as a process of its own, with TLS: for loads under which it must not share our event loop. */
export interface SlackProgram {
  url: string;
  caFile: string;
  control: Control;
  stop(): Promise<void>;
}

export async function startSlackProgram(teams: number, more: readonly string[] = []): Promise<SlackProgram> {
  const args = [MAIN, '--tls', '--control', '--teams', String(teams), ...more];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const { url, caFile } = JSON.parse(line) as { url: string; caFile: string };
  const control = controlOf(url, { caFile });
  return {
    url,
    caFile,
    control,
    stop: async () => {
      await control.close();
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
