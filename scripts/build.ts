import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { whereabouts } from '../cli/standalone/connectors/find-runtimes.ts';
import { ROOT } from './step.ts';

/**
 * Makes dist/ (ADR 0027): the program as one bundle for each runtime, which need no node_modules, and as an executable.
 * `TARGET=bun-linux-arm64 node scripts/build.ts` makes the executable for another platform; Bun fetches that one's runtime.
 * An argument names another folder than dist/.
 */

// The one of the packages, which is pinned, and none on the PATH.
const { bun } = whereabouts({}).found;

if (bun === undefined) {
  process.stderr.write('Bun is missing: run "npm ci" (without --omit=optional)\n');
  process.exitCode = 1;
} else {
  process.exitCode =
    spawnSync(bun, [join(ROOT, 'scripts/bundle.ts'), ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1;
}
