import type { EventFilter } from '../../core/protocol/assignment.ts';
import type { SlotReport } from '../../core/protocol/report.ts';

/** What a connection says of itself: the part of a SlotReport that it knows. */
export type ConnectionStatus = Pick<
  SlotReport,
  'state' | 'reason' | 'message' | 'waitUntilMs' | 'tokenDigest' | 'teamName' | 'botUserID'
>;

/** What a connection is to run: its slot in plain words. The token is open, so this never goes to Redis or a log. */
export interface ConnectionSpec {
  slotID: string;
  ownerUid: string;
  /** "namespace/name" */
  bot: string;
  teamID: string;
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

/**
 * One slot's connection, as the registry sees it (`connection.ts` implements it). All methods are quick and never throw;
 * `onStatus` given at construction is called on changes only.
 */
export interface SlotConnection {
  start(): void;
  /** A new generation, filter or namespace applies to the next frame; a new token opens a socket before the old closes. */
  update(spec: ConnectionSpec): void;
  /** Stop or go on reading, as the publisher's buffer asks. */
  setPressure(pressed: boolean): void;
  status(): ConnectionStatus;
  /** Closes for good; resolves when every socket of it is gone (bounded by about 1 s, of a paused one 2 s). */
  stop(): Promise<void>;
}
