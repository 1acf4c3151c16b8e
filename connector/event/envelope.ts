import type { JsonObject } from '../../core/slack/json-object.ts';

/** What Socket Mode puts around an event, as far as it was understood. Every field may be empty: nothing is assumed of Slack. */
export interface Envelope {
  /** Slack's type: `events_api`, `slash_commands`, `interactive`, or one that is new. */
  type: string;
  /** `envelope_id`: the acknowledgement names it. */
  id: string;
  /** Slack takes an answer inside the acknowledgement (`accepts_response_payload`); never to an event. */
  takesAnswer: boolean;
  /** Unless it is acknowledged: Slack repeats events, and neither slash commands nor interactions. */
  isSentAgain: boolean;
  appID: string;
  /** The tenant: the workspace in which the app is installed and to which Slack sends the event. Not its sender's. */
  teamID: string;
  enterpriseID: string;
  /** The bot's own user there; empty if Slack does not say. */
  botUserID: string;
  /** `event_id`; empty for everything but events_api. */
  eventID: string;
  /** The queue item's `envelope`. */
  outer: JsonObject;
}

/**
 * Slack's name for an event, and for the class that it belongs to: filters match both. Of a frame of RTM and of events_api both
 * are the event's own type. A slash command has no type, and those of interactions (`block_actions`, `view_submission`) are
 * told apart within the class `interactive`. Empty for what has no type.
 */
export interface EventType {
  name: string;
  kind: string;
}

export function eventTypeOf(event: JsonObject, envelope: Envelope | undefined): EventType {
  const own = typeof event.type === 'string' ? event.type : '';
  if (envelope === undefined) return { name: own, kind: own };
  switch (envelope.type) {
    case 'events_api':
      return { name: own, kind: own };
    case 'interactive':
      return { name: own === '' ? envelope.type : own, kind: envelope.type };
    default:
      return { name: envelope.type, kind: envelope.type };
  }
}
