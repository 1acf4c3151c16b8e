import { spawnSync } from 'node:child_process';

/** What a test needs that moves the clock of a Redis server: it preloads a library of its own, as only Linux can. */
export const C_COMPILER = 'a C compiler as cc, on Linux';
export const C_COMPILER_REMEDY = 'install gcc and libc6-dev, or what your system calls them';

export const hasCompiler = (): boolean =>
  process.platform === 'linux' && spawnSync('cc', ['--version']).error === undefined;
