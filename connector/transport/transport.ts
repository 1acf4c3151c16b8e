import type { RetryReason } from '../../core/protocol/report.ts';
import type { JsonObject } from '../../core/slack/json-object.ts';
import type { Refusal, WebApiFailure } from '../../core/slack/web-api-answer.ts';
import type { Bucket } from '../budget/connect-budget.ts';
import type { Envelope } from '../event/envelope.ts';
import type { EventSource } from '../event/event-source.ts';
import type { FilterReason } from '../event/filter.ts';
import type { Normalized } from '../event/normalize.ts';
import type { RevokedBot } from '../event/revocation.ts';
import type { RtmAnswer, RtmMessage } from '../outbound/sender.ts';
import type { Outcome } from '../queue/outcome.ts';
import type { SlotSpec } from './slot-spec.ts';

/**
 * Everything that differs between Slack's kinds of websockets, as data and a few functions. The slot (`connector/slot`) is
 * one state machine for all of them and asks nothing else; it dials and closes the websocket itself (`connector/socket`). A
 * transport holds no state of a slot, never decides when something happens, and never throws (ADR 0012).
 */
export interface Transport<S extends SlotSpec = SlotSpec> {
  // May the slot ask Slack for a socket?

  /** Why the token may not be sent to Slack at all; undefined when it may. */
  tokenRefusal(spec: S): Refusal | undefined;
  /** The bucket of connects that the slot shares with others. @param tokenDigest of the token in question, maybe an earlier one */
  bucket(spec: S, tokenDigest: string): Bucket;

  // The life of a socket.

  /** Asks Slack for a socket: for the URL to dial, and who it belongs to. An aborted call answers `retry`. */
  open(spec: S, signal: AbortSignal): Promise<OpenAnswer>;
  /** What a text from the socket is. */
  decode(text: string): Frame;
  /** Why a socket that says this hello may not be read: it is not of what the spec names. */
  helloRefusal?(spec: S, hello: HelloFrame): Refusal | undefined;
  /**
   * Identifies, for its acknowledgement, the event in a text that can't be read as a whole.
   * @param edges the beginning and the end of the text (`SocketHandlers.onUnreadable`)
   * @returns undefined if they do not say, or Slack expects no acknowledgement
   */
  ackIn?(edges: string): string | undefined;
  /** How to ask a silent socket for a sign of life. */
  readonly keepAlive: KeepAlive;
  /**
   * The text that acknowledges an event whose outcome is final; undefined to let Slack send the event again. Only called for
   * events that have an `ack`.
   */
  acknowledge?(ack: string, outcome: Outcome): string | undefined;
  /** The text that acknowledges an event with the application's answer. @param payload JSON text */
  answer?(ack: string, payload: string): string;
  /**
   * What keeps a flood from filling the buffer. `pause`: the socket is not read, since Slack sends nothing again. `redelivery`:
   * the socket is read on, so that it answers pings, and what finds no room stays unacknowledged: Slack sends it again.
   */
  readonly backpressure: 'pause' | 'redelivery';

  // What is sent in the bot's name.

  /** The bot that the slot can post messages as, by Slack's Web API; absent where a socket is of no single bot. */
  speaker?(spec: S): Speaker;
  /**
   * The text that posts a message over the socket; absent where sockets carry none.
   * @param n names it in its answer
   * @returns undefined if it is too large
   */
  message?(n: number, message: RtmMessage): string | undefined;

  // What its events are.

  /** Identifies the stream that a socket of this slot reads. A socket of another stream is not read any further. */
  streamID(spec: S): string;
  /**
   * Makes the function that says who each event of a socket is from. Called again when the spec has changed.
   * @param self what Slack said when it granted the socket
   */
  sourceResolver(spec: S, self: SlackSelf): ResolveSource;
  /**
   * The bots whose token Slack has revoked according to this event: that of the slot, or some that the slot carries.
   * @param self as for `sourceResolver`
   */
  revokedBy?(spec: S, self: SlackSelf, frame: EventFrame): readonly RevokedBot[];
  /** Where Slack sends a copy of every event to each socket of a token, so that what one misses shows (ADR 0022). */
  readonly twins?: Twins<S>;
  /** The `disable_bot` item, for when Slack refuses the token for good; undefined to queue nothing. */
  disableBot(spec: S, slackError: string, nowMs: number): Normalized | undefined;

