#!/usr/bin/env node
// Starts the relax program with a Node that can run it. Plain JavaScript for old versions of Node: this file is the one
// that such a Node reads. In a clone the sources run as they are; in an image or package the bundle that `npm run build` made.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
const inPackage = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

function fail(message) {
  process.stderr.write(`relax: ${message}\n`);
  process.exit(1);
}

if (Number(process.versions.node.split('.')[0]) >= NEEDED) await run();
else runWith(inPackage('node_modules/.bin/node'));

async function run() {
  const main = ['cli/main.ts', 'dist/node/main.js'].find((path) => existsSync(inPackage(path)));
  if (main === 'cli/main.ts' && !existsSync(inPackage('node_modules'))) {
    fail(`its packages are missing: run "npm ci" in ${inPackage('.')}`);
  }
  if (main === undefined) fail('dist/node/main.js is missing: run "npm run build"');
  await import(new URL(`../${main}`, import.meta.url).href);
}

/**
 * Runs the same command line with another Node, as if it were this process: signals go on to it, its end is ours. It
 * hears of our end, even by SIGKILL, through the channel between us. A signal travels through that channel as well,
 * since Ctrl-C reaches both of us: the program tells a copy from a second one (cli/stop-signal.ts).
 */
function runWith(node) {
  if (!existsSync(node)) {
    fail(
      `Node ${NEEDED} or later is needed, and this is ${process.version}. ` +
        `Run "npm ci" in ${inPackage('.')}, which installs one beside it, or install Node ${NEEDED}`,
    );
  }
  if (process.env.RELAX_LAUNCHED_BY !== undefined) fail(`${node} is too old (${process.version}): run "npm ci" again`);
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, RELAX_LAUNCHED_BY: String(process.pid) },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (child.connected) child.send({ signal }, () => {});
      else child.kill(signal);
    });
  }
  child.on('error', (error) => fail(`${node} does not start: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));
}
