import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SlackReady } from '#cli/slack/slack.ts';
import { type Control, controlOf } from '#slack-simulator/control.ts';

const BIN = join(import.meta.dirname, '../../../bin/relax.mjs');

/** `relax slack` as a process of its own, with TLS: for loads under which it must not share our event loop. */
export interface SlackProgram {
  url: string;
  caFile: string;
  control: Control;
  stop(): Promise<void>;
}

export async function startSlackProgram(teams: number, more: readonly string[] = []): Promise<SlackProgram> {
  const args = [BIN, 'slack', '--json', '--tls', '--control', '--teams', String(teams), ...more];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const { url, caFile = '' } = JSON.parse(line) as SlackReady;
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
