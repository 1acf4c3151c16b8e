import { describe, expect, it } from 'vitest';
import { GETTING_A_SOCKET } from '#test/support/hostile/rows/getting-a-socket.ts';
import { LIVING_SOCKETS } from '#test/support/hostile/rows/living-sockets.ts';
import { page, section, tableRows } from './pages.ts';

describe('the table of the hostile network, which `node bench/hostile.ts --write` makes', () => {
  const parts = [...GETTING_A_SOCKET, ...LIVING_SOCKETS].map(({ heading, rows }) => ({
    heading,
    faults: (rows as readonly { fault: string }[]).map(({ fault }) => fault),
  }));

  it.each(parts)('$heading: has a line for each fault that is tested, and no other', ({ heading, faults }) => {
    const [_head, _rule, ...rows] = tableRows(section(page('docs/slack-sockets.md').text, heading));
    expect(rows.map(([fault]) => fault)).toEqual(faults);
  });
});
