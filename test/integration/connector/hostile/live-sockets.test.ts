import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LifeRow, transportsOfLife } from '#test/support/hostile/life-row.ts';
import type { RowResult } from '#test/support/hostile/row.ts';
import { CLOSING_ROWS } from '#test/support/hostile/rows/closing-rows.ts';
import { FRAME_ROWS, GREETING_ROWS } from '#test/support/hostile/rows/frame-rows.ts';
import { HostileRun } from '#test/support/hostile/run.ts';
import { useRedis } from '#test/support/redis-fixture.ts';

const server = useRedis();

/** All rows run at once, each with a Slack of its own; a test looks at what became of its row. */
const cases = [...CLOSING_ROWS, ...FRAME_ROWS, ...GREETING_ROWS].flatMap((row: LifeRow) =>
  transportsOfLife(row).map((transport) => ({ row, transport, fault: row.fault })),
);
/** A hundred slots, four of which read a frame of 10 MB or 17 MB at the same moment. */
const MOST_BYTES = 512 * 2 ** 20;
const results = new Map<(typeof cases)[number], Promise<RowResult>>();
let run: HostileRun;

beforeAll(async () => {
  run = await HostileRun.start({ redisUrl: server.url });
  await run.openNeighbour();
  for (const each of cases) results.set(each, run.runLife(each.row, each.transport));
});

describe('a live socket', () => {
  it.each(cases)('over $transport survives or is replaced: $fault', async (each) => {
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
