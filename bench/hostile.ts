import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { transportsOfLife } from '../test/support/hostile/life-row.ts';
import type { RowResult } from '../test/support/hostile/row.ts';
import { GETTING_A_SOCKET } from '../test/support/hostile/rows/getting-a-socket.ts';
import { LIVING_SOCKETS } from '../test/support/hostile/rows/living-sockets.ts';
import { HostileRun, transportsOf } from '../test/support/hostile/run.ts';
import { EVERY_FAULT, SUMMARY, type TablePart, table } from '../test/support/hostile/table.ts';
import { startRedis } from '../test/support/redis-server.ts';

/**
 * How soon Relax notices each fault of a hostile network, is live again, and what it asks of Slack meanwhile:
 * `node bench/hostile.ts [--only TEXT] [--write]`. Takes six minutes, since some rows wait for as long as Slack may ask.
 * Prints a line for each fault; `--write` also puts a line for each kind of them into docs/slack-sockets.md. Ends with 1 if a
 * promise is broken.
 */
const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, write: { type: 'boolean' } } });
const PAGE = join(import.meta.dirname, '..', 'docs', 'slack-sockets.md');
const BEGIN = '<!-- made by bench/hostile.ts -->\n';
const END = '<!-- end of what bench/hostile.ts made -->';

const isWanted = ({ fault }: { fault: string }): boolean => fault.includes(values.only);

/** What to run, under the heading of its table. */
interface Part {
  heading: string;
  runs: readonly { isLong: boolean; start(): Promise<RowResult> }[];
}

const partsOf = (run: HostileRun): Part[] => [
  ...GETTING_A_SOCKET.map(({ heading, rows }) => ({
    heading,
    runs: rows
      .filter(isWanted)
      .flatMap((row) =>
        transportsOf(row).map((kind) => ({ isLong: row.promise.kind === 'waits', start: () => run.run(row, kind) })),
      ),
  })),
  ...LIVING_SOCKETS.map(({ heading, rows }) => ({
    heading,
    runs: rows
      .filter(isWanted)
      .flatMap((row) => transportsOfLife(row).map((kind) => ({ isLong: false, start: () => run.runLife(row, kind) }))),
  })),
];

/** One part after the other, so that the TLS handshakes of one don't count as delays of another; long waits meanwhile. */
async function measure(parts: readonly Part[]): Promise<TablePart[]> {
  const long = new Map(
    parts.flatMap(({ runs }) => runs.filter(({ isLong }) => isLong).map((each) => [each, each.start()])),
  );
  const measured: { heading: string; results: Promise<RowResult>[] }[] = [];
  for (const { heading, runs } of parts) {
    const results = runs.map((each) => long.get(each) ?? each.start());
    await Promise.all(results.filter((_, at) => runs[at]?.isLong === false));
    measured.push({ heading, results });
  }
  return Promise.all(measured.map(async ({ heading, results }) => ({ heading, results: await Promise.all(results) })));
}

function write(text: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${PAGE} lacks the comments between which the table belongs`);
  writeFileSync(PAGE, page.slice(0, begin) + BEGIN + text + page.slice(end));
}

const redis = await startRedis();
const run = await HostileRun.start({ redisUrl: redis.url, patient: true });
const parts = (await measure(partsOf(run))).filter(({ results }) => results.length > 0);
const { defects, left, leaks } = await run.end();
await redis.stop();
console.log(table(parts, EVERY_FAULT));
if (values.write) write(table(parts, SUMMARY));

const broken = parts.flatMap(({ results }) => results).filter((result: RowResult) => result.broken.length > 0);
const isClean = defects.length === 0 && leaks.length === 0 && Object.keys(left).length === 0;
if (broken.length > 0 || !isClean) {
  console.error(JSON.stringify({ broken, defects, left, leaks }, undefined, 1));
  process.exitCode = 1;
}
