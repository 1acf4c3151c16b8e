import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { isExecutable, OLDEST, RUNTIME, type RuntimeName } from '../../../core/process/runtime.ts';
import { INSTALLED, isClone } from '../../launcher.ts';
import type { Whereabouts } from './connector-command.ts';

/** Enough for a cold disk; a version is printed in some ten milliseconds. */
const VERSION_MS = 10_000;

/** How this program is installed, and the runtimes that it can start connectors on. Runs each candidate once, for its version. */
export function whereabouts(env: NodeJS.ProcessEnv): Whereabouts {
  const own = { runtime: RUNTIME.name, options: process.execArgv };
  if (isExecutable) return { form: { kind: 'executable', file: process.execPath }, found: {}, own };
  const find = (name: RuntimeName): Partial<Record<RuntimeName, string>> => {
    const file = name === RUNTIME.name ? process.execPath : candidates(name, env).find((path) => runs(name, path));
    return file === undefined ? {} : { [name]: file };
  };
  return {
    form: { kind: isClone ? 'sources' : 'bundles', root: INSTALLED },
    found: { ...find('bun'), ...find('node') },
    own,
  };
}

/** In the packages beside this program or above it, then on the PATH. */
function candidates(name: RuntimeName, env: NodeJS.ProcessEnv): string[] {
  const packages = above(INSTALLED).map((folder) => join(folder, 'node_modules'));
  const inPackages = packages.flatMap((folder) =>
    name === 'node'
      ? [join(folder, 'node/bin/node')]
      : // npm puts it into @oven before the scripts of packages have run.
        [join(folder, 'bun/bin/bun.exe'), ...list(join(folder, '@oven')).map((path) => join(path, 'bin/bun'))],
  );
  const onPath = (env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return [...inPackages, ...onPath].filter((path) => existsSync(path));
}

const above = (folder: string): string[] =>
  dirname(folder) === folder ? [folder] : [folder, ...above(dirname(folder))];

const list = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];

/** Whether it starts on this machine at all (not where it is for another C library) and is new enough. */
function runs(name: RuntimeName, file: string): boolean {
  const { status, stdout } = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: VERSION_MS });
  return status === 0 && isAtLeast(stdout.trim().replace(/^v/, ''), OLDEST[name]);
}

export function isAtLeast(version: string, oldest: string): boolean {
  const parts = (text: string): number[] => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [have, need] = [parts(version), parts(oldest)];
  const differs = need.findIndex((part, at) => (have[at] ?? 0) !== part);
  return differs === -1 || (have[differs] ?? 0) > (need[differs] ?? 0);
}
