import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What the proxy does with a request for a tunnel; `nth` counts those to the same port, from 1. */
export type ProxyScript = (tunnel: Tunnel) => void;

/** A request for a tunnel: CONNECT. */
export interface Tunnel {
  /** As the client named it. */
  host: string;
  port: number;
  nth: number;
  client: Socket;
  /** As a proxy should. */
  open(): void;
}

/** An HTTP proxy that tunnels whatever is asked for to this machine, by a script for each port. */
export class HostileProxy {
  readonly #server: Server;
  readonly #scripts = new Map<number, ProxyScript>();
  readonly #asked = new Map<number, number>();
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (client) => this.#serve(client));
  }

  static async start(): Promise<HostileProxy> {
    const proxy = new HostileProxy(createServer());
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** For tunnels to this port. */
  behave(port: number, script: ProxyScript): void {
    this.#scripts.set(port, script);
  }

  /** How often a tunnel to this port was asked for. */
  asked(port: number): number {
    return this.#asked.get(port) ?? 0;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(client: Socket): void {
    this.#keep(client);
    let head = '';
    const read = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      client.off('data', read);
      this.#connect(client, head);
    };
    client.on('data', read);
  }

  #connect(client: Socket, head: string): void {
    const [, host = '', digits = ''] = /^CONNECT (\S+):(\d+) /.exec(head) ?? [];
    const port = Number(digits);
    const nth = this.asked(port) + 1;
    this.#asked.set(port, nth);
    const open = (): void => {
      const onward = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        client.pipe(onward).pipe(client);
      });
      this.#keep(onward);
      onward.on('close', () => client.destroy());
      client.on('close', () => onward.destroy());
    };
    (this.#scripts.get(port) ?? ((tunnel) => tunnel.open()))({ host, port, nth, client, open });
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
