import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between one program and a server on this machine, and can cut the way, or let all vanish that is on it. */
export class TcpRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: number;
  #isCut = false;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((socket) => {
      if (this.#isCut) {
        socket.destroy();
        return;
      }
      const onward = connect(this.#target, '127.0.0.1');
      for (const each of [socket, onward]) {
        this.#sockets.add(each);
        each.on('error', () => undefined);
        each.on('close', () => {
          this.#sockets.delete(each);
          socket.destroy();
          onward.destroy();
        });
      }
      socket.pipe(onward).pipe(socket);
    });
  }

  /**
   * @param target port of the server
   * @param host where it listens
   */
  static async start(target: number, host = '127.0.0.1'): Promise<TcpRelay> {
    const relay = new TcpRelay(target);
    relay.#server.listen(0, host);
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** New connections lead to this port, as those to a managed server's name do after a failover. */
  leadTo(target: number): void {
    this.#target = target;
  }

  /**
   * What is connected now is swallowed from here on, both ways and without a word, as when a firewall forgets a
   * connection; a new one works.
   */
  swallow(): void {
    for (const socket of this.#sockets) socket.unpipe().resume();
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
