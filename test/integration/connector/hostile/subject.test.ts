import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { useRedis } from '#test/support/redis-fixture.ts';

const PROGRAM = join(import.meta.dirname, '../../../support/hostile/subject-program.ts');
const server = useRedis();

it('the process of the slots ends with the one that started it', async () => {
  const child = fork(PROGRAM, [server.url], { execArgv: [] });
  try {
    const exited = once(child, 'exit');
    expect(await once(child, 'message')).toEqual([{ what: 'ready' }, undefined]);
    child.disconnect();
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
}, 20_000);
