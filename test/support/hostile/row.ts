import type { RetryReason, TerminalReason } from '#core/protocol/report.ts';
import type { HostileCertificates } from './certificates.ts';
import type { HostileProxy } from './hostile-proxy.ts';
import type { HostileSlack, SlackScript } from './hostile-slack.ts';
import type { Subject } from './subject.ts';
import type { SubjectKind } from './subject-names.ts';

/** What a row can act on. */
export interface World {
  slack: HostileSlack;
  subject: Subject;
  proxy: HostileProxy;
}

/** One fault of the network, and what Relax promises for it. All times are counted for each slot of the row. */
export interface Row {
  /** In a few words: a noun. */
  fault: string;
  /** The line of the documentation's table that it shares with its like; one of its own, named for the fault, if undefined. */
  line?: string;
  /** Both, if undefined. */
  transports?: readonly SubjectKind[];
  /** Slots at once, each with a token of its own; 1 if undefined. */
  slots?: number;
  /** The subject whose way to Slack leads through the proxy. */
  proxied?: boolean;
  /** A subject of its own, since the fault would be one of every row's. */
  alone?: boolean;
  script?(certificates: HostileCertificates): SlackScript;
  /** Where the API is; the stand-in itself if undefined. */
  apiUrl?(slack: HostileSlack): string;
  /** Before the slots are opened. */
  begin?(world: World): void | Promise<void>;
  /** Ends the fault, once it has been detected; undefined where the script does. */
  heal?(world: World): void | Promise<void>;
  /** What else is wrong after it all; nothing, if undefined. */
  verify?(world: World): readonly string[];
  promise: Promised;
}

export type Promised =
  /** The slot says one of these reasons, and is live again once the fault has ended. */
  | {
      kind: 'recovers';
      reasons: readonly Reason[];
      /** From the beginning of the fault. */
      detectedWithinMs: number;
      /** From the end of the fault, or its detection, whichever is later. */
      recoveredWithinMs: number;
      /** Calls of the Web API in all, for each slot. */
      mostCalls: number;
    }
  /** The peer asked for a wait that is too long for a test: it is honored up to a bound, which the slot's status tells. */
  | {
      kind: 'waits';
      reasons: readonly Reason[];
      detectedWithinMs: number;
      atLeastMs: number;
      atMostMs: number;
      mostCalls: number;
    }
  /** Nobody is told of it, and the slot is live. */
  | { kind: 'harmless'; liveWithinMs: number; mostCalls: number };

export type Reason = RetryReason | TerminalReason;

export interface RowResult {
  fault: string;
  line: string;
  transport: SubjectKind;
  slots: number;
  /** The longest of the row's slots; undefined where it does not apply. */
  detectedMs: number | undefined;
  recoveredMs: number | undefined;
  waitMs: number | undefined;
  /** Calls of the Web API and requests for a websocket: the most of a slot. */
  calls: number;
  upgrades: number;
  reasons: readonly string[];
  /** What was promised and not kept, in words. */
  broken: readonly string[];
}
