import { HELD_BY } from './held-by.ts';
import { type Results, runKey } from './results.ts';
import { RATES, SATURATING, SIZES, SIZES_RATE, SOCKETS, SUBJECTS } from './run-plans.ts';
import { judgeSoak, type SoakResults } from './soak-results.ts';
import { loadOf, TARGET_ROWS, type TargetRow } from './target-rows.ts';

/** The measured tables of docs/performance.md, in Markdown. Pure: the same results give the same text. */
const NONE = '-';
const [CONNECTOR_BUN, CONNECTOR_NODE] = SUBJECTS as [S, S, S, S];
type S = (typeof SUBJECTS)[number];

const NAMES = ['connector, Bun', 'connector, Node', 'bare loop, Bun', 'bare loop, Node'] as const;

const number = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value)
    ? NONE
    : value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

const ratio = (value: number | undefined, to: number | undefined): string =>
  value === undefined || to === undefined || to === 0 ? NONE : number(value / to, 2);

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map((_, at) => (at === 0 ? '---' : '--:'))), ...rows.map(row)].join('\n');

export function targetTable(results: Results): string {
  const head = ['', 'target', 'Bun', 'Node', 'bare loop, Bun', 'bare loop, Node', 'Bun ÷ Node', 'Bun ÷ bare loop'];
  return table(
    head,
    TARGET_ROWS.map((each) => {
      const value = (subject: S): number | undefined => each.valueOf(results, subject);
      const [bun, node, bareBun, bareNode] = SUBJECTS.map(value);
      const cells = [bun, node, bareBun, bareNode].map((cell) => number(cell, each.digits));
      const [first = NONE, ...rest] = cells;
      const isMet = bun !== undefined && each.target !== undefined && bun <= each.target;
      return [
        `${each.name}, ${each.unit}`,
        each.target === undefined ? NONE : number(each.target, 0),
        isMet ? `**${first}**` : first,
        ...rest,
        ratio(bun, node),
        ratio(bun, bareBun),
      ];
    }),
  );
}

/** What is not reached, by how much, and why. */
export function missedList(results: Results): string {
  const missed = TARGET_ROWS.flatMap((each) => {
    const bun = each.valueOf(results, CONNECTOR_BUN);
    if (each.target === undefined || (bun !== undefined && bun <= each.target)) return [];
    return [missedLine(each, bun, each.target)];
  });
  return missed.length === 0 ? 'Every target is met.' : missed.join('\n');
}

function missedLine({ key, name, unit, digits }: TargetRow, value: number | undefined, target: number): string {
  const why = HELD_BY[key] === undefined ? '' : ` ${HELD_BY[key]}`;
  if (value === undefined) return `- **${name}**: not measured.${why}`;
  const over = `${number(value, digits)} ${unit} instead of ${number(target, 0)}`;
  return `- **${name}**: ${over}, ${number((value / target - 1) * 100, 0)} % more.${why}`;
}

export function rateTable(results: Results): string {
  const cells = (of: (subject: S, perSecond: number) => number | undefined, digits: number) => (perSecond: number) =>
    SUBJECTS.map((subject) => number(of(subject, perSecond), digits));
  const cpu = cells((subject, perSecond) => loadOf(results, subject, perSecond)?.cpuMicros, 1);
  const redis = cells((subject, perSecond) => loadOf(results, subject, perSecond)?.redisCpuMicros, 1);
  const late = (perSecond: number): string[] =>
    [CONNECTOR_BUN, CONNECTOR_NODE].map((subject) => {
      const latency = loadOf(results, subject, perSecond)?.latencyMs;
      return latency === undefined ? NONE : `${number(latency.p50, 1)}, ${number(latency.p99, 1)}`;
    });
  const busy = (perSecond: number): string[] =>
    [CONNECTOR_BUN, CONNECTOR_NODE].map((subject) => number(loadOf(results, subject, perSecond)?.rssMB, 0));
  const perEvent = (name: string, of: (perSecond: number) => string[]): string =>
    `${name}\n\n${table(
      ['events per second', ...NAMES],
      RATES.map((perSecond) => [number(perSecond, 0), ...of(perSecond)]),
    )}`;
  return [
    perEvent('CPU of the process per event, µs:', cpu),
    perEvent('CPU of the Redis server per event, µs:', redis),
    `From Slack to the queue, median and p99, and memory at the end of the load:\n\n${table(
      ['events per second', 'Bun, ms', 'Node, ms', 'Bun, MB', 'Node, MB'],
      RATES.map((perSecond) => [number(perSecond, 0), ...late(perSecond), ...busy(perSecond)]),
    )}`,
  ].join('\n\n');
}

