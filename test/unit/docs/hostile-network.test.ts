import { describe, expect, it } from 'vitest';
import type { LifeRow } from '#test/support/hostile/life-row.ts';
import type { Row } from '#test/support/hostile/row.ts';
import { GETTING_A_SOCKET } from '#test/support/hostile/rows/getting-a-socket.ts';
import { LIVING_SOCKETS } from '#test/support/hostile/rows/living-sockets.ts';
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
