import { describe, expect, it } from 'vitest';
import type { KnownRoutes } from '#connector/route/route-table.ts';
import { type AppSource, routedSource } from '#connector/route/routed-source.ts';
import { routeOf } from './routes.ts';

const APP: AppSource = {
  cluster: 'east',
  ownerUid: 'app-uid',
  bot: 'apps/portal',
  generation: 3,
  queueNamespace: 'portal',
  events: { include: [], exclude: ['reaction_added'], own: false },
  replies: true,
  delayedEvents: true,
  unknownTeams: 'deliver',
};
const ENVELOPE = { teamID: 'T1', enterpriseID: 'E1', botUserID: 'U1' };
const table = (routes: Record<string, ReturnType<typeof routeOf> | 'unreadable'>): KnownRoutes =>
  new Map(Object.entries(routes));

/** Whose the event is, or why it is not wanted. */
function ownerOf(routes: KnownRoutes | undefined, app: Partial<AppSource> = {}, envelope = ENVELOPE): string {
  const source = routedSource(envelope, routes, { ...APP, ...app });
  return typeof source === 'string' ? source : source.ownerUid;
}

describe('an event of an app', () => {
  it('is from the SlackBot of its team, with the filter, namespace and fence of that SlackBot', () => {
    const route = routeOf();
    expect(routedSource(ENVELOPE, table({ T1: route }), APP)).toEqual({
      cluster: 'east',
      ownerUid: 'bot-uid',
      bot: 'bots/acme',
      generation: 7,
      teamID: 'T1',
      slackTeamID: 'T1',
      botUserID: 'U1',
      queueNamespace: 'acme',
      events: route.events,
      replies: true,
      delayedEvents: true,
    });
  });

  it('is from the app itself when its team has no SlackBot', () => {
    expect(routedSource(ENVELOPE, table({}), APP)).toEqual({
      cluster: 'east',
      ownerUid: 'app-uid',
      bot: 'apps/portal',
      generation: 3,
      teamID: 'T1',
      slackTeamID: 'T1',
      botUserID: 'U1',
      queueNamespace: 'portal',
      events: APP.events,
      replies: true,
      delayedEvents: true,
    });
  });

  const drop = { unknownTeams: 'drop' } as const;
  const own = routeOf({ ownerUid: 'of-team' });
  const wide = routeOf({ ownerUid: 'of-enterprise' });
  const off = routeOf({ suspended: true });
  it.each<[what: string, routes: KnownRoutes | undefined, app: Partial<AppSource>, owner: string]>([
    ['of a team with a SlackBot goes to it', table({ T1: own }), {}, 'of-team'],
    ['of a workspace goes to the SlackBot of its enterprise', table({ E1: wide }), {}, 'of-enterprise'],
    ['of a workspace with its own SlackBot goes to that', table({ T1: own, E1: wide }), {}, 'of-team'],
    ['of a suspended SlackBot is not wanted', table({ T1: off }), {}, 'suspended'],
    ['of a suspended SlackBot does not go to the enterprise', table({ T1: off, E1: wide }), {}, 'suspended'],
    ['of a suspended enterprise is not wanted', table({ E1: off }), {}, 'suspended'],
    ['of an enterprise goes to a workspace that goes on', table({ T1: own, E1: off }), {}, 'of-team'],
    ["of an unknown team is the app's own", table({ T2: own }), {}, 'app-uid'],
    ['of an unknown team is not wanted with Drop', table({ T2: own }), drop, 'unknown_team'],
    ["is the app's own while the table was never read", undefined, {}, 'app-uid'],
    ["is the app's own while the table was never read, even with Drop", undefined, drop, 'app-uid'],
    ["of a team whose entry is unreadable is the app's own", table({ T1: 'unreadable' }), {}, 'app-uid'],
    [
      'of a team that a new table leaves open is delivered even with Drop',
      table({ '*': 'unreadable' }),
      drop,
      'app-uid',
    ],
    ['of a team whose entry is unreadable is delivered even with Drop', table({ T1: 'unreadable' }), drop, 'app-uid'],
  ])('%s', (_what, routes, app, owner) => {
    expect(ownerOf(routes, app)).toBe(owner);
  });

  it('without a team belongs to no SlackBot', () => {
    const nowhere = { teamID: '', enterpriseID: '', botUserID: '' };
    expect(ownerOf(table({ T1: own }), {}, nowhere)).toBe('app-uid');
    expect(ownerOf(table({ T1: own }), drop, nowhere)).toBe('unknown_team');
  });

  it('waits for an answer as its owner says', () => {
    const replies = (routes: KnownRoutes, app: Partial<AppSource> = {}): unknown => {
      const source = routedSource(ENVELOPE, routes, { ...APP, ...app });
      return typeof source === 'string' ? source : source.replies;
    };
    expect(replies(table({ T1: routeOf({ replies: 'off' }) }))).toBe(false);
    expect(replies(table({ T1: routeOf({ replies: 'wait' }) }), { replies: false })).toBe(true);
    expect(replies(table({}), { replies: false })).toBe(false);
  });
});
