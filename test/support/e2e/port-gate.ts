import { connect, createServer, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';

/** A port in front of another one, which can be closed and opened again: then nothing listens there. */
export class PortGate {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  constructor(target: number) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    const server = createServer((inner) => {
      const outer = connect({ port: this.#target, host: '127.0.0.1' });
      inner.pipe(outer).pipe(inner);
      for (const [socket, other] of [
        [inner, outer],
        [outer, inner],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: this.#port, host: '127.0.0.1', backlog: 4096 }, resolve);
    });
    this.#server = server;
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  /** Every connection through it is cut. */
  async shut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = promisify(server.close.bind(server))();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
