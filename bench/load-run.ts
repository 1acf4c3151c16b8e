import { parseArgs } from 'node:util';
import { measure } from './load/measure.ts';
import { builtSource } from './load/subject.ts';

/**
 * One measurement of a connector, or of the least program that does its job, under a load of events over TLS:
 * `node bench/load-run.ts [--program connector|baseline] [--runtime bun|node] [--teams 2000] [--rate 2000[,10000...]] [--seconds 10]
 * [--bytes 390] [--cert small|chain] [--idle 30] [--latency 5] [--pods 1] [--drop] [--json]`. `--source dist|sources` says what
 * the connector is started from; without it dist if it is built. Linux only.
 */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const { values } = parseArgs({
  options: {
    program: { type: 'string', default: 'connector' },
    runtime: { type: 'string', default: 'bun' },
    teams: { type: 'string', default: '2000' },
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
    latency: { type: 'string', default: '5' },
    bytes: { type: 'string', default: '390' },
    cert: { type: 'string', default: 'small' },
    idle: { type: 'string', default: '30' },
    pods: { type: 'string', default: '1' },
    source: { type: 'string', default: builtSource() },
    drop: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found === undefined) throw new Error(`--${name} is one of ${known.join(', ')}`);
  return found;
}

const source = oneOf('source', values.source, ['dist', 'sources']);
const measured = await measure({
  subject: {
    program: oneOf('program', values.program, ['connector', 'baseline']),
    runtime: oneOf('runtime', values.runtime, ['bun', 'node']),
  },
  source,
  teams: Number(values.teams),
  certificate: oneOf('cert', values.cert, ['small', 'chain']),
  pods: Number(values.pods),
  idleSeconds: Number(values.idle),
  loads: values.rate
    .split(',')
    .map(Number)
    .filter((perSecond) => perSecond > 0)
    .map((perSecond) => ({
      perSecond,
      bytes: Number(values.bytes),
      costSeconds: Number(values.seconds),
      latencySeconds: Number(values.latency),
    })),
  drop: values.drop,
});

if (values.json) console.log(JSON.stringify(measured));
else {
  const { subject, idle, loads, droppedBackMs } = measured;
  const from = subject.program === 'connector' ? ` from ${source}` : '';
  console.log(`${subject.program}${from} on ${subject.runtime}, ${values.teams} teams, ${values.cert} certificate`);
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  console.log(`start to first hello ${ms(measured.startToFirstHelloMs)}, to all live ${ms(measured.startToAllLiveMs)}`);
  if (idle !== undefined) {
    console.log(`idle: RSS ${idle.rssMB.toFixed(0)} MB, CPU ${idle.cpuMsPerSecond.toFixed(1)} ms per second`);
  }
  for (const load of loads) {
    const late = load.latencyMs;
    console.log(
      [
        `${load.perSecond}/s of ${load.bytes} B: CPU ${load.cpuMicros.toFixed(1)} us per event`,
        `Redis ${load.redisCpuMicros.toFixed(1)} us (commands ${load.redisCommandMicros.toFixed(1)})`,
        `RSS ${load.rssMB.toFixed(0)} MB`,
        late === undefined ? '' : `p50 ${ms(late.p50)}, p99 ${ms(late.p99)}, max ${ms(late.max)}`,
        `queued ${load.queuedPerSecond.toFixed(0)}/s`,
        `the load itself ${load.slackCpuMicros.toFixed(1)} us per event and ${ms(load.sentLateMs)} late at most`,
      ]
        .filter((part) => part !== '')
        .join(', '),
    );
  }
  if (droppedBackMs !== undefined)
    console.log(`all sockets dropped: back after ${(droppedBackMs / 1000).toFixed(1)} s`);
}
