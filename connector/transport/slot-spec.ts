import type { EventFilter, Slot } from '../../core/protocol/assignment.ts';

/**
 * What a slot is to run, in plain words: what every kind has. A transport adds its own (`RtmSpec`), and `TransportSpec`
 * is the union of them all. The token is open, so this never goes to Redis or a log.
 */
export interface SlotSpec {
  kind: Slot['kind'];
  slotID: string;
  ownerUid: string;
  /** "namespace/name" */
  bot: string;
  generation: number;
  queueNamespace: string;
  events: EventFilter;
  token: string;
  tokenDigest: string;
  /** True when nothing but balance asked for this placement: it connects from a full budget only. */
  rebalance: boolean;
  /** True when it mends the spread of its set over zones: one connect is enough, and those that are needed go first. */
  spread?: boolean | undefined;
}

/** The part of a spec that every kind gets from its assignment in the same way. */
export type SharedSpec = Omit<SlotSpec, 'kind'>;
