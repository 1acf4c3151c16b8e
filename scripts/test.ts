import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { C_COMPILER, C_COMPILER_REMEDY, hasCompiler } from '../test/support/c-compiler.ts';
import { CHART, EXAMPLES, KUBE_VERSION } from '../test/support/chart.ts';
import { missingForCluster, NAMESPACE_SCRIPT } from '../test/support/cluster/requirements.ts';
import { runCommand } from '../test/support/command.ts';
import { findHelm, findKubeBinaries, KUBE_REMEDY } from '../test/support/kube/binaries.ts';
import { ensureKube } from './kube.ts';
import { needsInWords } from './kube-versions.ts';
import { ensureRedisServer } from './redis.ts';
import { endSteps, ROOT, runStep } from './step.ts';
import { ONE_FAILED, ONE_PASSED, ONE_SKIPPED, sum, type Tally, tallyLine, tallyOf } from './tally.ts';

/**
 * `make test` runs the checks and the suites, `make check` the checks alone; names on the command line choose. One thing failing keeps
 * nothing else from running. The last line is the sum; the exit code is 0 if nothing failed. RELAX_TALLY_FILE gets the
 * last line too.
 */
interface Part {
  name: string;
  run: () => Promise<Tally>;
}

const MINUTE_MS = 60_000;

const check = (name: string, command: readonly string[]): Part => ({
  name,
  run: async () => {
    const outcome = await runStep({ name, command, timeoutMs: 5 * MINUTE_MS });
    if (!outcome.ok) process.stdout.write(`${name} failed: ${outcome.why}\n`);
    return outcome.ok ? ONE_PASSED : ONE_FAILED;
  },
});

/** How Vitest runs tests, if not as the suite of the part's own name under Node. */
interface SuiteOptions {
  /** A run in CI may take 40 minutes; this limit is for a suite that hangs. */
  minutes: number;
  /** Files at once, 1 if undefined. On two cores Vitest takes one; tests that mostly wait take more. */
  workers?: number;
  /** A program that runs the suite, whose command line follows. */
  within?: readonly string[];
  runtime?: readonly string[];
  projects?: readonly string[];
  /** Vitest's own choice, if undefined. */
  pool?: 'threads';
  /** Folders and files to take them from; all of the projects' tests, if undefined. */
  from?: readonly string[];
  /** What differs from our own environment. */
  env?: Readonly<Record<string, string>>;
}

const suite = (name: string, options: SuiteOptions): Part => ({
  name,
  run: async () => {
    const { minutes, workers = 1, within = [], runtime = [process.execPath], projects = [name], from = [] } = options;
    const pool = options.pool === undefined ? [] : [`--pool=${options.pool}`];
    const report = join(folder, `${name}.json`);
    const more = [
      ...pool,
      `--maxWorkers=${workers}`,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ];
    const vitest = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...from];
    const command = [...within, ...runtime, ...vitest, ...projects.flatMap((project) => ['--project', project])];
    const env = { ...process.env, ...options.env };
    const outcome = await runStep({ name, command: [...command, ...more], timeoutMs: minutes * MINUTE_MS, env });
    if (!outcome.ok) process.stdout.write(`suite ${name} failed: ${outcome.why}\n`);
    return tallyOf(existsSync(report) ? readFileSync(report, 'utf8') : undefined, outcome.ok);
  },
});

/** The connector and what it is made of, once more on the other runtime that may run it (ADR 0001). */
const onBun: Part = {
  name: 'connector-bun',
  run: async () => {
    const bun = join(ROOT, 'node_modules/.bin/bun');
    if (!existsSync(bun)) {
      const verdict = process.env.REQUIRE_BUN === '1' ? 'FAILED, since REQUIRE_BUN=1' : 'SKIPPED';
      process.stdout.write(`${verdict}: the connector on Bun. ${bun} is missing: npm ci installs it\n`);
      return process.env.REQUIRE_BUN === '1' ? ONE_FAILED : ONE_SKIPPED;
    }
    return suite('connector-bun', {
      minutes: 14,
      workers: 3,
      // Vitest's processes do not start under Bun; its threads do.
      runtime: [bun, '--bun'],
      projects: ['unit', 'integration'],
      pool: 'threads',
      from: ['unit', 'integration'].flatMap((each) => [`test/${each}/connector`, `test/${each}/core`]),
    }).run();
  },
};

/** Whole fleets run their connectors on Bun. Where those are killed, cut off and frozen, they do it on Node as well. */
const chaosOnNode = suite('e2e-node', {
  minutes: 8,
  workers: 2,
  projects: ['e2e'],
  from: ['kubernetes-chaos', 'socket-mode', 'standalone'].map((file) => `test/e2e/${file}.test.ts`),
  env: { RELAX_CONNECTOR_RUNTIME: 'node' },
});

