import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Measured, measure } from './load/measure.ts';
import { builtSource } from './load/subject.ts';
import { thisMachine } from './performance/machine.ts';
import { performanceFiles } from './performance/page.ts';
import { RESULTS_FILE, type Results, readResults, runKey, type Start } from './performance/results.ts';
import { fullPlan, quickPlan } from './performance/run-plans.ts';

/**
 * What the connector takes, beside the least program that does its job and on either runtime; writes
 * bench/performance/results.json, and from it docs/performance.md with its plots: `node bench/performance.ts`. Some 20 minutes,
 * with nothing else running. Linux only.
 *
 * --only PATTERN  measures again the runs whose name (`events/connector-bun`, `start` ...) it matches; the others stay
 * --quick         two minutes, to see that everything works
 * --out FILE      writes the results there, and no page
 */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});
const ROOT = join(import.meta.dirname, '..');
const EXECUTABLE = join(ROOT, 'dist', 'relax');
const START = join(import.meta.dirname, 'start.ts');
const file = values.out ?? RESULTS_FILE;
const isWanted = (name: string): boolean => new RegExp(values.only).test(name);

const source = builtSource();
const before: Pick<Results, 'runs' | 'starts'> =
  values.only !== '' && existsSync(file) ? readResults(file) : { runs: {}, starts: [] };
const results: Results = {
  machine: thisMachine(),
  source,
  quick: values.quick,
  measuredAt: '',
  runs: { ...before.runs },
  starts: before.starts,
  ...(existsSync(EXECUTABLE) ? { executableBytes: statSync(EXECUTABLE).size } : {}),
};

function save(): void {
  results.measuredAt = new Date().toISOString();
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}

for (const { run, ...plan } of values.quick ? quickPlan() : fullPlan()) {
  const key = runKey(run, plan.subject);
  if (!isWanted(key)) continue;
  const startMs = performance.now();
  delete results.runs[key];
  let found: Measured;
  try {
    found = await measure({ ...plan, source });
  } catch (error) {
    // The page says "not measured"; the others are not lost.
    console.error(`${key}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
    continue;
  }
  results.runs[key] = found;
  const idle = found.idle === undefined ? '' : `, ${found.idle.rssMB.toFixed(0)} MB idle`;
  const costs = found.loads
    .map(({ perSecond, cpuMicros }) => `${cpuMicros.toFixed(0)} us at ${perSecond}/s`)
    .join(', ');
  console.log(`${key}: ${((performance.now() - startMs) / 1000).toFixed(0)} s${idle}${costs && `, ${costs}`}`);
  save();
}
if (isWanted('start') && existsSync(START)) {
  const args = [START, '--json', '--runs', values.quick ? '1' : '7'];
  results.starts = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Start[];
}
save();
if (values.out === undefined) {
  for (const { path, content } of performanceFiles()) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), content());
    console.log(`wrote ${path}`);
  }
}
