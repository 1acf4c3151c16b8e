import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CONNECTOR_FLAGS } from '../core/process/runtime.ts';
import { encodeSlot, type KindFields } from '../core/protocol/assignment.ts';
import { clusterKeys } from '../core/protocol/keys.ts';
import { newFleetKey, parseFleetKeys, sealingKey } from '../core/protocol/seal.ts';
import { startSimulator } from '../slack-simulator/simulator.ts';
import { generatedTeam } from '../slack-simulator/team.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { waitFor } from '../test/support/wait.ts';
import { assignedSlot } from './fleet/assigned-slot.ts';
import { cpuMicros, rssMB } from './load/process-cost.ts';
import { benchRedis } from './redis.ts';

/**
 * From the start of a process to its first hello from Slack, over TLS, with one team assigned: the connector in each form
 * in which it is run, beside the least program that opens a socket (connector-baseline.ts), in turn:
 * `node bench/start.ts [--runs 10] [--only PATTERN] [--json]`. Linux only. Forms that need a build are left out without one.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
});
/** After the hello, for the memory: what a start leaves behind is gone by then. */
const SETTLE_MS = 1_500;
const ROOT = join(import.meta.dirname, '..');
const at = (path: string): string => join(ROOT, path);
const NODE = [process.execPath, ...CONNECTOR_FLAGS.node];
const BUN = [at('node_modules/.bin/bun'), ...CONNECTOR_FLAGS.bun];

interface Form {
  name: string;
  command: readonly string[];
  isBare?: boolean;
}

const FORMS: readonly Form[] = [
  { name: 'bare program, Node', command: [...NODE, at('bench/connector-baseline.ts')], isBare: true },
  { name: 'bare program, Bun', command: [...BUN, at('bench/connector-baseline.ts')], isBare: true },
  { name: 'sources, Node', command: [...NODE, at('cli/main.ts'), 'connector'] },
  { name: 'sources, Bun', command: [...BUN, at('cli/main.ts'), 'connector'] },
  { name: 'bundle, Node', command: [...NODE, at('dist/node/main.js'), 'connector'] },
  { name: 'bundle, Bun', command: [...BUN, at('dist/bun/main.js'), 'connector'] },
  { name: 'executable', command: [at('dist/relax'), 'connector'] },
];

/** Medians. */
interface Cost {
  name: string;
  helloMs: number;
  /** User and system time of the process until its hello. */
  cpuMs: number;
  rssMB: number;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

async function main(folder: string): Promise<Cost[]> {
  const slack = await startSimulator({ tls: true, connectBurst: 1_000 });
  const server = await startRedis();
  const redis = await benchRedis(server.url);
  const key = newFleetKey();
  const keyFile = join(folder, 'keys');
  writeFileSync(keyFile, key);
  let started = 0;

  /** A team and a fleet of its own for each start: nobody has held the name, and no budget is used. */
  async function start({ command, isBare = false }: Form): Promise<Omit<Cost, 'name'>> {
    started += 1;
    const cluster = `bench-${started}`;
    const { teamID, token } = generatedTeam(started);
    slack.addTeam(generatedTeam(started));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, token);
    const keys = clusterKeys(cluster);
    const kind: KindFields = { kind: 'rtm', teamID };
    const fleetKey = sealingKey(parseFleetKeys(key), []);
    const slot = assignedSlot({ token, kind, bot: 'bots/bot' }, fleetKey, { cluster, ownerUid: 'uid' });
    await redis.hset(keys.assign('bench-0'), { 'uid/0': encodeSlot(slot) });
    await redis.set(keys.version('bench-0'), '1');
    const [program = '', ...args] = [...command, ...(isBare ? [server.url, slack.url, tokenFile] : [])];
    const startMs = performance.now();
    const child = spawn(program, args, {
      env: {
        PATH: process.env.PATH,
        NODE_EXTRA_CA_CERTS: slack.caFile,
        RELAX_REDIS_URL: server.url,
        RELAX_SLACK_API_URL: slack.url,
        RELAX_FLEET_KEY_FILE: keyFile,
        RELAX_CLUSTER: cluster,
        RELAX_POD: 'bench-0',
        RELAX_ZONE: 'a',
        RELAX_METRICS_PORT: '0',
        RELAX_METRICS_HOST: '127.0.0.1',
        RELAX_LOG_LEVEL: process.env.RELAX_LOG_LEVEL ?? 'warn',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const pid = child.pid ?? 0;
    const isLive = (): boolean => slack.sockets(teamID).some(({ state }) => state === 'live');
    await waitFor(isLive, { timeoutMs: 20_000, everyMs: 1, what: `the first hello of ${program}` });
    const helloMs = performance.now() - startMs;
    const cost = { helloMs, cpuMs: cpuMicros(pid) / 1_000 };
    await sleep(SETTLE_MS);
    const rss = rssMB(pid);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    return { ...cost, rssMB: rss };
  }

  try {
    const forms = FORMS.filter(({ name }) => new RegExp(values.only).test(name)).filter(({ command }) =>
      command.every((part) => !part.startsWith(at('dist')) || existsSync(part)),
    );
    const runs = new Map<string, Omit<Cost, 'name'>[]>(forms.map(({ name }) => [name, []]));
    for (let run = 0; run < Number(values.runs); run += 1) {
      for (const form of forms) runs.get(form.name)?.push(await start(form));
    }
    return [...runs].map(([name, costs]) => ({
      name,
      helloMs: median(costs.map((cost) => cost.helloMs)),
      cpuMs: median(costs.map((cost) => cost.cpuMs)),
      rssMB: median(costs.map((cost) => cost.rssMB)),
    }));
  } finally {
    redis.disconnect();
    await slack.stop();
    await server.stop();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'relax-bench-'));
try {
  const costs = await main(folder);
  if (values.json) console.log(JSON.stringify(costs));
  else {
    for (const { name, helloMs, cpuMs: cpu, rssMB: rss } of costs) {
      const figures = `${helloMs.toFixed(0)} ms to the first hello, ${cpu.toFixed(0)} ms of CPU, ${rss.toFixed(0)} MB`;
      console.log(`${name.padEnd(20)} ${figures}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
