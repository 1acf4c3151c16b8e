import { OTHER_TEAMS_FIELD, type Route } from '../../core/protocol/route.ts';
import type { Envelope } from '../event/envelope.ts';
import type { EventSource } from '../event/event-source.ts';
import type { FilterReason } from '../event/filter.ts';
import type { KnownRoutes } from './route-table.ts';

/** What the spec of an app's slot says: the source of events whose team belongs to no SlackBot. */
export interface AppSource {
  /** Cluster scope. */
  cluster: string;
  /** Uid of the SlackApp. */
  ownerUid: string;
  /** "namespace/name" of the SlackApp. */
  bot: string;
  /** `metadata.generation` of the SlackApp. */
  generation: number;
  queueNamespace: EventSource['queueNamespace'];
  events: EventSource['events'];
  /** Payloads that take an answer wait for one from the application. */
  replies: boolean;
  /** The app has Slack's Delayed Events switched on, which is a setting of the app and so holds for all its teams. */
  delayedEvents: boolean;
  unknownTeams: 'deliver' | 'drop';
}

/**
 * Who an event of an app is from: the SlackBot of its team, else that of its enterprise, else the app itself. Only a table that
 * was read and has no entry for the team makes it an unknown one: doubt always means to deliver.
 * @param routes undefined while the table was never read
 */
export function routedSource(
  envelope: Pick<Envelope, 'teamID' | 'enterpriseID' | 'botUserID'>,
  routes: KnownRoutes | undefined,
  app: AppSource,
): EventSource | FilterReason {
  const route = routes === undefined ? 'unreadable' : routeOf(envelope, routes);
  if (route === undefined && app.unknownTeams === 'drop') return 'unknown_team';
  if (route === undefined || route === 'unreadable') return sourceOf(envelope, app, app, app.replies);
  return route.suspended ? 'suspended' : sourceOf(envelope, app, route, route.replies === 'wait');
}

function routeOf(
  { teamID, enterpriseID }: Pick<Envelope, 'teamID' | 'enterpriseID'>,
  routes: KnownRoutes,
): Route | 'unreadable' | undefined {
  return routes.get(teamID) ?? routes.get(enterpriseID) ?? routes.get(OTHER_TEAMS_FIELD);
}

type Owner = Pick<EventSource, 'ownerUid' | 'bot' | 'generation' | 'queueNamespace' | 'events'>;

function sourceOf(
  { teamID, botUserID }: Pick<Envelope, 'teamID' | 'botUserID'>,
  { cluster, delayedEvents }: AppSource,
  { ownerUid, bot, generation, queueNamespace, events }: Owner,
  replies: boolean,
): EventSource {
  return {
    cluster,
    ownerUid,
    bot,
    generation,
    teamID,
    slackTeamID: teamID,
    botUserID,
    queueNamespace,
    events,
    replies,
    delayedEvents,
  };
}
