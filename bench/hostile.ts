import { parseArgs } from 'node:util';
import { GETTING_A_SOCKET } from '../test/support/hostile/rows/getting-a-socket.ts';
import { HostileRun, transportsOf } from '../test/support/hostile/run.ts';
import { startRedis } from '../test/support/redis-server.ts';

/**
 * How long Relax takes to notice each fault of a hostile network and to be live again, and what it asks of Slack meanwhile:
 * `node bench/hostile.ts [--only TEXT] [--impatient]`. Prints the rows' results as JSON, a line each.
 */
const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, impatient: { type: 'boolean' } } });

const redis = await startRedis();
const run = await HostileRun.start({ redisUrl: redis.url, patient: values.impatient !== true });
const rows = GETTING_A_SOCKET.flatMap(({ rows }) => rows).filter(({ fault }) => fault.includes(values.only));
await Promise.all(
  rows.flatMap((row) =>
    transportsOf(row).map(async (transport) => console.log(JSON.stringify(await run.run(row, transport)))),
  ),
);
console.log(JSON.stringify(await run.end()));
await redis.stop();
