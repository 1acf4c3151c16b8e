/** A bot in whose name this process can send messages: one that a slot of this process serves, or an app's route table. */
export interface Sender {
  ownerUid: string;
  /** "namespace/name" of the SlackBot. */
  bot: string;
  teamID: string;
  generation: number;
  /** Plain bot token (xoxb-...): never in a log, in Redis or in a metric. Undefined: the bot has none, so it can't send. */
  token: string | undefined;
  /** `tokenDigest` of the slot or route: what a `RefusedToken` is about. */
  credentialsDigest: string;
  /** Its sockets are RTM's: of no other bot can a message ever be sent over RTM. */
  speaksRtm: boolean;
  /** Sends over a live RTM websocket of the bot in this process; undefined while it has none, and over Socket Mode. */
  overRtm: ((message: RtmMessage, signal: AbortSignal) => Promise<RtmAnswer>) | undefined;
}

/** What RTM can carry: no blocks, no attachments. */
export interface RtmMessage {
  channel: string;
  text: string;
  /** `ts` of the message whose thread it joins. */
  thread?: string | undefined;
}

export type RtmAnswer =
  | { kind: 'sent'; ts: string }
  /** Slack said no. */
  | { kind: 'refused'; code: number; message: string }
  /** Slack said that messages come too fast. */
  | { kind: 'rateLimited' }
  /** The websocket ended, or no answer came in time: it may have been sent. */
  | { kind: 'unknown'; why: string }
  /** It was not sent. */
  | { kind: 'unsent'; why: string };

/** All senders of a process, as they are now. */
export interface Senders {
  /** Those of a team: usually one. */
  ofTeam(teamID: string): readonly Sender[];
  /** @param bot "namespace/name" */
  ofBot(bot: string): Sender | undefined;
  /** Who can be addressed now, for a look at what waits: changes of bots and teams only, not of tokens. */
  onChange(listener: () => void): () => void;
}
