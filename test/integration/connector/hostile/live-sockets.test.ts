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
    if (process.env.HB) console.log(JSON.stringify(result));
    expect(result?.broken).toEqual([]);
  });
});

it('the neighbour had its events, nothing was rejected without a handler, left open, or told that is secret', async () => {
  await Promise.all(results.values());
  const { logLines, neighbour, ...end } = await run.end();
  console.log(neighbour, logLines);
  expect(end).toEqual({ defects: [], left: {}, leaks: [] });
  expect(logLines).toBeGreaterThan(0);
  expect(neighbour).toMatchObject({ lost: 0, reconnects: 0 });
  expect(neighbour?.slowestMs).toBeLessThan(5_000);
});

afterAll(async () => {
  await Promise.allSettled(results.values());
});
