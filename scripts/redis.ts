import { spawnSync } from 'node:child_process';
import {
  findRedisServer,
  programOnPath,
  type RedisPackage,
  redisPackage,
  redisRemedy,
} from '../cli/demo/redis-binary.ts';

/**
 * Sees to it that this machine has a Redis or Valkey server for the demo and the tests: one that is there, else one that
 * the machine's package manager installs without asking for a password, announced first. Starts nothing.
 * @throws Error with the one command to type
 */
export function ensureRedisServer(): string {
  const path = process.env.PATH ?? '';
  const present = findRedisServer(path);
  if (present !== undefined) return present;
  const wanted = redisPackage(path);
  const prefix = wanted === undefined ? undefined : rootPrefix(wanted, path);
  if (wanted !== undefined && prefix !== undefined) {
    const command = [...prefix, ...wanted.command];
    process.stdout.write(
      `No redis-server here, and the demo and the tests need one. Installing it: ${command.join(' ')}\n`,
    );
    // A machine fresh from an image knows no packages yet.
    if (wanted.manager === 'apt-get') run([...prefix, 'apt-get', 'update', '-qq']);
    run(command);
    const installed = findRedisServer(path);
    if (installed !== undefined) return installed;
  }
  throw new Error(`no redis-server or valkey-server here, and the demo and the tests need one: ${redisRemedy(path)}`);
}

/** What goes before the command; undefined where it would ask for a password. */
function rootPrefix(wanted: RedisPackage, path: string): string[] | undefined {
  if (!wanted.asRoot || process.getuid?.() === 0) return [];
  if (programOnPath('sudo', path) === undefined) return undefined;
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}

function run([file = '', ...args]: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { error, status } = spawnSync(file, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  if (error !== undefined) process.stderr.write(`${file} does not start: ${error.message}\n`);
  else if (status !== 0) process.stderr.write(`${file} ended with ${status}\n`);
}

if (import.meta.main) {
  try {
    ensureRedisServer();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
