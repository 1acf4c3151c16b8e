import type { EventFilter } from '../../core/protocol/assignment.ts';

/** Who a frame came to: one bot of one team, as its assignment and Slack's answer to rtm.connect tell. */
export interface EventSource {
  /** Cluster scope; with `ownerUid` it names the bot in the fence. */
  cluster: string;
  ownerUid: string;
  /** "namespace/name" of the SlackBot. Never part of an identity: two clusters may name it differently. */
  bot: string;
  /** `metadata.generation` of the assignment. */
  generation: number;
  /** `spec.teamID`: the queue item's `team_uid`. */
  teamID: string;
  /** The team that Slack returned: part of every identity. */
  slackTeamID: string;
  /** `self.id` of rtm.connect. */
  botUserID: string;
  /** The queue item's `namespace`. */
  queueNamespace: string;
  events: EventFilter;
  tokenDigest: string;
}
