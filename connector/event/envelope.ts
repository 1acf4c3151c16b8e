import type { JsonObject } from './frame-field.ts';

/** What Socket Mode puts around an event, as far as it was understood. Every field may be empty: nothing is assumed of Slack. */
export interface Envelope {
  /** Slack's type: `events_api`, `slash_commands`, `interactive`, or one that is new. */
  type: string;
  /** `envelope_id`: the acknowledgement names it. */
  id: string;
  /** Slack takes an answer inside the acknowledgement (`accepts_response_payload`). */
  takesAnswer: boolean;
  appID: string;
  /** The tenant: the workspace in which the app is installed and to which Slack sends the event. Not its sender's. */
  teamID: string;
  enterpriseID: string;
  /** The bot's own user there; empty if Slack does not say. */
  botUserID: string;
  /** `event_id`; empty for everything but events_api. */
  eventID: string;
  /** `event_time` in ms; undefined if there is none. */
  eventTimeMs: number | undefined;
  /** The queue item's `envelope`. */
  outer: JsonObject;
}
