import { describe, expect, it } from 'vitest';
import type { LifeRow } from '#test/support/hostile/life-row.ts';
import type { Row, RowResult } from '#test/support/hostile/row.ts';
import { GETTING_A_SOCKET } from '#test/support/hostile/rows/getting-a-socket.ts';
import { LIVING_SOCKETS } from '#test/support/hostile/rows/living-sockets.ts';
import { SUMMARY, table } from '#test/support/hostile/table.ts';
import { page, section, tableRows } from './pages.ts';

describe('the table of the hostile network, which `node bench/hostile.ts --write` makes', () => {
  const parts = [...GETTING_A_SOCKET, ...LIVING_SOCKETS].map(({ heading, rows }) => ({
    heading,
    lines: [...new Set((rows as readonly (Row | LifeRow)[]).map(({ line, fault }) => line ?? fault))],
  }));

  it.each(parts)('$heading: has a line for each kind of fault that is tested, and no other', ({ heading, lines }) => {
    const [_head, _rule, ...rows] = tableRows(section(page('docs/slack-sockets.md').text, heading));
    expect(rows.map(([line]) => line)).toEqual(lines);
  });
});

it('gives the worst of the faults that share a line, RTM first', () => {
  const result = (transport: 'rtm' | 'socketMode', detectedMs: number | undefined, recoveredMs: number): RowResult => ({
    fault: `${transport} ${detectedMs}`,
    line: 'odd',
    transport,
    slots: 1,
    detectedMs,
    recoveredMs,
    waitMs: undefined,
    calls: recoveredMs > 5_000 ? 2 : 1,
    upgrades: 1,
    reasons: [],
    broken: [],
  });
  const results = [result('socketMode', 100, 900), result('rtm', 2_100, 300), result('rtm', 200, 9_001)];
  const lineOf = (some: readonly RowResult[]) =>
    table([{ heading: 'All', results: some }], SUMMARY)
      .trim()
      .split('\n')
      .at(-1);
  expect(lineOf(results)).toBe('| odd | 3 s, 1 s | 10 s, 1 s | 2, 1 |');
  expect(lineOf(results.slice(1))).toBe('| odd | 3 s (RTM) | 10 s (RTM) | 2 (RTM) |');
  expect(lineOf([result('rtm', undefined, 20), result('socketMode', undefined, 20)])).toBe(
    '| odd | never | stays live | 1 |',
  );
});
