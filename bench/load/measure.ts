import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../test/support/wait.ts';
import { type Field, startField } from './field.ts';
import { cpuMicros, rssMB } from './process-cost.ts';
import { QueueReader, quantile } from './queue-reader.ts';
import type { Burst, CertificateKind } from './slack-process.ts';
import { EVENTS_OF, endSubject, type Source, type Subject, startSubject } from './subject.ts';

/**
 * One measurement, from the start of a subject to its end: how soon it is there, what it weighs and takes while nothing
 * happens, then some loads. Each load comes twice: first for what an event costs, with nobody reading the queue, since readers
 * would make Redis work; then for how long an event is on the way, with a reader.
 */
export interface MeasurePlan {
  subject: Subject;
  source: Source;
  teams: number;
  certificate: CertificateKind;
  /** Processes that share the teams. */
  pods: number;
  /** 0: not measured. */
  idleSeconds: number;
  loads: readonly Load[];
  /** Whether all sockets end at once when all else is done, and how soon they are back. */
  drop: boolean;
}

export interface Load {
  perSecond: number;
  /** Of a frame's payload. */
  bytes: number;
  costSeconds: number;
  /** 0: not measured. */
  latencySeconds: number;
}

export interface Measured {
  subject: Subject;
  teams: number;
  certificate: CertificateKind;
  pods: number;
  startToFirstHelloMs: number;
  startToAllLiveMs: number;
  idle: Idle | undefined;
  loads: LoadMeasured[];
  /** Until all sockets were back; undefined: nothing was dropped. */
  droppedBackMs: number | undefined;
}

/** Of all pods together. */
export interface Idle {
  rssMB: number;
  cpuMsPerSecond: number;
}

export interface LoadMeasured {
  perSecond: number;
  bytes: number;
  /** Resident at the end of the load, of all pods together. */
  rssMB: number;
  /** CPU of the connector's process for an event; `idle` is in it. */
  cpuMicros: number;
  /** CPU of the Redis server's process for an event, and what of it commands took. */
  redisCpuMicros: number;
  redisCommandMicros: number;
  /** Events on the queue in the time that the load took until the last of them was there; the sent ones at most. */
  queuedPerSecond: number;
  latencyMs: { p50: number; p99: number; max: number } | undefined;
  /** How late the load itself was at most. */
  sentLateMs: number;
  /** CPU of the load's own process for an event. */
  slackCpuMicros: number;
}

/** A subject may still load modules and collect what it connected with; a run that looks for a moment only waits no longer. */
const MOST_SETTLE_SECONDS = 5;

export async function measure(plan: MeasurePlan): Promise<Measured> {
  const { subject, teams, certificate } = plan;
  const pods = Array.from({ length: plan.pods }, (_, n) => `bench-${n}`);
  const field = await startField({ teams, certificate, pingEveryMs: 10_000 }, pods);
  const children: ChildProcess[] = [];
  try {
    const startMicros = monotonicMicros();
    for (const pod of pods) children.push(startSubject(subject, field.placeOf(pod), plan.source));
    await untilLive(field, teams, children);
    const startToAllLiveMs = (monotonicMicros() - startMicros) / 1000;
    const startToFirstHelloMs = ((await field.slack.look()).firstHelloMicros - startMicros) / 1000;
    const pids = children.map(({ pid }) => pid ?? 0);
    const idle = plan.idleSeconds > 0 ? await measureIdle(pids, plan.idleSeconds) : undefined;
    const loads: LoadMeasured[] = [];
    let sent = 0;
    for (const load of plan.loads) {
      loads.push(await measureLoad({ field, pids, list: EVENTS_OF[subject.program], sentBefore: sent }, load));
      sent += load.perSecond * (load.costSeconds + load.latencySeconds);
    }
    const droppedBackMs = plan.drop ? await measureDrop(field, teams, children) : undefined;
    return {
      subject,
      teams,
      certificate,
      pods: plan.pods,
      startToFirstHelloMs,
      startToAllLiveMs,
      idle,
      loads,
      droppedBackMs,
    };
  } finally {
    for (const child of children) await endSubject(child);
    await field.stop();
  }
}

export const monotonicMicros = (): number => Number(process.hrtime.bigint() / 1000n);

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const cpuOf = (pids: readonly number[]): number => sum(pids.map(cpuMicros));
const rssOf = (pids: readonly number[]): number => sum(pids.map(rssMB));

