import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { waitFor } from '#test/support/wait.ts';

/** Two seconds of deadline, one of margin, one until the last resort, and what a busy machine adds. */
const ENDED_MS = 12_000;
const PROGRAM = join(import.meta.dirname, 'hanging-program.ts');

describe('A program that hangs while it stops', () => {
  let child: ChildProcess | undefined;
  let said = '';
  afterEach(async () => {
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });

  async function start(how: string): Promise<{ ended: Promise<unknown[]>; port: number }> {
    said = '';
    const started = spawn(process.execPath, [PROGRAM, how], { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    const port = await waitFor(() => /port (\d+)/.exec(said)?.[1], { timeoutMs: 20_000, what: `it starts: ${said}` });
    return { ended: once(started, 'close'), port: Number(port) };
  }
  const healthz = async (port: number) => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    return { status: answer.status, text: await answer.text() };
  };

  it.each([
    ['not at all', 0, null],
    ['in a part whose stop never resolves', 0, null],
    ['in a part whose stop spins', null, 'SIGKILL'],
    ['in a part whose stop spins in microtasks', null, 'SIGKILL'],
    ['in a part whose stop spins in ticks', null, 'SIGKILL'],
    ['in a part whose stop throws at once and in another', 0, null],
    ['in work that never ends', 0, null],
    ['in work that spins when it is told to end', null, 'SIGKILL'],
    ['in a start that goes on', 1, null],
    ['in a listener that spins', null, 'SIGKILL'],
    ['in an exit handler that spins', null, 'SIGKILL'],
  ] as const)('%s ends all the same', async (how, code, signal) => {
    const { ended } = await start(how);
    const startMs = performance.now();
    child?.kill('SIGTERM');
    expect((await ended).slice(0, 2), said).toEqual([code, signal]);
    expect(performance.now() - startMs).toBeLessThan(ENDED_MS);
  });

  it('is alive for its probes while it stops gracefully', async () => {
    const { ended, port } = await start('in a part whose stop never resolves');
    child?.kill('SIGTERM');
    expect(await healthz(port)).toMatchObject({ status: 200 });
    await ended;
  });

  it('is not alive any more when a part has failed to stop', async () => {
    const { ended, port } = await start('in a part whose stop throws at once and in another');
    child?.kill('SIGTERM');
    await waitFor(async () => (await healthz(port)).status === 503, { what: 'not alive' });
    expect(await healthz(port)).toMatchObject({ text: expect.stringContaining('a part does not stop') });
    await ended;
  });

  it('is not alive any more when it ends with an error, and says which', async () => {
    const { ended, port } = await start('after it has failed');
    await waitFor(async () => (await healthz(port)).status === 503, { what: 'not alive' });
    expect(await healthz(port)).toMatchObject({ text: expect.stringContaining('leadership lost') });
    expect((await ended)[0]).toBe(1);
  });

  it('says in its last log line what it waited for', async () => {
    const { ended } = await start('in a start that goes on');
    child?.kill('SIGTERM');
    await ended;
    expect(said).toContain('did not stop in time, forcing exit');
  });
});
