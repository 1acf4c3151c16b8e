import { describe, expect, it } from 'vitest';
import { type RevocableBot, type RevokingFrame, revocationOf } from '#connector/event/revocation.ts';
import { revokedRoutes } from '#connector/route/revoked-routes.ts';
import type { KnownRoutes } from '#connector/route/route-table.ts';
import { OTHER_TEAMS_FIELD, type Route } from '#core/protocol/route.ts';
import { routeOf } from '../route/routes.ts';

type Envelope = NonNullable<RevokingFrame['envelope']>;
const envelope = (changes: Partial<Envelope> = {}): Envelope => ({
  appID: 'A1',
  teamID: 'T1',
  enterpriseID: '',
  botUserID: '',
  ...changes,
});
const bot = (changes: Partial<RevocableBot> = {}): RevocableBot => ({
  teamID: 'T1',
  userID: 'UBOT',
  tokenKind: 'bot',
  appID: 'A1',
  ...changes,
});
const revoked = (of: { bot?: unknown; oauth?: unknown }) => ({ type: 'tokens_revoked', tokens: of });
const UNINSTALLED = { type: 'app_uninstalled' };
const withdrawn = (...teams: unknown[]) => ({ type: 'team_access_revoked', team_ids: teams });

describe('an event about the token of a bot', () => {
  it.each<[string, RevokingFrame, RevocableBot, string | undefined]>([
    ['names its user', { event: revoked({ bot: ['UX', 'UBOT'], oauth: [] }) }, bot(), 'TokenRevoked'],
    ['names other bots', { event: revoked({ bot: ['UX'] }) }, bot(), undefined],
    ["names only people's tokens", { event: revoked({ oauth: ['UBOT'], bot: [] }) }, bot(), undefined],
    [
      'names a bot, and it is not known which it is',
      { event: revoked({ bot: ['UX'] }) },
      bot({ userID: '' }),
      'TokenRevoked',
    ],
    [
      'names no bot, and it is not known which it is',
      { event: revoked({ bot: [], oauth: ['U1'] }) },
      bot({ userID: '' }),
      undefined,
    ],
    ['has no lists', { event: { type: 'tokens_revoked' } }, bot({ userID: '' }), undefined],
    ['has something else as a list', { event: revoked({ bot: 'UBOT' }) }, bot(), undefined],
    [
      'names the person of a user token',
      { event: revoked({ oauth: ['U1'] }) },
      bot({ userID: 'U1', tokenKind: 'user' }),
      'TokenRevoked',
    ],
    [
      'names another person',
      { event: revoked({ oauth: ['U2'], bot: ['U1'] }) },
      bot({ userID: 'U1', tokenKind: 'user' }),
      undefined,
    ],
    [
      'comes to another bot user',
      { event: revoked({ bot: ['UX'] }), envelope: envelope({ botUserID: 'UBOT' }) },
      bot({ userID: '' }),
      undefined,
    ],
    [
      'comes for another team',
      { event: revoked({ bot: ['UBOT'] }), envelope: envelope({ teamID: 'T2' }) },
      bot(),
      undefined,
    ],
    [
      'comes from another app',
      { event: revoked({ bot: ['UBOT'] }), envelope: envelope({ appID: 'A2' }) },
      bot(),
      undefined,
    ],
    ['says that the app is gone', { event: UNINSTALLED }, bot(), 'AppUninstalled'],
    ['says that the app of its team is gone', { event: UNINSTALLED, envelope: envelope() }, bot(), 'AppUninstalled'],
    [
      'says that the app of its organization is gone',
      { event: UNINSTALLED, envelope: envelope({ teamID: 'E1', enterpriseID: 'E1' }) },
      bot(),
      'AppUninstalled',
    ],
    [
      'says that another team has no app any more',
      { event: UNINSTALLED, envelope: envelope({ teamID: 'T2' }) },
      bot(),
      undefined,
    ],
    [
      'says that a workspace of its organization left',
      { event: UNINSTALLED, envelope: envelope({ enterpriseID: 'E1' }) },
      bot({ teamID: 'E1' }),
      undefined,
    ],
    ['says that another app is gone', { event: UNINSTALLED, envelope: envelope({ appID: 'A2' }) }, bot(), undefined],
    [
      'says so where the app is not known',
      { event: UNINSTALLED, envelope: envelope({ appID: 'A2' }) },
      bot({ appID: '' }),
      'AppUninstalled',
    ],
    ['withdraws it from its team', { event: withdrawn('T2', 'T1') }, bot(), 'TeamAccessRevoked'],
    ['withdraws it from other teams', { event: withdrawn('T2'), envelope: envelope() }, bot(), undefined],
    [
      'withdraws it from the organization',
      { event: withdrawn('E1'), envelope: envelope({ enterpriseID: 'E1' }) },
      bot(),
      'TeamAccessRevoked',
    ],
    [
      'withdraws it from a workspace of the organization that it is of',
      { event: withdrawn('T1') },
      bot({ teamID: 'E1' }),
      undefined,
    ],
    ['withdraws it from nothing', { event: withdrawn(7) }, bot(), undefined],
    [
      'is a message that speaks of tokens_revoked',
      { event: { type: 'message', text: 'tokens_revoked' } },
      bot(),
      undefined,
    ],
    ['is of a type that objects have', { event: { type: 'constructor' } }, bot(), undefined],
  ])('that %s', (_, frame, about, reason) => {
    expect(revocationOf(frame, about)?.reason).toBe(reason);
  });

  it.each(['tokens_revoked', 'app_uninstalled', 'team_access_revoked'])(
    '(%s) names Slack’s event and a remedy',
    (type) => {
      const event = { type, tokens: { bot: ['UBOT'] }, team_ids: ['T1'] };
      const refusal = revocationOf({ event }, bot());
      expect(refusal?.error).toBe(type);
      expect(refusal?.message).toMatch(new RegExp(`${type}.*set spec.suspend to true and back`));
    },
  );
});

