import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CONNECTOR_FLAGS, type RuntimeName } from '../../core/process/runtime.ts';

/** What is measured: the connector, or the least program that does its job (connector-baseline.ts), on either runtime. */
export interface Subject {
  program: 'connector' | 'baseline';
  runtime: RuntimeName;
}

/** What the connector is started from: `dist` is what `make build` made. */
export type Source = 'dist' | 'sources';

const ROOT = join(import.meta.dirname, '..', '..');
const bundleFor = (runtime: Subject['runtime']): string => join(ROOT, 'dist', runtime, 'main.js');

export const EVENTS_OF = { connector: 'relax:events', baseline: 'baseline:events' } as const;

export const runtimeBinary = (runtime: Subject['runtime']): string => join(ROOT, 'node_modules', '.bin', runtime);

export const builtSource = (): Source => (existsSync(bundleFor('bun')) ? 'dist' : 'sources');

export interface SubjectPlace {
  redisUrl: string;
  slackUrl: string;
  caFile: string;
  /** A token a line, for the baseline. */
  tokenFile: string;
  fleetKeyFile: string;
  cluster: string;
  pod: string;
}

export function startSubject(subject: Subject, place: SubjectPlace, source: Source): ChildProcess {
  const { program, runtime } = subject;
  const args =
    program === 'baseline'
      ? [join(ROOT, 'bench', 'connector-baseline.ts'), place.redisUrl, place.slackUrl, place.tokenFile]
      : source === 'dist'
        ? [bundleFor(runtime), 'connector']
        : [join(ROOT, 'cli', 'main.ts'), 'connector'];
  const child = spawn(runtimeBinary(runtime), [...CONNECTOR_FLAGS[runtime], ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      NODE_EXTRA_CA_CERTS: place.caFile,
      RELAX_REDIS_URL: place.redisUrl,
      RELAX_SLACK_API_URL: place.slackUrl,
      RELAX_FLEET_KEY_FILE: place.fleetKeyFile,
      RELAX_CLUSTER: place.cluster,
      RELAX_POD: place.pod,
      RELAX_ZONE: 'a',
      RELAX_METRICS_PORT: '0',
      RELAX_METRICS_HOST: '127.0.0.1',
      RELAX_LOG_LEVEL: process.env.RELAX_BENCH_LOG ?? 'warn',
    },
    stdio: ['ignore', process.env.RELAX_BENCH_LOG === undefined ? 'ignore' : 'inherit', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Nothing that is measured outlasts the program that measures. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function endSubject(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
