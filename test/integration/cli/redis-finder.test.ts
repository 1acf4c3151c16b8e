import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '#test/support/command.ts';

const SCRIPT = join(import.meta.dirname, '../../../scripts/redis.ts');

describe('a machine that needs a Redis server for the demo and the tests', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'relax-finder-'));
    program('env', 'exec /usr/bin/env "$@"');
    program('sudo', 'shift; exec "$@"');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function program(name: string, body: string): void {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  /** With nothing but these programs on PATH. */
  const ensure = () => runCommand('/usr/bin/env', [`PATH=${folder}`, process.execPath, SCRIPT]);

  it('is left alone when it has one, be it Redis or Valkey', async () => {
    program('valkey-server', 'exit 0');
    expect(await ensure()).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('gets one from its package manager, announced first', async () => {
    program('apt-get', `[ "$1" = update ] || { /bin/cp "${folder}/env" "${folder}/redis-server"; echo installed; }`);
    const { code, stdout } = await ensure();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^No redis-server here.* Installing it: .*apt-get install .*redis-server\ninstalled\n$/);
  });

  it('is told the one command to type when that does not work', async () => {
    program('apt-get', 'exit 100');
    const { code, stderr } = await ensure();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /no redis-server or valkey-server here, .*: type: sudo env RUNLEVEL=1 apt-get install .*\n$/,
    );
  });

  it('is told what is missing when its package manager is unknown here', async () => {
    expect(await ensure()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('install Redis 6.2 or Valkey 7.2'),
    });
  });
});
