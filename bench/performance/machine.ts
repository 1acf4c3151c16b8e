import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { findRedisServer } from '../../cli/demo/redis-binary.ts';
import { runtimeBinary } from '../load/subject.ts';
import type { Machine } from './results.ts';

export function thisMachine(): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: versionOf(runtimeBinary('node')),
    bun: versionOf(runtimeBinary('bun')),
    redis: redisVersion(),
    commit: output('git', ['rev-parse', '--short', 'HEAD']),
    load: loadavg()[0] ?? Number.NaN,
  };
}

const output = (file: string, args: readonly string[]): string => execFileSync(file, args, { encoding: 'utf8' }).trim();
const versionOf = (file: string): string => output(file, ['--version']).replace(/^v/, '');

function redisVersion(): string {
  const said = output(findRedisServer(process.env.PATH ?? '') ?? 'redis-server', ['--version']);
  return /v=(\S+)/.exec(said)?.[1] ?? 'unknown';
}