/** The chart with each of its own example values, linted and rendered as a person would who has no cluster. */
const chart: Part = {
  name: 'chart',
  run: async () => {
    const helm = findKubeBinaries()?.helm ?? findHelm();
    if (helm === undefined) {
      const required = process.env.REQUIRE_KUBE === '1';
      const verdict = required ? 'FAILED' : 'SKIPPED';
      process.stdout.write(`${verdict}: chart needs helm, and there is none: type make kube, or put it into PATH\n`);
      return required ? ONE_FAILED : ONE_SKIPPED;
    }
    for (const values of EXAMPLES) {
      const lint = ['lint', CHART, '--strict', '--quiet', '--kube-version', KUBE_VERSION, '-f', values];
      const linted = await check('chart', [helm, ...lint]).run();
      if (linted.failed > 0) return linted;
      const rendered = await runCommand(helm, ['template', 'relax', CHART, '-n', 'relax', '-f', values]);
      if (rendered.code === 0) continue;
      process.stdout.write(`chart failed with ${values}: ${rendered.stderr}\n`);
      return ONE_FAILED;
    }
    return ONE_PASSED;
  },
};

const CHECKS: readonly Part[] = [
  check('types', [join(ROOT, 'node_modules/.bin/tsc'), '--noEmit']),
  // The import rules between core, connector, operator and cli are lint rules: biome.json.
  check('lint', [join(ROOT, 'node_modules/.bin/biome'), 'check', '--error-on-warnings', '.']),
  check('generated', [process.execPath, join(ROOT, 'scripts/generate.ts'), '--check']),
  chart,
  check('build', [process.execPath, join(ROOT, 'scripts/build.ts')]),
];

const SUITES: readonly Part[] = [
  suite('unit', { minutes: 6, workers: 2 }),
  suite('integration', { minutes: 14, workers: 4 }),
  onBun,
  suite('kube', { minutes: 14, workers: 3 }),
  suite('e2e', { minutes: 16, workers: 2 }),
  chaosOnNode,
];

const cluster: Part = {
  name: 'cluster',
  run: async () => {
    const missing = missingForCluster();
    if (missing.length === 0) return suite('cluster', { minutes: 8, within: [NAMESPACE_SCRIPT] }).run();
    const required = process.env.REQUIRE_CLUSTER === '1';
    const verdict = required ? 'FAILED, since REQUIRE_CLUSTER=1' : 'SKIPPED';
    process.stdout.write(`${verdict}: the chart on real nodes. Missing here: ${missing.join('; ')}\n`);
    return required ? ONE_FAILED : ONE_SKIPPED;
  },
};
/** Some of their tests preload a library of their own. */
const COMPILING: readonly string[] = ['integration', 'connector-bun'];
/** Only by name: needs root and what a node of a cluster needs. */
const BY_NAME: readonly Part[] = [cluster];

function chosen(names: readonly string[]): Part[] {
  if (names.length === 0) return [...CHECKS, ...SUITES];
  const all = [...CHECKS, ...SUITES, ...BY_NAME];
  return names.flatMap((name) => {
    if (name === 'check') return CHECKS;
    const part = all.find((candidate) => candidate.name === name);
    if (part !== undefined) return [part];
    process.stderr.write(`no part named ${name}: take check, ${all.map((each) => each.name).join(', ')}\n`);
    return process.exit(2);
  });
}

async function interrupted(): Promise<void> {
  await endSteps();
  rmSync(folder, { recursive: true, force: true });
  process.exit(130);
}

const parts = chosen(process.argv.slice(2));
/** For the reports of the suites. */
const folder = mkdtempSync(join(tmpdir(), 'relax-test-'));
process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
const results: { name: string; tally: Tally; seconds: number }[] = [];
try {
  const needRedis = [...SUITES, ...BY_NAME].filter(({ name }) => name !== 'unit');
  if (parts.some((part) => needRedis.includes(part))) ensureRedisServer();
  const needServer = parts.some(({ name }) => ['kube', 'e2e', 'e2e-node'].includes(name));
  const needHelm = needServer || parts.some(({ name }) => name === 'chart');
  const missing = await ensureKube({ server: needServer, helm: needHelm });
  if (missing !== undefined) {
    process.stdout.write(`Tests that need ${needsInWords(missing)} are SKIPPED. To run them: ${KUBE_REMEDY}\n`);
  }
  if (parts.some(({ name }) => COMPILING.includes(name)) && !hasCompiler()) {
    const verdict = process.env.REQUIRE_CC === '1' ? 'FAILED, since REQUIRE_CC=1' : 'SKIPPED';
    process.stdout.write(
      `The tests that move Redis's clock, and those that bend names under Bun, need ${C_COMPILER}: ${verdict}. ${C_COMPILER_REMEDY}\n`,
    );
  }
  for (const { name, run } of parts) {
    process.stdout.write(`\n== ${name}\n`);
    const startMs = performance.now();
    results.push({ name, tally: await run(), seconds: Math.round((performance.now() - startMs) / 1000) });
  }
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
  results.push({ name: 'preparation', tally: ONE_FAILED, seconds: 0 });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

process.stdout.write('\n');
for (const { name, tally, seconds } of results) {
  process.stdout.write(`${name.padEnd(14)}${tallyLine(tally)} (${seconds} s)\n`);
}
const total = sum(results.map(({ tally }) => tally));
process.stdout.write(`${tallyLine(total)}\n`);
if (process.env.RELAX_TALLY_FILE !== undefined) writeFileSync(process.env.RELAX_TALLY_FILE, `${tallyLine(total)}\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