  // What people are shown.

  /** The API method that `open` calls. */
  readonly openMethod: string;
  /** Added to the names of slot and bot in log lines. */
  logNames(spec: S): Readonly<Record<string, string>>;
}

/** Sockets of one token that get the same events. */
export interface Twins<S extends SlotSpec> {
  /** Names them, in whatever process of whatever cluster. @param tokenDigest of the socket's token, maybe an earlier one */
  stream(spec: S, tokenDigest: string): string;
  /** Identifies an event that each of them gets, among those of the last minutes; undefined for any other. */
  copied(event: JsonObject, self: SlackSelf): string | undefined;
}

/** Slack's answer to the request for a socket, classified by what to do about it. */
export type OpenAnswer =
  /** `url` is single-use and valid for seconds: it is dialed at once and never logged. */
  | { kind: 'ok'; url: string; self: SlackSelf }
  /**
   * The token is not for what the spec names: only a person can change that. `isUnasked`: Slack was not asked for a socket, so
   * it does not count against the budget.
   */
  | ({ kind: 'mismatch'; isUnasked?: boolean } & Refusal)
  | WebApiFailure;

/** Who a socket belongs to according to Slack; empty where Slack does not say, as with an app that serves many teams. */
export interface SlackSelf {
  teamID: string;
  teamName: string;
  botUserID: string;
  /** What people should know of it although the socket works. */
  trouble?: Trouble | undefined;
}

/** What a text frame is. */
export type Frame =
  | HelloFrame
  /** Slack will close the socket soon, so its successor is opened first. */
  | { kind: 'leaving' }
  /** Slack closes the socket now, or would rather have it closed. */
  | { kind: 'closing'; trouble: Trouble }
  /** Slack closes the socket and will grant no other until a person has done something. */
  | { kind: 'refused'; refusal: Refusal }
  | EventFrame
  /** To a message of ours. `n`: its number. */
  | { kind: 'answer'; n: number; answer: RtmAnswer }
  /** About the socket itself and to be ignored: an answer to a ping of ours, something experimental. */
  | { kind: 'noise' }
  /** Before hello: Slack refuses the socket. Later: Slack could not read a frame of ours. */
  | { kind: 'error'; code: number; msg: string }
  /** Not an event at all. `reason` is for logs and quotes nothing from the frame. */
  | { kind: 'malformed'; reason: string /** Slack would send it again, to no avail. */; ack?: string };

/** Whom messages are posted as. `token`: plain bot token; undefined if the slot was given none. */
export interface Speaker {
  teamID: string;
  token: string | undefined;
}

/** The first frame of a working socket. */
export interface HelloFrame {
  kind: 'hello';
  /** How many of the app Slack counts, this one included, if it says. */
  sockets?: number;
  /** The app that the socket is of, if Slack says. */
  appID?: string;
}

export interface EventFrame {
  kind: 'event';
  /** Slack's event without any envelope. The normalizer decides what is worth queueing. */
  event: JsonObject;
  /** The JSON that `event` was parsed from. */
  text: string | undefined;
  /** What was around it; undefined over RTM. */
  envelope?: Envelope;
  /** Identifies the event in its acknowledgement; undefined if Slack expects none. */
  ack?: string;
}

/** Called for every event: must be cheap. A reason: the event is not wanted, whatever it is. */
export type ResolveSource = (frame: EventFrame) => EventSource | FilterReason;

/** How to ask a silent peer whether it is alive. When to ask, and what silence means, is up to the slot. */
export type KeepAlive =
  /**
   * With a text, and only texts count as signs of life: websocket pings and pongs come from a machine in between, which may
   * work while Slack does not.
   */
  | { by: 'text' /** @param n rises within the socket, from 1 */; ping(n: number): string }
  /** With a websocket ping; anything received counts as a sign of life, but a peer has to answer pings in the end. */
  | { by: 'websocketPing' };

/** Why there is no socket. */
export interface Trouble {
  reason: RetryReason;
  message: string;
  /** Slack says it of one team or app: no sign that Slack as a whole fails. */
  isOfOne?: boolean;
}
