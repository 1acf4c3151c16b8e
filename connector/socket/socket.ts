/**
 * The one seam between Relax and a websocket library. Nothing above it knows about `ws`, so that the connector can also
 * run on Bun. Every implementation must pass test/contract/socket-contract.ts (ADR 0001).
 */
export interface Socket {
  /** @returns false when the socket is not open, or the peer has stopped reading (`MOST_UNSENT_BYTES`); the text is not sent then */
  send(text: string): boolean;
  /** A websocket ping. The peer's answer counts as heard (`onHeard`). */
  ping(): void;
  /** Stops reading: TCP then holds the peer back. Idempotent; the socket stays open. */
  pause(): void;
  /** Resumes reading. Texts that were read before the pause took effect are delivered after this call returns. */
  resume(): void;
  /**
   * Sends a close frame and waits for the peer's for at most a second, then terminates. What came during a pause is read
   * first, for at most another second.
   */
  close(): void;
  /**
   * Ends at once, whatever the peer does. A peer that is there after all gets a close frame, except from a paused socket.
   * `onClose` still comes, exactly once.
   */
  terminate(): void;
}

/** Called in order: onOpen at most once, then texts, then onClose exactly once, and nothing after it. */
export interface SocketHandlers {
  onOpen(): void;
  onText(text: string): void;
  /** A binary frame, which Slack never sends. */
  onBinary(bytes: number): void;
  /**
   * A text that can't be an event; the socket stays open. If the library ends the socket instead, `onClose` is called.
   * @param edges its first and its last `EDGE_BYTES`, in Latin-1
   */
  onUnreadable(what: Unreadable, bytes: number, edges: string): void;
  /**
   * `pong`: the answer to a ping of ours. `ping`: the peer showed by itself that it is there, with a ping or with a pong that
   * nobody had asked for (RFC 6455, 5.5.3).
   */
  onHeard(what: 'ping' | 'pong'): void;
  onClose(close: SocketClose): void;
}

export interface SocketClose {
  kind: /** The upgrade was answered with another HTTP status. */
    | 'refused'
    /** The peer, or we, closed it with a handshake. */
    | 'closed'
    /** The connection broke, or could not be made. */
    | 'failed'
    /** A frame was larger than `MOST_FRAME_BYTES`. */
    | 'tooLarge';
  /** HTTP status when refused. */
  status?: number;
  /** Of a refusal with Retry-After. */
  retryAfterMs?: number;
  /** Websocket close code, 1006 when there was none. */
  code: number;
  /** For logs: never holds the URL, whose ticket is a secret. */
  detail: string;
}

export type Unreadable = /** Above `MAX_TEXT_BYTES`. */ 'tooLarge' | 'notUtf8';

/** Of an unreadable text, its receiver gets so much of either end. */
export const EDGE_BYTES = 1_000;
/** Texts above it are read and dropped: Slack's are a few KB, and RTM refuses our own above 16 KB. */
export const MAX_TEXT_BYTES = 8_388_608;
/**
 * Frames above it end the socket. Every socket of a team gets the same frame at the same moment, so this limit is far
 * above the one for dropping: ending a socket for one event would end all of them.
 */
export const MOST_FRAME_BYTES = 16_777_216;
/** What waits to be sent to a peer that does not read. More is refused; pings and pongs are left out. */
export const MOST_UNSENT_BYTES = 4_194_304;

/** Starts to open. Never throws, whatever the URL: failures are reported by `onClose`, after this call has returned. */
export type OpenSocket = (url: string, handlers: SocketHandlers) => Socket;
