import { isFinal, type Outcome } from '../../queue/outcome.ts';

/**
 * The text that acknowledges an envelope, or undefined to have Slack send it again (design rule 5). What no further delivery
 * could change is acknowledged, too: Slack switches the events of an app off when too many stay unacknowledged.
 * @param envelope_id as in the envelope
 */
export const acknowledge = (envelope_id: string, outcome: Outcome): string | undefined =>
  isFinal(outcome) ? JSON.stringify({ envelope_id }) : undefined;

/** The acknowledgement with the application's answer. @param payload JSON text, passed on as it is */
export const answer = (envelope_id: string, payload: string): string =>
  `{"envelope_id":${JSON.stringify(envelope_id)},"payload":${payload}}`;
