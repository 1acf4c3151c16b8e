import type { TargetList } from './lanes.ts';
import type { Outcome } from './outcome.ts';
import { type AclNames, type EnqueueResult, refusal } from './redis-answer.ts';

/** What Redis's answer means for an event (ADR 0011). */
export interface Verdict {
  /** Undefined: the event stays in the buffer and is sent again. */
  outcome: Outcome | undefined;
  /** What keeps the queue from taking events. */
  fault?: string;
  /** What happened to this one event. */
  notice?: string;
}

const FULL = 'the queue holds RELAX_QUEUE_MAX items: consumers are stopped or too slow';
const URGENT_FULL =
  'the list of urgent events (RELAX_QUEUE_URGENT) holds RELAX_QUEUE_MAX items: nobody reads it, or too slowly';

/** One object for all events that end alike: most do. */
const PLAIN: Readonly<Record<'queued' | 'duplicate' | 'fenced', Verdict>> = {
  queued: { outcome: { kind: 'queued' } },
  duplicate: { outcome: { kind: 'duplicate' } },
  fenced: { outcome: { kind: 'fenced' } },
};

/**
 * @param result undefined when the answer has none for this event
 * @param list the list that it goes to
 */
export function judge(result: EnqueueResult | undefined, names: AclNames, list: Pick<TargetList, 'isUrgent'>): Verdict {
  switch (result?.kind) {
    case 'queued':
    case 'duplicate':
    case 'fenced':
      return PLAIN[result.kind];
    case 'unmarked':
      return {
        outcome: { kind: 'queued' },
        notice: `queued, but its mark could not be written, so that copies will be queued too: ${result.error}`,
      };
    case 'full':
      return { outcome: undefined, fault: list.isUrgent ? URGENT_FULL : FULL };
    case 'error': {
      const { retry, words } = refusal(result.key, result.error, result.command, names);
      return retry
        ? { outcome: undefined, fault: words }
        : { outcome: { kind: 'failed', reason: 'refused' }, notice: words };
    }
    case 'tooLarge':
      return {
        outcome: { kind: 'failed', reason: 'refused' },
        notice: `Redis can never take an event: ${result.error}`,
      };
    case undefined:
      return { outcome: undefined };
  }
}
