import { expect } from 'vitest';
import type { OpenSocket, Socket, SocketClose, Unreadable } from '#connector/socket/socket.ts';
import { waitFor } from '#test/support/wait.ts';

export type Heard = 'open' | 'heard' | 'close' | `text ${string}` | `binary ${number}` | `${Unreadable} ${number}`;

/** A socket and all that its handlers were told, in order. */
export class SocketLog {
  readonly socket: Socket;
  readonly told: Heard[] = [];
  readonly closes: SocketClose[] = [];
  /** Of what was unreadable. */
  readonly edges: string[] = [];
  readonly heard: ('ping' | 'pong')[] = [];
  /** Called with each text, so that a test can act from inside the handler. */
  onText: (text: string) => void = () => undefined;
  #isOpening = true;

  constructor(openSocket: OpenSocket, url: string) {
    this.socket = openSocket(url, {
      onOpen: () => this.#tell('open'),
      onText: (text) => {
        this.#tell(`text ${text}`);
        this.onText(text);
      },
      onBinary: (bytes) => this.#tell(`binary ${bytes}`),
      onUnreadable: (what, bytes, edges) => {
        this.edges.push(edges);
        this.#tell(`${what} ${bytes}`);
      },
      onHeard: (what) => {
        this.heard.push(what);
        this.#tell('heard');
      },
      onClose: (close) => {
        this.#tell('close');
        this.closes.push(close);
      },
    });
    this.#isOpening = false;
  }

  get texts(): string[] {
    return this.told.flatMap((entry) => (entry.startsWith('text ') ? [entry.slice('text '.length)] : []));
  }

  count(entry: Heard): number {
    return this.told.filter((told) => told === entry).length;
  }

  closed(timeoutMs = 5_000): Promise<SocketClose> {
    return waitFor(() => this.closes[0], { timeoutMs, what: 'onClose' });
  }

  /** What holds of each socket whatever befell it; call it once it is closed. */
  checkOrder(): void {
    expect(this.count('close')).toBe(1);
    expect(this.told.at(-1)).toBe('close');
    expect(this.count('open')).toBeLessThanOrEqual(1);
    if (this.told.length > 1) expect(this.told[0]).toBe('open');
    for (const close of this.closes) {
      expect(JSON.stringify(close)).not.toMatch(/s3cr3t|wss?:/);
      expect(close.detail).not.toBe('');
    }
  }

  #tell(entry: Heard): void {
    if (this.#isOpening) throw new Error(`${entry} was told before the call returned`);
    this.told.push(entry);
  }
}
