import type { Socket, SocketHandlers } from '#connector/socket/socket.ts';
import { CLOSED } from './slot-world.ts';

/** Stands in for a websocket: a test says what comes over it, and sees what is sent. */
export class FakeSocket implements Socket {
  readonly ears: SocketHandlers;
  readonly sent: string[] = [];
  pings = 0;
  ended = false;

  constructor(ears: SocketHandlers) {
    this.ears = ears;
  }

  hello(): void {
    this.ears.onOpen();
    this.say({ type: 'hello' });
  }

  say(frame: unknown): void {
    this.ears.onText(JSON.stringify(frame));
  }

  end(): void {
    this.ended = true;
    this.ears.onClose(CLOSED);
  }

  send(text: string): boolean {
    if (!this.ended) this.sent.push(text);
    return !this.ended;
  }
  ping(): void {
    this.pings += 1;
  }
  pause(): void {}
  resume(): void {}
  close(): void {
    this.ended = true;
  }
  terminate(): void {
    this.end();
  }
}
