import type { EventFilter, Slot } from '../../core/protocol/assignment.ts';

/**
 * What a slot should run: the part that every kind has. A transport adds its own fields (`RtmSpec`), and `TransportSpec` is
 * the union of all kinds. The token is in plain text, so this never goes to Redis or a log.
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
  /** True if this placement is only for balance: it connects from a full budget only. */
  rebalance: boolean;
  /** True if it restores the spread of its set over zones: one connect is enough, and needed connects go first. */
  spread?: boolean | undefined;
}

/** The part of a spec that every kind gets from its assignment in the same way. */
export type SharedSpec = Omit<SlotSpec, 'kind'>;