async function untilLive(field: Field, teams: number, children: readonly ChildProcess[]): Promise<void> {
  const live = async (): Promise<boolean> => {
    if (children.some(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null)) {
      throw new Error('what is measured has ended');
    }
    return (await field.slack.look()).live >= teams;
  };
  await waitFor(live, { timeoutMs: 600_000, everyMs: 50, what: `${teams} live sockets` });
}

async function measureIdle(pids: readonly number[], seconds: number): Promise<Idle> {
  await sleep(Math.min(MOST_SETTLE_SECONDS, seconds) * 1000);
  const before = cpuOf(pids);
  await sleep(seconds * 1000);
  return { cpuMsPerSecond: (cpuOf(pids) - before) / 1000 / seconds, rssMB: rssOf(pids) };
}

interface Run {
  field: Field;
  pids: readonly number[];
  list: string;
  /** Events of earlier loads. */
  sentBefore: number;
}

async function measureLoad({ field, pids, list }: Run, load: Load): Promise<LoadMeasured> {
  const { perSecond, bytes } = load;
  const burst: Burst = { perSecond, bytes, events: perSecond * load.costSeconds };
  const [cpuBefore, redisBefore, startMs] = [cpuOf(pids), await field.redisCost(), performance.now()];
  const slackBefore = cpuMicros(field.slack.pid);
  await field.slack.burst(burst);
  const queued = async (): Promise<boolean> => (await field.redis.llen(list)) >= burst.events;
  await waitFor(queued, { timeoutMs: 120_000, everyMs: 20, what: `${burst.events} events on the queue` });
  const seconds = (performance.now() - startMs) / 1000;
  const [cpuAfter, redisAfter] = [cpuOf(pids), await field.redisCost()];
  const slackCpuMicros = (cpuMicros(field.slack.pid) - slackBefore) / burst.events;
  const busyMB = rssOf(pids);
  const { latestMs, unsent } = await field.slack.look();
  if (unsent > 0) throw new Error(`${unsent} events had no socket to go to`);
  const reader = await QueueReader.start(field.redisPort, list);
  try {
    await allRead(reader, burst.events);
    reader.latencies();
    const latencyMs = load.latencySeconds > 0 ? await measureLatency(field, reader, load) : undefined;
    return {
      perSecond,
      bytes,
      rssMB: busyMB,
      latencyMs,
      sentLateMs: latestMs,
      slackCpuMicros,
      cpuMicros: (cpuAfter - cpuBefore) / burst.events,
      redisCpuMicros: (redisAfter.cpuMicros - redisBefore.cpuMicros) / burst.events,
      redisCommandMicros: (redisAfter.commandMicros - redisBefore.commandMicros) / burst.events,
      queuedPerSecond: Math.min(perSecond, burst.events / seconds),
    };
  } finally {
    reader.stop();
  }
}

async function measureLatency(field: Field, reader: QueueReader, load: Load): Promise<LoadMeasured['latencyMs']> {
  const events = load.perSecond * load.latencySeconds;
  const before = reader.seen;
  await field.slack.burst({ perSecond: load.perSecond, bytes: load.bytes, events });
  await allRead(reader, before + events);
  const sorted = reader.latencies();
  const at = (share: number): number => quantile(sorted, share) / 1000;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** @throws when one is lost, or one came twice */
async function allRead(reader: QueueReader, events: number): Promise<void> {
  await waitFor(() => reader.seen >= events, { timeoutMs: 120_000, everyMs: 20, what: `${events} events read` });
  // What is there twice is there soon.
  await sleep(100);
  if (reader.seen !== events) throw new Error(`${reader.seen} different events on the queue, ${events} sent`);
  if (reader.doubled > 0) throw new Error(`${reader.doubled} events came twice`);
}

async function measureDrop(field: Field, teams: number, children: readonly ChildProcess[]): Promise<number> {
  const before = (await field.slack.look()).hellos;
  await field.forgetConnects();
  const startMs = performance.now();
  await field.slack.drop();
  const back = async (): Promise<boolean> => (await field.slack.look()).hellos - before >= teams;
  await waitFor(back, { timeoutMs: 600_000, everyMs: 50, what: 'all sockets back' });
  await untilLive(field, teams, children);
  return performance.now() - startMs;
}
