/** Which teams of an app a revoking event is about. Pure (ADR 0021). */

import { OTHER_TEAMS_FIELD, type Route } from '../../core/protocol/route.ts';
import type { Refusal } from '../../core/slack/web-api-answer.ts';
import { isOfApp, namesToken, type RevokingFrame, refusalOf, revokingTypeOf, teamsIn } from '../event/revocation.ts';
import type { KnownRoutes } from './route-table.ts';

export interface RevokedRoute {
  /** The team of the route: `spec.teamID` of the SlackBot. */
  teamID: string;
  route: Route;
  refusal: Refusal;
}

/**
 * The SlackBots of an app whose team has revoked it. Without a route a team is of no SlackBot, so nobody has to know.
 * @param routes undefined while the table was never read
 * @param appID of the app whose socket brought the event; empty: not known
 */
export function revokedRoutes(
  { event, envelope }: RevokingFrame,
  routes: KnownRoutes | undefined,
  appID: string,
): readonly RevokedRoute[] {
  const type = revokingTypeOf(event);
  if (type === undefined || envelope === undefined || routes === undefined || !isOfApp(envelope, appID)) return [];
  const { teamID, enterpriseID, botUserID } = envelope;
  const own = routes.has(teamID) ? teamID : enterpriseID;
  const of = (teams: readonly string[]): RevokedRoute[] =>
    [...new Set(teams)].flatMap((team) => {
      const route = team === OTHER_TEAMS_FIELD ? undefined : routes.get(team);
      return route === undefined || route === 'unreadable' ? [] : [{ teamID: team, route, refusal: refusalOf(type) }];
    });
  switch (type) {
    case 'tokens_revoked':
      return namesToken(event, { userID: botUserID, tokenKind: 'bot' }) ? of([own]) : [];
    case 'app_uninstalled':
      // A workspace that leaves an app of its organization takes only itself along.
      return of(teamID === own || teamID === '' ? [own] : []);
    case 'team_access_revoked':
      return of(teamsIn(event));
    default:
      return type satisfies never;
  }
}
