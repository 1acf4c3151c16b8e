import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RowResult } from '#test/support/hostile/row.ts';
import { GETTING_A_SOCKET } from '#test/support/hostile/rows/getting-a-socket.ts';
import { HostileRun, transportsOf } from '#test/support/hostile/run.ts';
import { useRedis } from '#test/support/redis-fixture.ts';

const server = useRedis();

/** All rows run at once, each with a Slack of its own; a test looks at what became of its row. */
const cases = GETTING_A_SOCKET.flatMap(({ rows }) => rows).flatMap((row) =>
  transportsOf(row).map((transport) => ({ row, transport, fault: row.fault })),
);
const results = new Map<(typeof cases)[number], Promise<RowResult>>();
let run: HostileRun;

beforeAll(async () => {
  run = await HostileRun.start({ redisUrl: server.url });
  for (const each of cases) results.set(each, run.run(each.row, each.transport));
});

describe('Relax notices in time and recovers in time, within its budget and without a trace', () => {
  it.each(cases)('$transport: $fault', async (each) => {
    const result = await results.get(each);
    expect(result?.broken).toEqual([]);
  });
});

it('nothing was rejected without a handler, left open, or told that is secret', async () => {
  await Promise.all(results.values());
  const { logLines, ...end } = await run.end();
  expect(end).toEqual({ defects: [], left: {}, leaks: [] });
  expect(logLines).toBeGreaterThan(0);
});

afterAll(async () => {
  await Promise.allSettled(results.values());
});
