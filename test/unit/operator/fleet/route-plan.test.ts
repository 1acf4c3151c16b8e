import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRoute, OTHER_TEAMS_FIELD, OTHER_TEAMS_TEXT, type Route } from '#core/protocol/route.ts';
import type { Desired, DesiredBot, RoutedBot } from '#operator/fleet/desired.ts';
import { ownersIn, planRoutes, type RouteTable } from '#operator/fleet/route-plan.ts';

const APP = 'app-uid';
const route = (ownerUid: string, more: Partial<Route> = {}): Route => ({
  ownerUid,
  bot: `bots/${ownerUid}`,
  generation: 1,
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  replies: 'wait',
  suspended: false,
  ...more,
});
const app = { set: { kind: 'app', bot: 'apps/shop' } } as DesiredBot;
const row = (ownerUid: string, teamID: string, more: Partial<Route> = {}): [string, RoutedBot] => [
  ownerUid,
  { appUid: APP, teamID, route: route(ownerUid, more) },
];
const desired = (routed: [string, RoutedBot][], more: Partial<Desired> = {}): Desired => ({
  synced: true,
  unlisted: new Set(),
  bots: new Map([[APP, app]]),
  stopped: new Map(),
  routed: new Map(routed),
  kept: new Set(),
  ...more,
});
const table = (rows: Record<string, Route | string>): RouteTable => ({
  app: 'apps/shop',
  version: 'v',
  rows: new Map(
    Object.entries(rows).map(([team, each]) => [team, typeof each === 'string' ? each : JSON.stringify(each)]),
  ),
});
const plan = (before: RouteTable | undefined, wanted: Desired, held: string[] = []) =>
  planRoutes(new Map(before === undefined ? [] : [[APP, before]]), wanted, new Set(held));
/** Team -> bot after the plan. */
const rowsAfter = (before: RouteTable | undefined, wanted: Desired, held: string[] = []) => {
  const { writes, drop } = plan(before, wanted, held);
  if (drop.length > 0) return 'dropped';
  const rows = writes[0]?.rows ?? before?.rows ?? new Map<string, string>();
  return Object.fromEntries([...rows].map(([team, json]) => [team, decodeRoute(json)?.ownerUid ?? json]));
};

