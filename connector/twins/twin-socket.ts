/**
 * Whether a websocket is kept from events that its twins get: the other websockets of the same team and token, in any process
 * of any cluster, to each of which Slack sends a copy (ADR 0022). Pure; all times by the monotonic clock of one process.
 */

/** A socket that is live and read, of a kind whose sockets each get a copy of every event. */
export interface TwinSocket {
  /** Within its slot. */
  id: number;
  /** Names the team and the token: sockets that name the same are twins. */
  stream: string;
  /** Since when it has been read without a pause. */
  readSinceMs: number;
  /** When it last brought an event that its twins get, too; -Infinity before the first. */
  broughtAtMs: number;
}

/** The process as it reads. */
export interface Reading {
  /** Since when it has read without a delay of its own. */
  steadySinceMs: number;
  /**
   * How far apart two twins may bring the same event, as long as both work: the 10 s after which a socket is given up that
   * delays what it brings, the answers to pings among it; 1 s for each of two clocks, and 3 s of delay that no beat shows.
   */
  graceMs: number;
}

/** The first event that a twin brought and this socket should have brought. */
export interface MissedEvent {
  /** `TwinSocket.id` */
  socket: number;
  atMs: number;
}

/** What is read before this may have waited: for the socket, for the end of a pause, or for this process. */
const promptSinceMs = ({ readSinceMs }: TwinSocket, { steadySinceMs, graceMs }: Reading): number =>
  Math.max(readSinceMs, steadySinceMs) + graceMs;

/** Whether the time at which it brought its latest event says when Slack sent it. */
export const isPrompt = (socket: TwinSocket, reading: Reading): boolean =>
  socket.broughtAtMs > promptSinceMs(socket, reading);

/** Whether a twin may have brought an event that this socket should have brought by now. */
export const isSilent = (socket: TwinSocket, reading: Reading, nowMs: number): boolean =>
  nowMs > promptSinceMs(socket, reading) && nowMs - socket.broughtAtMs > reading.graceMs;

/**
 * What the socket has missed, given what was known before and what a twin brought last.
 * @param twinAtMs when a twin last brought an event, if any has
 */
export function missedEvent(
  socket: TwinSocket,
  reading: Reading,
  known: MissedEvent | undefined,
  twinAtMs: number | undefined,
): MissedEvent | undefined {
  const isMissed = (atMs: number): boolean =>
    atMs > promptSinceMs(socket, reading) && socket.broughtAtMs < atMs - reading.graceMs;
  if (known?.socket === socket.id && isMissed(known.atMs)) return known;
  return twinAtMs !== undefined && isMissed(twinAtMs) ? { socket: socket.id, atMs: twinAtMs } : undefined;
}

/** It may still be on its way for as long as the grace lasts. */
export const isWithheld = ({ atMs }: MissedEvent, { graceMs }: Reading, nowMs: number): boolean =>
  nowMs >= atMs + graceMs;
