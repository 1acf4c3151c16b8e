import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { waitFor } from '../test/support/wait.ts';
import { startField } from './load/field.ts';
import { rssMB } from './load/process-cost.ts';
import { QueueReader } from './load/queue-reader.ts';
import { builtSource, EVENTS_OF, endSubject, startSubject } from './load/subject.ts';
import { thisMachine } from './performance/machine.ts';
import { soakChart } from './performance/plots.ts';
import { SOAK_FILE, type SoakResults, type SoakSample } from './performance/soak-results.ts';
import { soakText } from './performance/tables.ts';

/**
 * Memory of one connector over time, while Slack replaces its sockets and events come:
 * `node bench/soak.ts [--minutes 90 | --hours 12] [--sockets 5000] [--runtime bun|node] [--refreshes 60000] [--rate 50] [--out FOLDER]`.
 * Slack replaces a socket each hour or so; a shorter run has the reconnects of 12 hours nevertheless. Nine of ten are told goodbye,
 * the tenth is cut off. A sample each 10 s; soak.json, soak.csv and soak.svg are written each minute, so that a run that is
 * ended early is not lost. Without --out the page shows it after `npm run generate`. Linux only.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '90' },
    hours: { type: 'string' },
    sockets: { type: 'string', default: '5000' },
    runtime: { type: 'string', default: 'bun' },
    refreshes: { type: 'string' },
    rate: { type: 'string', default: '50' },
    bytes: { type: 'string', default: '1024' },
    cert: { type: 'string', default: 'chain' },
    out: { type: 'string' },
  },
});
const MINUTES = values.hours === undefined ? Number(values.minutes) : Number(values.hours) * 60;
const SOCKETS = Number(values.sockets);
/** One for each socket and hour of 12 hours. */
const REFRESHES = Number(values.refreshes ?? 12 * SOCKETS);
const RATE = Number(values.rate);
/** Slack allows a team one connect a minute; with more, the run would show sockets that wait. */
const LEAST_MINUTES_BETWEEN = 2;
if (REFRESHES / SOCKETS > MINUTES / LEAST_MINUTES_BETWEEN) {
  throw new Error(
    `${REFRESHES} reconnects of ${SOCKETS} sockets need ${(LEAST_MINUTES_BETWEEN * REFRESHES) / SOCKETS} minutes`,
  );
}
const RUNTIME = values.runtime === 'node' ? 'node' : 'bun';
const SAMPLE_MS = 10_000;
const SAVE_SAMPLES = 6;
/** Of the page; the CSV has all. */
const MOST_SHOWN = 360;
const POD = 'soak-0';

const machine = thisMachine();
const field = await startField(
  { teams: SOCKETS, certificate: values.cert === 'small' ? 'small' : 'chain', pingEveryMs: 10_000 },
  [POD],
);
const subject = { program: 'connector', runtime: RUNTIME } as const;
const child = startSubject(subject, field.placeOf(POD), builtSource());
const samples: SoakSample[] = [];
let refreshed = 0;
let isOver = false;

function results(reader: QueueReader): SoakResults {
  const step = Math.ceil(samples.length / MOST_SHOWN);
  return {
    commit: machine.commit,
    measuredAt: new Date().toISOString(),
    runtime: RUNTIME,
    runtimeVersion: machine[RUNTIME],
    sockets: SOCKETS,
    eventsPerSecond: RATE,
    refreshed,
    queued: reader.seen,
    doubled: reader.doubled,
    samples: samples.filter((_, at) => at % step === 0),
  };
}

function save(reader: QueueReader): SoakResults {
  const now = results(reader);
  const json = `${JSON.stringify(now, null, 2)}\n`;
  if (values.out === undefined) writeFileSync(SOAK_FILE, json);
  else {
    mkdirSync(values.out, { recursive: true });
    const lines = samples.map(({ minute, rssMB: rss, live }) => `${minute.toFixed(2)},${rss.toFixed(2)},${live}`);
    writeFileSync(join(values.out, 'soak.csv'), `minute,rss_mb,live\n${lines.join('\n')}\n`);
    writeFileSync(join(values.out, 'soak.json'), json);
    writeFileSync(join(values.out, 'soak.svg'), soakChart(now));
  }
  return now;
}

/** So many sockets that by the end of the run all are replaced as often as they should be. */
async function keepReplacing(startMs: number): Promise<void> {
  while (!isOver) {
    const due = Math.floor((REFRESHES * (performance.now() - startMs)) / (MINUTES * 60_000));
    const count = Math.min(due, REFRESHES) - refreshed;
    const cut = Math.floor((refreshed + count) / 10) - Math.floor(refreshed / 10);
    if (count > cut) await field.slack.refresh(count - cut);
    if (cut > 0) await field.slack.drop(cut);
    refreshed += count;
    await sleep(1_000);
  }
}

async function soak(reader: QueueReader): Promise<void> {
  const startMs = performance.now();
  const replacing = keepReplacing(startMs);
  const events = Math.floor(RATE * MINUTES * 60);
  const sending = field.slack.burst({ perSecond: RATE, bytes: Number(values.bytes), events });
  for (let nextMs = startMs; nextMs <= startMs + MINUTES * 60_000 && !isOver; nextMs += SAMPLE_MS) {
    await sleep(Math.max(0, nextMs - performance.now()));
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('the connector has ended');
    const { live } = await field.slack.look();
    samples.push({ minute: (performance.now() - startMs) / 60_000, rssMB: rssMB(child.pid ?? 0), live });
    reader.latencies();
    if (samples.length % SAVE_SAMPLES === 0) console.log(soakText(save(reader)));
  }
  isOver = true;
  await replacing;
  if (performance.now() - startMs >= MINUTES * 60_000) await sending;
  else sending.catch(() => undefined);
}

process.once('SIGTERM', () => {
  isOver = true;
});
process.once('SIGINT', () => {
  isOver = true;
});
try {
  await waitFor(async () => (await field.slack.look()).live >= SOCKETS, { timeoutMs: 300_000, everyMs: 500 });
  console.log(`${SOCKETS} sockets on ${RUNTIME}, ${MINUTES} minutes, ${REFRESHES} reconnects, ${RATE} events a second`);
  const reader = await QueueReader.start(field.redisPort, EVENTS_OF.connector, 50);
  try {
    await soak(reader);
    console.log(soakText(save(reader)));
    if (reader.doubled > 0) throw new Error(`${reader.doubled} events came twice`);
  } finally {
    reader.stop();
  }
} finally {
  await endSubject(child);
  await field.stop();
}
