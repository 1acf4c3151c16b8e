import type { RefusedToken } from '../../core/protocol/refused-token.ts';
import type { SlotReport } from '../../core/protocol/report.ts';
import type { PendingReason } from '../plan/types.ts';

/** What the planner knows about the fleet after a round, as plain data: conditions, status and tables are derived from it. */
export interface FleetView {
  /** Owner uid -> its sockets. An owner without slots, reports and pending slots is absent. */
  bots: ReadonlyMap<string, BotView>;
  /** Owner uids of bots that the route tables in Redis have; undefined: not read yet. */
  routed?: ReadonlySet<string> | undefined;
  /** Owner uid -> what connectors have learned of its token elsewhere than at the opening of a socket. */
  refused?: ReadonlyMap<string, RefusedToken> | undefined;
  pods: readonly PodSummary[];
  /** False until Redis has been read without interruption for a session's TTL plus one renewal interval. */
  settled: boolean;
}

export interface BotView {
  slots: readonly SlotView[];
  /** Why slots that are wanted have no place. */
  pending: readonly PendingReason[];
}

export interface SlotView {
  pod: string;
  zone: string;
  /** Wall time of the assignment; 0 while only the pod's report of it is left. */
  assignedAtMs: number;
  role: 'active' | 'incoming';
  /** As the current process has reported it; undefined while it has not, and while none runs (`reason` says why). */
  state: SlotReport['state'] | undefined;
  reason: string;
  message: string;
  /** SlotReport.waitUntilMs */
  waitUntilMs?: number | undefined;
  /** Digest of the token that the report is about. */
  tokenDigest: string;
  teamName: string;
  botUserID: string;
}

export type PodState = 'up' | 'draining' | 'left' | 'dead';

export interface PodSummary {
  pod: string;
  zone: string;
  /** `left`: it drained and may still come back under its name; it has no live sockets meanwhile. */
  state: PodState;
  capacity: number;
  slots: number;
  live: number;
  /** False: gets no new sockets, since it shares no fleet key with the operator or is to be removed. */
  takesSlots: boolean;
  faults: readonly string[];
}
