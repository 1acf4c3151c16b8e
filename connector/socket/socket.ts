/**
 * The one seam between Relax and a websocket library. Nothing above it knows `ws`, and the connector will also run on
 * Bun; test/contract/socket-contract.ts is what every implementation must pass (ADR 0001).
 */
export interface Socket {
  /** @returns false when the socket is not open; the text is not sent then */
  send(text: string): boolean;
  /** A websocket ping. The peer's answer counts as heard (`onHeard`). */
  ping(): void;
  /** Stops reading: TCP then holds the peer back. Idempotent; the socket stays open. */
  pause(): void;
  /** Goes on reading. Texts that were read before the pause took hold come later than this call returns. */
  resume(): void;
  /**
   * Sends a close frame and waits for the peer's for at most a second, then terminates. What came during a pause is read
   * first, for at most another second.
   */
  close(): void;
  /** Ends at once, whatever the peer does. `onClose` still comes, exactly once. */
  terminate(): void;
}

/** Called in order: onOpen at most once, then texts, then onClose exactly once, and nothing after it. */
export interface SocketHandlers {
  onOpen(): void;
  onText(text: string): void;
  /** A binary frame, which Slack never sends. */
  onBinary(bytes: number): void;
  /** A text that can't be an event; the socket goes on. Where the library ends the socket instead, `onClose` tells. */
  onUnreadable(what: Unreadable, bytes: number): void;
  /** A websocket ping or pong arrived. */
  onHeard(): void;
  onClose(close: SocketClose): void;
}

export interface SocketClose {
  kind: /** The upgrade was answered with another HTTP status. */
    | 'refused'
    /** The peer, or we, closed it in an orderly way. */
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

/** Texts above it are read and dropped: Slack's are a few KB, and RTM refuses our own above 16 KB. */
export const MAX_TEXT_BYTES = 8_388_608;
/**
 * Frames above it end the socket. Every socket of a team gets the same frame in the same moment, so this is far above what
 * is dropped: to end a socket for one event would end all of them.
 */
export const MOST_FRAME_BYTES = 16_777_216;

/** Begins to open; never throws, whatever the URL: a failure is told by `onClose`, later than this call returns. */
export type OpenSocket = (url: string, handlers: SocketHandlers) => Socket;
