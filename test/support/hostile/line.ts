import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/**
 * One TCP connection below TLS, seen from the server, with every byte in our hands: what TLS writes goes out through it,
 * and can be cut off after any number of bytes.
 */
export class Line extends Duplex {
  readonly #tcp: Socket;
  #written = 0;
  #limit: { bytes: number; then: () => void } | undefined;
  #paceMs = 0;
  #isSwallowed = false;
  #isLeft = false;

  constructor(tcp: Socket) {
    super();
    this.#tcp = tcp;
    tcp.on('data', (chunk) => {
      if (!this.#isSwallowed && !this.push(chunk)) tcp.pause();
    });
    tcp.on('end', () => {
      this.#isLeft = true;
      this.push(null);
    });
    tcp.on('error', () => undefined);
    tcp.on('close', () => this.destroy());
    this.on('error', () => undefined);
  }

  /** Still open on TCP's level. */
  get isOpen(): boolean {
    return !this.#tcp.destroyed;
  }

  /** The other end still holds it. */
  get isHeld(): boolean {
    return this.isOpen && !this.#isLeft;
  }

  /** The address of ours that the other end has dialed. */
  get address(): string {
    return this.#tcp.localAddress ?? '';
  }

  /** Of TLS, or of whatever is spoken over the line. */
  get writtenBytes(): number {
    return this.#written;
  }

  /** @param then what happens once so many bytes have been written; nothing more is sent from then on */
  limit(bytes: number, then: () => void): void {
    this.#limit = { bytes, then };
  }

  /** Byte by byte, as a slow loris does. */
  trickle(everyMs: number): void {
    this.#paceMs = everyMs;
  }

  /** Nothing gets through any more, either way, and nobody is told. */
  swallow(): void {
    this.#isSwallowed = true;
    this.#tcp.resume();
  }

  /** TCP reset. */
  reset(): void {
    this.#tcp.resetAndDestroy();
  }

  /** Past TLS, if there is any. */
  writeRaw(bytes: Buffer | string): void {
    if (this.isOpen) this.#tcp.write(bytes);
  }

  override _read(): void {
    this.#tcp.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const leftBytes = (this.#limit?.bytes ?? Number.POSITIVE_INFINITY) - this.#written;
    this.#written += chunk.length;
    if (this.#isSwallowed || leftBytes <= 0 || !this.isOpen) {
      done();
      return;
    }
    if (this.#paceMs > 0) {
      this.#writeSlowly(chunk, done);
      return;
    }
    const reached = chunk.length >= leftBytes;
    this.#tcp.write(reached ? chunk.subarray(0, leftBytes) : chunk, () => {
      if (reached) this.#limit?.then();
      done();
    });
  }

  #writeSlowly(chunk: Buffer, done: () => void): void {
    let at = 0;
    const timer = setInterval(() => {
      if (this.isOpen && at < chunk.length) {
        this.#tcp.write(chunk.subarray(at, at + 1));
        at += 1;
        return;
      }
      clearInterval(timer);
      done();
    }, this.#paceMs);
  }

  override _final(done: () => void): void {
    if (this.isOpen && !this.#isSwallowed) this.#tcp.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // The other end may still have to read what was written.
    this.#tcp.destroySoon();
    done(error);
  }
}
