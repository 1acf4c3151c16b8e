import type { Socket as Stream } from 'node:net';
import { type FrameScan, NEW_SCAN, scanFrames } from './frame-scan.ts';

/** Far longer than Slack's largest event takes over a slow line. */
const UNFINISHED_MS = 20_000;

/**
 * How long a message in fragments may take. Pings are answered between its fragments, so that a socket whose message never
 * ends seems well although no event can come any more. Bun shows no bytes of a websocket, so nothing is watched there: over RTM
 * our pings are texts, whose answers can't come either, and over Socket Mode such a socket stays until Slack or TCP ends it.
 */
export class MessageDeadline {
  readonly #overdue: () => void;
  #scan: FrameScan = NEW_SCAN;
  #timer: NodeJS.Timeout | undefined;

  constructor(overdue: () => void) {
    this.#overdue = overdue;
  }

  /** @param stream decrypted; somebody else reads it, too */
  watch(stream: Stream): void {
    stream.on('data', (chunk: Buffer) => {
      this.#scan = scanFrames(this.#scan, chunk);
      if (!this.#scan.isUnfinished) this.suspend();
      else this.resume();
    });
  }

  /** Nothing is read meanwhile. */
  suspend(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  resume(): void {
    if (this.#scan.isUnfinished) this.#timer ??= setTimeout(this.#overdue, UNFINISHED_MS);
  }
}
