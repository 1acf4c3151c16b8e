import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { transportsOfLife } from '../test/support/hostile/life-row.ts';
import type { RowResult } from '../test/support/hostile/row.ts';
import { GETTING_A_SOCKET } from '../test/support/hostile/rows/getting-a-socket.ts';
import { LIVING_SOCKETS } from '../test/support/hostile/rows/living-sockets.ts';
import { HostileRun, transportsOf } from '../test/support/hostile/run.ts';
import { type TablePart, table } from '../test/support/hostile/table.ts';
import { startRedis } from '../test/support/redis-server.ts';

/**
 * How soon Relax notices each fault of a hostile network, is live again, and what it asks of Slack meanwhile:
 * `node bench/hostile.ts [--only TEXT] [--write]`. Takes six minutes, since some rows wait for as long as Slack may ask.
 * Prints the table of docs/slack-sockets.md, or with `--write` puts it there. Ends with 1 if a promise is broken.
 */
const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, write: { type: 'boolean' } } });
const PAGE = join(import.meta.dirname, '..', 'docs', 'slack-sockets.md');
const BEGIN = '<!-- made by bench/hostile.ts -->\n';
const END = '<!-- end of what bench/hostile.ts made -->';

const isWanted = ({ fault }: { fault: string }): boolean => fault.includes(values.only);

async function measure(run: HostileRun): Promise<TablePart[]> {
  const getting = GETTING_A_SOCKET.map(async ({ heading, rows }): Promise<TablePart> => {
    const results = rows.filter(isWanted).flatMap((row) => transportsOf(row).map((kind) => run.run(row, kind)));
    return { heading, results: await Promise.all(results) };
  });
  const parts = await Promise.all(getting);
  // Only now, so that thousands of TLS handshakes make nobody's socket late.
  const living = LIVING_SOCKETS.map(async ({ heading, rows }): Promise<TablePart> => {
    const results = rows.filter(isWanted).flatMap((row) => transportsOfLife(row).map((kind) => run.runLife(row, kind)));
    return { heading, results: await Promise.all(results) };
  });
  return [...parts, ...(await Promise.all(living))];
}

function write(text: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${PAGE} lacks the comments between which the table belongs`);
  writeFileSync(PAGE, page.slice(0, begin) + BEGIN + text + page.slice(end));
}

const redis = await startRedis();
const run = await HostileRun.start({ redisUrl: redis.url, patient: true });
const parts = (await measure(run)).filter(({ results }) => results.length > 0);
const { defects, left, leaks } = await run.end();
await redis.stop();
const text = table(parts);
if (values.write) write(text);
else console.log(text);

const broken = parts.flatMap(({ results }) => results).filter((result: RowResult) => result.broken.length > 0);
const isClean = defects.length === 0 && leaks.length === 0 && Object.keys(left).length === 0;
if (broken.length > 0 || !isClean) {
  console.error(JSON.stringify({ broken, defects, left, leaks }, undefined, 1));
  process.exitCode = 1;
}
