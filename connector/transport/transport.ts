import type { RetryReason } from '../../core/protocol/report.ts';
import type { BudgetKey } from '../budget/connect-budget.ts';
import type { JsonObject } from '../event/frame-field.ts';
import type { Normalized } from '../event/normalize.ts';
import type { EventSource } from '../event/source.ts';
import type { Outcome } from '../queue/outcome.ts';
import type { Refusal, WebApiFailure } from '../slack/web-api-answer.ts';
import type { SlotSpec } from './slot-spec.ts';

/**
 * All that differs between Slack's kinds of websockets, as data and a few functions. The slot (`connector/slot`) is one
 * state machine for all of them and asks nothing else. A transport holds nothing of a single slot, decides nothing about
 * when, and never throws (ADR 0012).
 */
export interface Transport<S extends SlotSpec = SlotSpec> {
  /** The call that gets a socket, in words for people. */
  readonly openMethod: string;
  readonly keepAlive: KeepAlive;

  /** Names the stream that a socket of this slot reads. A socket of another stream is not read on. */
  streamID(spec: S): string;
  /** Why the token may not be sent to Slack at all; undefined when it may. */
  refuse(spec: S): Refusal | undefined;
  /** Who shares connects with whom. @param tokenDigest of the token that is meant, which may be an earlier one */
  budgetKey(spec: S, tokenDigest: string): BudgetKey;
  /** Asks Slack for a socket. An aborted call answers `retry`. */
  open(spec: S, signal: AbortSignal): Promise<OpenAnswer>;
  decode(text: string): Frame;
  /**
   * Who the events of a socket are from, each asked for by itself. Called again when the spec has changed.
   * @param self what Slack said when it gave the socket
   */
  sources(spec: S, self: SlackSelf): ResolveSource;
  /**
   * The text that acknowledges an event whose outcome is final; undefined to leave it to Slack to send it again. Only of
   * events that have an `ack`.
   */
  acknowledge?(ack: string, outcome: Outcome): string | undefined;
  /** What the queue is told when Slack refuses the token for good; undefined for nothing. */
  disabled(spec: S, slackError: string, nowMs: number): Normalized | undefined;
  /** Beside the names of slot and bot, in log lines. */
  logNames(spec: S): Readonly<Record<string, string>>;
}

/** What Slack said to the call for a socket, sorted by what to do about it. */
export type OpenAnswer =
  /** `url` is single-use and valid for seconds: it is dialed at once and never logged. */
  | { kind: 'ok'; url: string; self: SlackSelf }
  /** Slack accepts the token, and it is not what the spec says that it is: only a person can change that. */
  | ({ kind: 'mismatch' } & Refusal)
  | WebApiFailure;

/** What Slack says of whom a socket belongs to; empty where it says nothing. */
export interface SlackSelf {
  teamID: string;
  teamName: string;
  botUserID: string;
}

/** What a text frame is. */
export type Frame =
  /** The first frame of a working socket. */
  | { kind: 'hello' }
  /** Slack will close the socket, some time soon: its successor comes first. */
  | { kind: 'leaving' }
  /** Slack closes the socket now, or would rather have it closed. */
  | { kind: 'closing'; trouble: Trouble }
  | EventFrame
  /** About the socket itself and worth nothing: an answer to a ping of ours, something experimental. */
  | { kind: 'noise' }
  /** Before hello: Slack won't serve the socket. Later: it could not read a frame of ours. */
  | { kind: 'error'; code: number; msg: string }
  /** Nothing that could be an event. `reason` is for logs and quotes nothing. */
  | { kind: 'malformed'; reason: string };

export interface EventFrame {
  kind: 'event';
  /** Slack's event, whatever it was wrapped in. The normalizer knows what is worth queueing. */
  event: JsonObject;
  /** The JSON that `event` was parsed from. */
  text: string | undefined;
  /** The team that Slack sends it to, where a socket serves many. */
  teamID?: string;
  /** Names the event in its acknowledgement; undefined when Slack waits for none. */
  ack?: string;
}

/** Called for every event: must be cheap. */
export type ResolveSource = (frame: EventFrame) => EventSource;

/** How a silent peer is asked whether it lives. When, and what follows from silence, is the slot's. */
export type KeepAlive =
  /**
   * By a text, and only texts count as life: pings and pongs of the websocket itself come from a machine in between,
   * which may be well while Slack is not.
   */
  | { by: 'text' /** @param n rises within the socket, from 1 */; ping(n: number): string }
  /** By a ping of the websocket itself; whatever comes counts as life. */
  | { by: 'websocketPing' };

/** Why there is no socket. */
export interface Trouble {
  reason: RetryReason;
  message: string;
}
