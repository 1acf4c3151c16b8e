import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { startMetricsServer } from '#cli/standalone/metrics.ts';
import { createLog } from '#core/process/log.ts';

function logged() {
  const lines: Record<string, unknown>[] = [];
  const to = { write: (line: string) => lines.push(JSON.parse(line)) };
  return { lines, log: createLog({ program: 'standalone', level: 'info', to }) };
}
const checks = { registry: new Registry(), notReady: () => [] };

it('takes any free port where the one of its metrics is taken, and says both', async () => {
  const { lines, log } = logged();
  const first = await startMetricsServer({ host: '127.0.0.1', port: 0 }, checks, log);
  const second = await startMetricsServer({ host: '127.0.0.1', port: first?.port ?? 0 }, checks, log);
  expect(second?.port).not.toBe(first?.port);
  expect(lines).toMatchObject([
    { level: 'warn', problem: expect.stringContaining(`port ${first?.port} is taken`), port: second?.port },
  ]);
  expect((await fetch(`http://127.0.0.1:${second?.port}/healthz`)).status).toBe(200);
  await Promise.all([first?.stop(), second?.stop()]);
});

it('runs without metrics where no port of that address is free, and says so', async () => {
  const { lines, log } = logged();
  // Of the addresses that stand for no machine (RFC 5737): nothing is sent there, it is only no address of ours.
  expect(await startMetricsServer({ host: '192.0.2.1', port: 0 }, checks, log)).toBeUndefined();
  expect(lines).toMatchObject([{ level: 'warn', problem: /RELAX_METRICS_HOST/, msg: /no metrics are served/ }]);
});
