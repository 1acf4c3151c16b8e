import type { RowResult } from './row.ts';

/** The rows under one heading, each once for each transport. */
export interface TablePart {
  heading: string;
  results: readonly RowResult[];
}

const seconds = (ms: number | undefined): string => (ms === undefined ? '' : `${(ms / 1_000).toFixed(1)} s`);

/** Markdown: a table for each part; what differs between the transports is given for RTM first. */
export function table(parts: readonly TablePart[]): string {
  return parts.map(({ heading, results }) => `\n### ${heading}\n\n${tableOf(results)}\n`).join('');
}

function tableOf(results: readonly RowResult[]): string {
  const faults = [...new Set(results.map(({ fault }) => fault))];
  const lines = faults.map((fault) =>
    lineOf(
      fault,
      results.filter((result) => result.fault === fault),
    ),
  );
  return ['| fault | noticed after | live again after | API calls |', '|---|---|---|---|', ...lines].join('\n');
}

function lineOf(fault: string, results: readonly RowResult[]): string {
  const cell = (of: (result: RowResult) => string): string => {
    const values = results.map((result) =>
      results.length === 1 ? `${of(result)} (${NAMES[result.transport]})` : of(result),
    );
    return [...new Set(values)].join(', ');
  };
  const noticed = cell(({ detectedMs }) => (detectedMs === undefined ? 'never' : seconds(detectedMs)));
  const recovered = cell(({ detectedMs, recoveredMs }) =>
    detectedMs === undefined ? 'always live' : seconds(recoveredMs),
  );
  return `| ${fault} | ${noticed} | ${recovered} | ${cell(({ calls }) => `${calls}`)} |`;
}

const NAMES: Record<RowResult['transport'], string> = { rtm: 'RTM', socketMode: 'Socket Mode' };
