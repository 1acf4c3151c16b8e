import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLog } from '#core/process/log.ts';
import { type TestRedis, useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const server = useRedis({ lifetime: 'test', args: ['--requirepass', 'first'] });
let folder: string;
let redis: TestRedis;
let lines: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'relax-password-'));
  writeFileSync(join(folder, 'password'), 'first\n');
  lines = [];
  const log = createLog({ program: 'test', level: 'warn', to: { write: (line) => lines.push(line) } });
  redis = await server.connect({ passwordFile: join(folder, 'password'), log });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const breaks = async (): Promise<void> => {
  const closed = new Promise((resolve) => redis.once('close', resolve));
  await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => undefined);
  await closed;
};
const works = (): Promise<true> => waitFor(async () => (await redis.ping()) === 'PONG');

it('a password that was changed is used at the next connect', async () => {
  await redis.config('SET', 'requirepass', 'second');
  writeFileSync(join(folder, 'password'), 'second\n');
  await breaks();
  await works();
});

it('a password file that is gone for a while ends no program: the last password is tried', async () => {
  rmSync(join(folder, 'password'));
  await breaks();
  await works();
  expect(lines.join()).toContain('RELAX_REDIS_PASSWORD_FILE');
});
