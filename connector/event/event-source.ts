import type { EventFilter } from '../../core/protocol/assignment.ts';

/** Who an event came to: one bot of one team. Found for each event (`Transport.sourceResolver`). */
export interface EventSource {
  /** Cluster scope; with `ownerUid` it names the bot in the fence. */
  cluster: string;
  ownerUid: string;
  /** "namespace/name" of the SlackBot. Never part of an identity: two clusters may name it differently. */
  bot: string;
  /** `metadata.generation` of the assignment. */
  generation: number;
  /** `spec.teamID`: the queue item's `team_uid`, unless an envelope names the tenant. */
  teamID: string;
  /** The team that Slack names: part of every identity over RTM. Over Socket Mode that is the envelope's tenant. */
  slackTeamID: string;
  /** The bot's user, as Slack names it; empty where it does not, unless an envelope does. */
  botUserID: string;
  /** The queue item's `namespace`. */
  queueNamespace: string;
  events: EventFilter;
  /** Payloads that take an answer wait for one from the application. Not over RTM. */
  replies?: boolean | undefined;
  /** Slack may send copies for a day. Not over RTM. */
  delayedEvents?: boolean | undefined;
}

/** A bot whose token Slack refuses: no socket says who it is at Slack. */
export interface RefusedBot extends Omit<EventSource, 'slackTeamID' | 'botUserID'> {
  tokenDigest: string;
}