describe('an event about the teams of an app', () => {
  const table: KnownRoutes = new Map<string, Route | 'unreadable'>([
    ['T1', routeOf({ ownerUid: 'one', tokenDigest: 'd1' })],
    ['T2', routeOf({ ownerUid: 'two' })],
    ['E1', routeOf({ ownerUid: 'org' })],
    ['T9', 'unreadable'],
    [OTHER_TEAMS_FIELD, 'unreadable'],
  ]);
  const owners = (frame: RevokingFrame): string[] =>
    revokedRoutes(frame, table, 'A1').map(
      ({ teamID, route, refusal }) => `${teamID} ${route.ownerUid} ${refusal.reason}`,
    );

  it.each<[string, RevokingFrame, string[]]>([
    ['of one team', { event: revoked({ bot: ['UX'] }), envelope: envelope() }, ['T1 one TokenRevoked']],
    [
      'of its own bot',
      { event: revoked({ bot: ['U1'] }), envelope: envelope({ botUserID: 'U1' }) },
      ['T1 one TokenRevoked'],
    ],
    ['of another bot', { event: revoked({ bot: ['UX'] }), envelope: envelope({ botUserID: 'U1' }) }, []],
    ['of a person', { event: revoked({ oauth: ['UX'], bot: [] }), envelope: envelope() }, []],
    ['of a team without a SlackBot', { event: UNINSTALLED, envelope: envelope({ teamID: 'T3' }) }, []],
    ['of a team whose route can’t be read', { event: UNINSTALLED, envelope: envelope({ teamID: 'T9' }) }, []],
    [
      'of a team',
      { event: UNINSTALLED, envelope: envelope({ teamID: 'T2', enterpriseID: 'E1' }) },
      ['T2 two AppUninstalled'],
    ],
    [
      'of an organization',
      { event: UNINSTALLED, envelope: envelope({ teamID: 'E1', enterpriseID: 'E1' }) },
      ['E1 org AppUninstalled'],
    ],
    [
      'of a workspace that has the SlackBot of its organization',
      { event: UNINSTALLED, envelope: envelope({ teamID: 'T3', enterpriseID: 'E1' }) },
      [],
    ],
    [
      'of several teams',
      { event: withdrawn('T2', 'T1', 'T2', 'T8', OTHER_TEAMS_FIELD), envelope: envelope({ teamID: 'E1' }) },
      ['T2 two TeamAccessRevoked', 'T1 one TeamAccessRevoked'],
    ],
    ['of another app', { event: UNINSTALLED, envelope: envelope({ appID: 'A2' }) }, []],
    ['without an envelope', { event: UNINSTALLED }, []],
    ['of another type', { event: { type: 'message' }, envelope: envelope() }, []],
  ])('%s', (_, frame, expected) => {
    expect(owners(frame)).toEqual(expected);
  });

  it('concerns nobody while the table was never read', () => {
    expect(revokedRoutes({ event: UNINSTALLED, envelope: envelope() }, undefined, 'A1')).toEqual([]);
  });
});
