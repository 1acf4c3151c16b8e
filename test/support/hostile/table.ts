import type { RowResult } from './row.ts';

/** The rows under one heading, each once for each transport. */
export interface TablePart {
  heading: string;
  results: readonly RowResult[];
}

interface Form {
  head: readonly [string, string, string, string];
  nameOf(result: RowResult): string;
  time(ms: number): string;
}

/** For a page: faults of one kind share a line, which gives the worst of them in whole seconds. */
export const SUMMARY: Form = {
  head: ['fault', 'noticed within', 'live again within', 'API calls'],
  nameOf: ({ line }) => line,
  time: (ms) => `${Math.max(1, Math.ceil(ms / 1_000))} s`,
};

/** For a terminal: each fault as it was measured. */
export const EVERY_FAULT: Form = {
  head: ['fault', 'noticed after', 'live again after', 'API calls'],
  nameOf: ({ fault }) => fault,
  time: (ms) => `${(ms / 1_000).toFixed(1)} s`,
};

/** Markdown: a table for each part; what differs between the transports is given for RTM first. */
export function table(parts: readonly TablePart[], form: Form): string {
  return parts.map(({ heading, results }) => `\n### ${heading}\n\n${tableOf(results, form)}\n`).join('');
}

function tableOf(results: readonly RowResult[], form: Form): string {
  const lines = [...Map.groupBy(results, form.nameOf)].map(([name, found]) => lineOf(name, found, form));
  return [`| ${form.head.join(' | ')} |`, '|---|---|---|---|', ...lines].join('\n');
}

function lineOf(name: string, results: readonly RowResult[], { time }: Form): string {
  const found = TRANSPORTS.flatMap((name) => {
    const some = results.filter(({ transport }) => transport === name);
    return some.length === 0 ? [] : [some];
  });
  const cell = (of: (results: readonly RowResult[]) => string): string => {
    const values = new Set(found.map(of));
    const only = found.length === 1 ? results[0] : undefined;
    return `${[...values].join(', ')}${only === undefined ? '' : ` (${NAMES[only.transport]})`}`;
  };
  const worst = (key: 'detectedMs' | 'recoveredMs' | 'calls', some: readonly RowResult[]): number =>
    Math.max(...some.map((result) => result[key] ?? 0));
  const isNoticed = results.some(({ detectedMs }) => detectedMs !== undefined);
  const noticed = isNoticed ? cell((some) => time(worst('detectedMs', some))) : 'never';
  const recovered = isNoticed ? cell((some) => time(worst('recoveredMs', some))) : 'stays live';
  return `| ${name} | ${noticed} | ${recovered} | ${cell((some) => `${worst('calls', some)}`)} |`;
}

const TRANSPORTS = ['rtm', 'socketMode'] as const satisfies readonly RowResult['transport'][];
const NAMES: Record<RowResult['transport'], string> = { rtm: 'RTM', socketMode: 'Socket Mode' };
