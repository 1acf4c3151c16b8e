import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { rtmConnect } from '../connector/transport/rtm/rtm-connect.ts';
import { createWebApi } from '../core/slack/web-api.ts';
import { controlOf } from '../slack-simulator/control.ts';
import type { Weight } from './sockets-client.ts';

/**
 * What an idle Slack socket over TLS weighs in the connector's process, under Node and under Bun, in one run:
 * `node bench/sockets.ts [--sockets 1000,2000]`. The Slack stand-in is another process. Kernel buffers don't count.
 */
const { values } = parseArgs({ options: { sockets: { type: 'string', default: '1000,2000' } } });
const steps = values.sockets.split(',').map(Number);
const most = Math.max(...steps);
const here = import.meta.dirname;
const bin = (name: string): string => join(here, '..', 'node_modules', '.bin', name);

const children: ChildProcess[] = [];
const start = (file: string, args: string[], env: NodeJS.ProcessEnv = process.env) => {
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return {
    child,
    stdin: child.stdin,
    lines: createInterface({ input: child.stdout as Readable })[Symbol.asyncIterator](),
  };
};

async function nextLine<T>(lines: AsyncIterator<string>, what: string): Promise<T> {
  const { value, done } = await lines.next();
  if (done) throw new Error(`${what} ended early`);
  return JSON.parse(value) as T;
}

async function main(): Promise<void> {
  const simulator = ['--tls', '--control', '--teams', `${most + 1}`, '--burst', '1000', '--url-ttl', '300'];
  const slack = start(bin('node'), [join(here, '..', 'bin', 'relax.mjs'), 'slack', '--json', ...simulator]);
  const { url, caFile } = await nextLine<{ url: string; caFile: string }>(slack.lines, 'the Slack stand-in');
  if (process.env.NODE_EXTRA_CA_CERTS !== caFile) return again(caFile);
  const control = controlOf(url, { caFile });
  const tokens = (await control.teams()).flatMap((team) => team.tokens);
  await control.close();

  const node = await measure('Node', [bin('node'), '--expose-gc'], url, tokens);
  const bun = await measure('Bun', [bin('bun'), '--expose-gc'], url, tokens);
  for (const [at, sockets] of steps.entries()) {
    const ratio = (bun[at] ?? Number.NaN) / (node[at] ?? Number.NaN);
    console.log(`Bun/Node at ${sockets} sockets: ${ratio.toFixed(2)}`);
  }
}

/** Trust is read when a process starts, and ours has to call rtm.connect over TLS. */
async function again(caFile: string): Promise<void> {
  stop();
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: caFile };
  const child = spawn(process.execPath, process.argv.slice(1), { env, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}

/** @returns KiB a socket at each step, over the weight of a process with one */
async function measure(name: string, runtime: string[], apiUrl: string, tokens: string[]): Promise<number[]> {
  const [file = '', ...flags] = runtime;
  const startMs = performance.now();
  const client = start(file, [...flags, join(here, 'sockets-client.ts')]);
  const weigh = async (sockets: number, from: number): Promise<Weight> => {
    for (const socketUrl of await urls(apiUrl, tokens.slice(from, sockets))) client.stdin.write(`${socketUrl}\n`);
    client.stdin.write('\n');
    return nextLine(client.lines, name);
  };
  let last = await weigh(1, 0);
  const base = last;
  console.log(`${name}: ${(base.rssKiB / 1024).toFixed(0)} MiB with one socket`);
  const perSocket: number[] = [];
  for (const step of steps) {
    const weight = await weigh(step, last.sockets);
    const each = (weight.rssKiB - base.rssKiB) / (weight.sockets - base.sockets);
    const more = (weight.rssKiB - last.rssKiB) / (weight.sockets - last.sockets);
    const mib = (weight.rssKiB / 1024).toFixed(0);
    console.log(
      `${name}: ${mib} MiB with ${weight.sockets}, ${each.toFixed(1)} KiB each, the last ${more.toFixed(1)} KiB each`,
    );
    perSocket.push(each);
    last = weight;
  }
  client.stdin.end();
  await once(client.child, 'exit');
  console.log(`${name}: took ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
  return perSocket;
}

async function urls(apiUrl: string, tokens: string[]): Promise<string[]> {
  const connect = rtmConnect(createWebApi({ apiUrl }));
  const found: string[] = [];
  const rest = [...tokens];
  const worker = async (): Promise<void> => {
    for (let token = rest.shift(); token !== undefined; token = rest.shift()) {
      const answer = await connect(token, AbortSignal.timeout(30_000));
      if (answer.kind !== 'ok') throw new Error(`rtm.connect: ${JSON.stringify(answer)}`);
      found.push(answer.url);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return found;
}

function stop(): void {
  for (const child of children.splice(0)) child.kill();
}

try {
  await main();
} finally {
  stop();
}
