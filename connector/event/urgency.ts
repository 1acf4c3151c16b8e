import type { EventFilter } from '../../core/protocol/assignment.ts';
import type { Envelope } from './envelope.ts';
import { isNamed } from './filter.ts';

/** Someone at Slack waits for the answer, for 3 s at most. */
const ALWAYS_URGENT: ReadonlySet<string> = new Set(['slash_commands', 'interactive']);

/**
 * Whether an event goes to the urgent queue, if there is one (`RELAX_QUEUE_URGENT`): what a person waits for, and the types that
 * `events.urgent` names as `include` does.
 */
export const isUrgent = (
  { urgent = [] }: Pick<EventFilter, 'urgent'>,
  event: { type: string; slackType: string },
  envelope: Envelope | undefined,
): boolean => ALWAYS_URGENT.has(envelope?.type ?? '') || isNamed(urgent, event);