export function sizeTable(results: Results): string {
  return table(
    [`bytes of an event, at ${number(SIZES_RATE, 0)} a second`, ...NAMES],
    SIZES.map((bytes) => [
      number(bytes, 0),
      ...SUBJECTS.map((subject) => number(loadOf(results, subject, SIZES_RATE, bytes)?.cpuMicros, 1)),
    ]),
  );
}

export function socketTable(results: Results): string {
  const of = (subject: S, teams: number) => results.runs[runKey(`sockets-${teams}`, subject)]?.idle;
  return table(
    ['idle sockets', ...NAMES.map((name) => `${name}, MB`), 'idle CPU on Bun, ms/s', 'on Node'],
    SOCKETS.map((teams) => [
      number(teams, 0),
      ...SUBJECTS.map((subject) => number(of(subject, teams)?.rssMB, 0)),
      ...[CONNECTOR_BUN, CONNECTOR_NODE].map((subject) => number(of(subject, teams)?.cpuMsPerSecond, 1)),
    ]),
  );
}

export function podTable(results: Results): string {
  const of = (subject: S, pods: number, perSecond: number) =>
    results.runs[runKey(`pods-${pods}`, subject)]?.loads.find((each) => each.perSecond === perSecond);
  const rows = SATURATING.flatMap((perSecond) =>
    [CONNECTOR_BUN, CONNECTOR_NODE].map((subject) => {
      const [one, two] = [of(subject, 1, perSecond), of(subject, 2, perSecond)];
      return [
        `${number(perSecond, 0)}, ${subject === CONNECTOR_BUN ? 'Bun' : 'Node'}`,
        number(one?.queuedPerSecond, 0),
        number(two?.queuedPerSecond, 0),
        ratio(two?.queuedPerSecond, one?.queuedPerSecond),
        number(one?.cpuMicros, 1),
        number(two?.cpuMicros, 1),
      ];
    }),
  );
  const head = ['sent per second', 'queued by one', 'by two', 'two ÷ one', 'µs per event, one', 'two'];
  return table(head, rows);
}

export function startTable(results: Results): string {
  const rows = results.starts.map((each) => [
    each.name,
    number(each.helloMs, 0),
    number(each.cpuMs, 0),
    number(each.rssMB, 0),
  ]);
  const size =
    results.executableBytes === undefined
      ? ''
      : `\n\nThe executable is one file of ${number(results.executableBytes / 1e6, 0)} MB.`;
  return table(['one team', 'to the first hello, ms', 'CPU until then, ms', 'memory, MB'], rows) + size;
}

export function machineText({ machine, source, quick, measuredAt }: Results): string {
  const from = source === 'dist' ? 'what `make build` makes, as in the image' : 'its sources';
  const caution = quick ? ' **A quick run: its figures mean nothing.**' : '';
  return (
    `Measured on ${measuredAt.slice(0, 10)} at commit ${machine.commit}: ${machine.cores} cores (${machine.cpu}), ` +
    `${machine.memoryGB} GB, Linux ${machine.kernel}, Node ${machine.node}, Bun ${machine.bun}, Redis ${machine.redis}; ` +
    `the connector runs from ${from}. Load of the machine before the first run: ${machine.load.toFixed(1)}.${caution}`
  );
}

export function soakText(soak: SoakResults | undefined): string {
  if (soak === undefined) return 'Not measured yet.';
  const { minutes, earlyMB, lastMB, trend, isFlat, live } = judgeSoak(soak.samples);
  const runtime = `${soak.runtime === 'bun' ? 'Bun' : 'Node'} ${soak.runtimeVersion}`;
  const mb = (value: number): string => `${number(value, 0)} MB`;
  return (
    `${number(soak.sockets, 0)} sockets with a real chain on ${runtime} for ${number(minutes, 0)} minutes ` +
    `(${soak.measuredAt.slice(0, 10)}, commit ${soak.commit}), ${number(soak.refreshed, 0)} reconnects (${number(live, 0)} live, the median), ` +
    `${soak.eventsPerSecond} events a second (${number(soak.queued, 0)} queued, ${soak.doubled} of them twice): memory was ` +
    `${mb(earlyMB)} early and ${mb(lastMB)} in the end. The last two thirds gain ${number(trend.slope, 1)} MB an hour, ` +
    `give or take ${number(trend.halfWidth, 1)} (95 %): ${isFlat ? 'flat' : 'it grows'}.`
  );
}