describe('the route table of an app', () => {
  it('has a row for each of its bots, and is written whole, and once', () => {
    const wanted = desired([row('a', 'T1'), row('b', 'T2')]);
    const [write] = plan(undefined, wanted).writes;
    expect(write).toMatchObject({ appUid: APP, app: 'apps/shop', remove: [] });
    expect(rowsAfter(undefined, wanted)).toEqual({ T1: 'a', T2: 'b' });
    const written: RouteTable = { app: 'apps/shop', version: write?.version ?? '', rows: write?.rows ?? new Map() };
    expect(plan(written, wanted)).toEqual({ writes: [], drop: [] });
  });

  it('exists without bots as well, so that its teams are known to be unknown', () => {
    expect(plan(undefined, desired([])).writes).toHaveLength(1);
    expect(plan(undefined, desired([], { bots: new Map() }))).toEqual({ writes: [], drop: [] });
  });

  it.each<[string, Partial<Desired>]>([
    ['not every SlackBot has been judged', { synced: false }],
    ['a namespace is not listed', { unlisted: new Set(['tenants']) }],
  ])('leaves open what it lacks when it is new and %s, and until then', (_, more) => {
    const open = { [OTHER_TEAMS_FIELD]: OTHER_TEAMS_TEXT };
    expect(rowsAfter(undefined, desired([row('a', 'T1')], more))).toEqual({ T1: 'a', ...open });
    const before = table({ T1: route('a'), ...open });
    expect(rowsAfter(before, desired([row('a', 'T1'), row('b', 'T2')], more))).toEqual({ T1: 'a', T2: 'b', ...open });
    expect(rowsAfter(before, desired([row('a', 'T1')]))).toEqual({ T1: 'a' });
  });

  it('that was whole leaves nothing open while its bots are judged again, nor when Redis has lost it', () => {
    const wanted = desired([], { synced: false, kept: new Set(['a']) });
    expect(plan(table({ T1: route('a') }), wanted).writes).toEqual([]);
    expect(plan(table({}), wanted).writes).toEqual([]);
    expect(rowsAfter({ ...table({ T1: route('a') }), version: '' }, wanted)).toEqual({ T1: 'a' });
  });

  it('has another version when a row differs, and only then', () => {
    const version = (wanted: Desired) => plan(undefined, wanted).writes[0]?.version;
    const rows = [row('a', 'T1'), row('b', 'T2')];
    expect(version(desired(rows))).toBe(version(desired([...rows].reverse())));
    expect(version(desired(rows))).not.toBe(version(desired([row('a', 'T1'), row('b', 'T2', { suspended: true })])));
  });

  it('is written again when Redis has lost it, with the rows that only it knew', () => {
    const before = { ...table({ T1: route('a'), T2: route('b') }), version: '' };
    const wanted = desired([row('a', 'T1')], { kept: new Set(['b']) });
    expect(plan(before, wanted).writes).toHaveLength(1);
    expect(rowsAfter(before, wanted)).toEqual({ T1: 'a', T2: 'b' });
  });

  it.each<[string, Partial<Desired>, Route | string, boolean]>([
    ['its bot is gone', {}, route('a'), false],
    ['its bot is being deleted', { stopped: new Map([['a', { why: 'deleted', generation: 2 }]]) }, route('a'), false],
    [
      'its bot has sockets of its own now',
      {
        bots: new Map([
          [APP, app],
          ['a', app],
        ]),
      },
      route('a'),
      false,
    ],
    ['its bot has another team now', { routed: new Map([row('a', 'T9')]) }, route('a'), false],
    ['its bot is not judged yet', { kept: new Set(['a']) }, route('a'), true],
    ['the list is not complete', { synced: false }, route('a'), true],
    ['the namespace of its bot is not listed', { unlisted: new Set(['bots']) }, route('a'), true],
    ['another namespace is not listed', { unlisted: new Set(['others']) }, route('a'), false],
    ['it cannot be read', {}, '{"from":"the future"}', false],
    ['it cannot be read, and may be of a namespace that is not listed', { unlisted: new Set(['x']) }, 'x', true],
  ])('loses a row, or keeps it, when %s', (_, more, stored, stays) => {
    const rows = rowsAfter(table({ T1: stored }), desired([], more));
    expect(Object.hasOwn(rows as object, 'T1')).toBe(stays);
  });

  it('keeps a row of a later generation, which another process has written', () => {
    const newer = table({ T1: route('a', { generation: 5, suspended: true }) });
    expect(plan(newer, desired([row('a', 'T1', { generation: 4 })])).writes).toEqual([]);
    expect(plan(newer, desired([row('a', 'T1', { generation: 6 })])).writes).toHaveLength(1);
    expect(rowsAfter(newer, desired([row('b', 'T1')]))).toEqual({ T1: 'b' });
  });

  it.each<[string, Partial<Desired>, string[], boolean]>([
    ['the app is gone', {}, [], true],
    ['the app is gone, and a pod still has a socket of it', {}, [APP], false],
    [
      'the app is being deleted',
      { stopped: new Map([[APP, { why: 'deleted', generation: 1 }]]), synced: false },
      [],
      true,
    ],
    ['the app is suspended', { stopped: new Map([[APP, { why: 'suspended', generation: 1 }]]) }, [], false],
    ['the app is not judged yet', { kept: new Set([APP]) }, [], false],
    ['the list is not complete', { synced: false }, [], false],
    ['the namespace of the app is not listed', { unlisted: new Set(['apps']) }, [], false],
  ])('is dropped, or kept, when %s', (_, more, held, isDropped) => {
    const { drop } = plan(table({}), desired([], { bots: new Map(), ...more }), held);
    expect(drop).toEqual(isDropped ? [APP] : []);
  });

  it('is the same from whatever it was before, once everything is known', () => {
    const owner = fc.constantFrom('a', 'b', 'c');
    const team = fc.constantFrom('T1', 'T2', 'T3');
    const rows = fc
      .dictionary(team, owner)
      .map((teams) => table(Object.fromEntries(Object.entries(teams).map(([each, uid]) => [each, route(uid)]))));
    const wanted = fc.uniqueArray(fc.tuple(owner, team), { selector: ([uid]) => uid });
    fc.assert(
      fc.property(rows, wanted, (before, pairs) => {
        const goal = desired(pairs.map(([uid, each]) => row(uid, each)));
        expect(rowsAfter(before, goal)).toEqual(rowsAfter(undefined, goal));
      }),
      { numRuns: 200 },
    );
  });

  it('says which bots it has', () => {
    expect([...ownersIn([table({ T1: route('a'), T2: 'unreadable' })])]).toEqual(['a']);
  });
});
