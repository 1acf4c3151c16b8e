import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { newFleetKey } from '#core/protocol/seal.ts';
import { runCommand } from '#test/support/command.ts';
import { waitFor } from '#test/support/wait.ts';

const BIN = join(import.meta.dirname, '../../../bin/relax.mjs');
const relax = (...args: string[]) => runCommand(process.execPath, [BIN, ...args]);

describe('the relax command', () => {
  it('ends with 2 and every mistake on stderr when the configuration is wrong', async () => {
    const { code, stdout, stderr } = await relax('connector', '--redis-url', 'nonsense', '--capacity', 'many');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([
      'relax connector: 4 mistakes in the configuration',
      expect.stringMatching(/^ {2}- --redis-url "nonsense": expected redis:/),
      expect.stringMatching(/^ {2}- --capacity "many": expected a whole number/),
      expect.stringMatching(/^ {2}- RELAX_FLEET_KEY_FILE is missing/),
      expect.stringMatching(/^ {2}- RELAX_CLUSTER is missing/),
    ]);
  });

  it('ends with 2 when the command line is wrong', async () => {
    expect(await relax('nothing')).toMatchObject({ code: 2 });
    expect(await relax('status', '--nothing')).toMatchObject({ code: 2, stdout: '' });
  });

  it('ends with 1 and one line when Redis is away', async () => {
    const { code, stdout, stderr } = await relax('status', '--redis-url', 'redis://127.0.0.1:1');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^relax: can't read from Redis \(RELAX_REDIS_URL\): .*ECONNREFUSED.*\n$/);
  });

  it('prints the version, and its help on stdout', async () => {
    expect(await relax('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(await relax('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('standalone') });
  });

  describe('started by an older Node', () => {
    const folder = mkdtempSync(join(tmpdir(), 'relax-launcher-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    const old = oldNode();

    it.skipIf(old === undefined)('runs with the one of its packages, and ends as that does', async () => {
      expect(await runCommand(old ?? '', [BIN, '--version'])).toMatchObject({ code: 0 });
      expect(await runCommand(old ?? '', [BIN, 'connector'])).toMatchObject({ code: 2 });
    });

    it.skipIf(old === undefined)('hands signals on, and takes the program along when it is killed', async () => {
      const key = join(folder, 'fleet.keys');
      writeFileSync(key, newFleetKey());
      const start = async () => {
        // Without a Redis it waits, which is enough of a life.
        const flags = ['--redis-url', 'redis://127.0.0.1:1', '--cluster', 'c', '--zone', 'a', '--metrics-port', '0'];
        const launcher = spawn(old ?? '', [BIN, 'connector', ...flags, '--fleet-key-file', key], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        await once(launcher.stdout, 'data');
        const child = Number(readFileSync(`/proc/${launcher.pid}/task/${launcher.pid}/children`, 'utf8'));
        return { launcher, child };
      };
      const terminated = await start();
      terminated.launcher.kill('SIGTERM');
      expect(await once(terminated.launcher, 'exit')).toEqual([0, null]);
      expect(isAlive(terminated.child)).toBe(false);

      const killed = await start();
      killed.launcher.kill('SIGKILL');
      await waitFor(() => !isAlive(killed.child), { what: 'the program has ended' });
    });

    it('says what is needed when there is none', async () => {
      // A copy that stands alone, and a version that is not what it is.
      const copy = join(folder, 'bin.mjs');
      const source = (await import('node:fs'))
        .readFileSync(BIN, 'utf8')
        .replace('const NEEDED = 24', 'const NEEDED = 99');
      writeFileSync(copy, source);
      const { code, stderr } = await runCommand(process.execPath, [copy]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^relax: Node 99 or later is needed, and this is v\d+.*npm ci/);
    });
  });
});

/** A Node of this machine that is too old, if it has one. */
function oldNode(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const path = folders.map((folder) => join(folder, 'node')).find((candidate) => existsSync(candidate));
  return path === process.execPath ? undefined : path;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
