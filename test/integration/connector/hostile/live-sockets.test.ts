import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUNTIME } from '#core/process/runtime.ts';
import { type LifeRow, transportsOfLife } from '#test/support/hostile/life-row.ts';
import type { RowResult } from '#test/support/hostile/row.ts';
import { LIVING_SOCKETS } from '#test/support/hostile/rows/living-sockets.ts';
import { HostileRun } from '#test/support/hostile/run.ts';
import { useRedis } from '#test/support/redis-fixture.ts';

const server = useRedis();

const longestMs = ({ promise }: LifeRow): number => (promise.kind === 'replaced' ? promise.detectedWithinMs : 0);

/**
 * All rows run beside each other, each with a Slack of its own, and those begin first that take longest; a test looks at what
 * became of its row.
 */
const cases = LIVING_SOCKETS.flatMap(({ rows }) => rows)
  .toSorted((one, other) => longestMs(other) - longestMs(one))
  .flatMap((row) => transportsOfLife(row).map((transport) => ({ row, transport, fault: row.fault })));
const whyNot = ({ row: { notOnBun }, transport }: (typeof cases)[number]): string | undefined =>
  RUNTIME.name === 'bun' && notOnBun?.transport === transport ? notOnBun.why : undefined;
/** A hundred slots, four of which read a frame of 10 MB or 17 MB at the same moment. */
const MOST_BYTES = 512 * 2 ** 20;
const results = new Map<(typeof cases)[number], Promise<RowResult>>();
let run: HostileRun;

beforeAll(async () => {
  run = await HostileRun.start({ redisUrl: server.url });
  await run.openNeighbour();
  for (const each of cases) {
    const why = whyNot(each);
    if (why === undefined) results.set(each, run.runLife(each.row, each.transport));
    else process.stdout.write(`SKIPPED under Bun, over ${each.transport}: ${each.fault}: ${why}\n`);
  }
});

describe('a live socket', () => {
  it.for(cases)('over $transport survives or is replaced: $fault', async (each, { skip }) => {
    skip(whyNot(each) !== undefined, whyNot(each));
    const result = await results.get(each);
    expect(result?.broken).toEqual([]);
  });
});

it('the neighbour had its events, nothing was rejected without a handler, left open, or told that is secret', async () => {
  await Promise.all(results.values());
  const { peakBytes = 0 } = run;
  const { logLines, neighbour, ...end } = await run.end();
  const { events, slowestMs } = neighbour ?? { events: 0, slowestMs: 0 };
  console.log(
    `neighbour: ${events} events, the latest ${slowestMs} ms late; most memory: ${Math.round(peakBytes / 2 ** 20)} MiB`,
  );
  expect(end).toEqual({ defects: [], left: {}, leaks: [] });
  expect(logLines).toBeGreaterThan(0);
  expect(peakBytes).toBeLessThan(MOST_BYTES);
  expect(neighbour).toMatchObject({ lost: 0, reconnects: 0 });
  expect(neighbour?.slowestMs).toBeLessThan(10_000);
});

afterAll(async () => {
  await Promise.allSettled(results.values());
});
