import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Above this a burst waits for the reader: enough to keep the pipe full, little enough for a thousand sockets. */
const congestedBytes = 1024 * 1024;
/** A reader that took nothing for this long is not waited for any more; above `hopelessBytes` it is dropped. */
const patienceMs = 10_000;
const hopelessBytes = 64 * 1024 * 1024;

/** Slack's end of a websocket and the TCP connection under it. */
export class Wire {
  readonly #ws: WebSocket;
  readonly #tcp: Duplex;
  #congestedSinceMs: number | undefined;

  constructor(ws: WebSocket, tcp: Duplex) {
    this.#ws = ws;
    this.#tcp = tcp;
    // An oversized frame or a broken one: ws closes the connection by itself and 'close' follows.
    this.#ws.on('error', () => undefined);
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  get compressed(): boolean {
    return this.#ws.extensions.includes('permessage-deflate');
  }

  /** `lost` is called if the frame never left this process. A reader that takes nothing is dropped in the end. */
  sendText(data: Buffer, lost?: () => void): void {
    this.#ws.send(data, { binary: false }, (error) => {
      if (error) lost?.();
    });
    if (this.#ws.bufferedAmount > hopelessBytes) this.destroy();
  }

  sendBinary(data: Buffer): void {
    this.#ws.send(data, { binary: true });
  }

  /** The payload as seen on real connections (node-slack-sdk#2254). */
  ping(): void {
    this.#ws.ping('Ping from applink-2');
  }

  /** Whether an emitter that can wait should: never for a peer that will not read anyway. */
  isCongested(nowMs: number): boolean {
    if (this.#ws.bufferedAmount <= congestedBytes) {
      this.#congestedSinceMs = undefined;
      return false;
    }
    this.#congestedSinceMs ??= nowMs;
    return nowMs - this.#congestedSinceMs < patienceMs;
  }

  /** As when a network path is cut: nothing is read any more, and nobody closes. */
  cut(): void {
    this.#ws.pause();
    this.#tcp.pause();
  }

  close(code: number, reason = ''): void {
    this.#ws.close(code, reason);
  }

  /** Ends the connection without a close frame. */
  destroy(): void {
    this.#ws.terminate();
    this.#tcp.destroy();
  }
}
