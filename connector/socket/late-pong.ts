import { systemClock } from '../../core/process/clock.ts';

/**
 * A pong goes out when nothing has arrived for `QUIET_MS`, or `LATEST_PONG_MS` after the ping. If the peer has closed, a pong
 * draws a reset, and what the peer's kernel had yet to send is lost. After a pause, or after the process was suspended, that
 * can be thousands of events, so they are read first (ADR 0009).
 */
export const QUIET_MS = 100;
const LATEST_PONG_MS = 2_000;

/** Answers a peer's pings: only the last one that has no answer yet, which is enough (RFC 6455, 5.5.3). */
export class LatePong {
  readonly #send: (data: Buffer) => void;
  readonly #readAtMs: () => number;
  #ping: { data: Buffer; atMs: number; timer: NodeJS.Timeout } | undefined;

  /** @param readAtMs when something last arrived */
  constructor(send: (data: Buffer) => void, readAtMs: () => number) {
    this.#send = send;
    this.#readAtMs = readAtMs;
  }

  /** @param data payload of a ping that has just arrived */
  owe(data: Buffer): void {
    // The timer stays as it is: a peer that pings more often than that would postpone the answer forever.
    if (this.#ping !== undefined) this.#ping.data = data;
    else this.#ping = { data, atMs: systemClock.monotonicMs(), timer: setTimeout(() => this.#answer(), QUIET_MS) };
  }

  forget(): void {
    clearTimeout(this.#ping?.timer);
    this.#ping = undefined;
  }

  #answer(): void {
    const ping = this.#ping;
    if (ping === undefined) return;
    const nowMs = systemClock.monotonicMs();
    const quietMs = nowMs - Math.max(this.#readAtMs(), ping.atMs);
    if (quietMs < QUIET_MS - 1 && nowMs - ping.atMs < LATEST_PONG_MS) {
      ping.timer = setTimeout(() => this.#answer(), QUIET_MS - quietMs);
      return;
    }
    this.#ping = undefined;
    this.#send(ping.data);
  }
}
