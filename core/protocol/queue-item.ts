/**
 * The queue item: one JSON object per event. The first twelve fields keep the names, types and meanings they had in
 * the Relax of 2015 (docs/redis.md, "Queue items"); relax-rb ignores the rest.
 */
export interface QueueItem {
  type: string;
  user_uid: string;
  channel_uid: string;
  team_uid: string;
  im: boolean;
  text: string;
  relax_bot_uid: string;
  timestamp: string;
  provider: 'slack';
  event_timestamp: string;
  namespace: string;
  attachments: unknown[] | null;
  /** The dedupe identity: the same for every copy of the event, on any socket of any cluster. */
  id: string;
  /** "namespace/name" of the SlackBot, or of the SlackApp for a team without one; not part of `id`. */
  bot: string;
  /** Slack's event, untouched: on the queue it is Slack's own text (`connector/event/item-json.ts`). */
  event: unknown;
  /**
   * Over Socket Mode: what Slack put around the event (event_id, event_time, api_app_id, authorizations, retry_attempt ...),
   * without its verification token, which is a secret.
   */
  envelope?: Readonly<Record<string, unknown>> | undefined;
  /** Slack waits for an answer inside the acknowledgement; see `ReplyAddress`. */
  reply?: ReplyAddress | undefined;
  /** ISO 8601, when the connector read it. */
  received_at: string;
}

/** Where the application answers: `RPUSH to {"id": ..., "payload": ...}`. */
export interface ReplyAddress {
  /** Redis list. */
  to: string;
  id: string;
  /** ISO 8601: an answer after this is too late. */
  before: string;
}
