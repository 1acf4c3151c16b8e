import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appsOf } from '#connector/route/route-watch.ts';
import { type HeldRoutes, TableRead } from '#connector/route/table-read.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';
import { routeOf } from './routes.ts';

const text = (bot: string): string => JSON.stringify(routeOf({ bot }));
const version = (value: string): string[] => ['@version', value];

/** Reads a whole table as if it did not change meanwhile. */
function read(entries: Record<string, string>, before?: HeldRoutes): { held: HeldRoutes; unreadable: string[] } {
  const one = new TableRead('v', before);
  one.add([...version('v'), ...Object.entries(entries).flat()]);
  const held = one.end('v', Object.keys(entries).length + 1);
  if (held === undefined) throw new Error('the read did not end');
  return { held, unreadable: [...one.unreadable] };
}
const bots = ({ routes }: HeldRoutes): Record<string, string> =>
  Object.fromEntries([...routes].map(([team, route]) => [team, route === 'unreadable' ? route : route.bot]));

describe('a read of a route table', () => {
  it('gives what its pages say, whatever their order and repetitions', () => {
    const teams = fc.dictionary(fc.stringMatching(/^T[A-Z0-9]{1,3}$/), fc.stringMatching(/^[a-z]{1,5}$/), {
      maxKeys: 20,
    });
    fc.assert(
      fc.property(teams, fc.nat(5), (wanted, pages) => {
        const entries = Object.entries(wanted).map(([team, bot]) => [team, text(bot)]);
        const one = new TableRead('v', undefined);
        one.add(version('v'));
        for (let n = 0; n <= pages; n += 1) one.add(entries.filter((_entry, at) => at % (n + 1) === 0).flat());
        const held = one.end('v', entries.length + 1);
        expect(held && bots(held)).toEqual(wanted);
      }),
      { numRuns: 100 },
    );
  });

  it.each<[what: string, version: string | null, fields: number]>([
    ['another version now', 'w', 2],
    ['no version now', null, 2],
    ['more entries than were read', 'v', 3],
    ['fewer entries than were read', 'v', 1],
  ])('counts for nothing when the table has %s', (_what, now, fields) => {
    const one = new TableRead('v', undefined);
    one.add([...version('v'), 'T1', text('a')]);
    expect(one.end(now, fields)).toBeUndefined();
    expect(one.end('v', 2)).toBeDefined();
  });

  it('leaves a team whose entry is unreadable as it was, and marks one that had no route', () => {
    const { held } = read({ T1: text('one'), T2: text('two') });
    const after = read({ T1: '{"bot":', T2: text('deux'), T3: '[]', T4: '' }, held);
    expect(bots(after.held)).toEqual({ T1: 'one', T2: 'deux', T3: 'unreadable', T4: 'unreadable' });
    expect(after.unreadable).toEqual(['T1', 'T3', 'T4']);
    const repaired = read({ T1: text('one'), T3: text('three') }, after.held);
    expect(bots(repaired.held)).toEqual({ T1: 'one', T3: 'three' });
    expect(repaired.unreadable).toEqual([]);
  });

  it('takes the same text for the same route after an entry was unreadable in between', () => {
    const first = read({ T1: text('one') });
    const between = read({ T1: 'garbage' }, first.held);
    expect(read({ T1: 'garbage' }, between.held).unreadable).toEqual(['T1']);
    expect(bots(read({ T1: text('other') }, between.held).held)).toEqual({ T1: 'other' });
  });

  it('knows of a table that leaves all other teams open, which is no fault of an entry', () => {
    const { held, unreadable } = read({ T1: text('one'), '*': 'not known yet' });
    expect(bots(held)).toEqual({ T1: 'one', '*': 'unreadable' });
    expect(unreadable).toEqual([]);
    expect(bots(read({ T1: text('one') }, held).held)).toEqual({ T1: 'one' });
  });

  it('decodes only entries that have changed', () => {
    const { held } = read({ T1: text('one'), T2: text('two') });
    const after = read({ T1: text('one'), T2: text('deux') }, held).held;
    expect(after.routes.get('T1')).toBe(held.routes.get('T1'));
    expect(after.routes.get('T2')).not.toBe(held.routes.get('T2'));
  });

  it('ignores fields of later versions', () => {
    const later = JSON.stringify({ ...routeOf({ bot: 'a' }), shard: 4 });
    expect(bots(read({ T1: later }).held)).toEqual({ T1: 'a' });
  });
});

it('the apps of a pod are the owners of its slots of that kind', () => {
  const app = slotOf({ kind: 'app' });
  const slots = new Map([
    ['app-1/0', app],
    ['app-1/1', app],
    ['app-2/0', app],
    ['bot-1/0', slotOf()],
    ['bot-2/0', slotOf({ kind: 'socketMode' })],
  ]);
  expect([...appsOf(slots)]).toEqual(['app-1', 'app-2']);
});
