import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './step.ts';

/**
 * Makes dist/ (ADR 0027): the program as one bundle for each runtime, which need no node_modules, and as an executable.
 * `TARGET=bun-linux-arm64 node scripts/build.ts` makes the executable for another platform; Bun fetches that one's runtime.
 * An argument names another folder than dist/.
 */

/** npm has it there before the scripts of packages have run, and `npm ci --ignore-scripts` leaves it there. */
const asFetched = `@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}/bin/bun`;
const bun = ['bun/bin/bun.exe', asFetched]
  .map((path) => join(ROOT, 'node_modules', path))
  .find((path) => existsSync(path));

if (bun === undefined) {
  process.stderr.write('Bun is missing: run "npm ci"\n');
  process.exitCode = 1;
} else {
  process.exitCode =
    spawnSync(bun, [join(ROOT, 'scripts/bundle.ts'), ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1;
}
