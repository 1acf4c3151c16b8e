import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const PROGRAM = join(import.meta.dirname, '../../../support/hostile/subject-program.ts');
const server = useRedis();

it('the process of the slots ends with the one that started it', async () => {
  const child = fork(PROGRAM, [server.url], { execArgv: [] });
  try {
    const exited = once(child, 'exit');
    const said: unknown[] = [];
    child.on('message', (message) => said.push(message));
    await waitFor(() => said.some((message) => JSON.stringify(message) === '{"what":"ready"}'));
    child.disconnect();
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
}, 20_000);
