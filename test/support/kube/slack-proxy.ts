import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Certificate, certificateFor } from '#slack-simulator/certificate.ts';

/** A name that nothing but the proxy can reach. */
const HOST = 'slack.test';

/** An HTTP proxy (CONNECT), behind which a Slack stand-in is `https://slack.test`. Tunnels to other places are refused. */
export class SlackProxy {
  readonly #server: Server;
  readonly #slack: URL;
  readonly #certificate: Certificate;
  readonly #asked = new Set<string>();
  readonly #sockets = new Set<Socket>();

  private constructor(slackUrl: string, certificate: Certificate) {
    this.#slack = new URL(slackUrl);
    this.#certificate = certificate;
    this.#server = createServer((client) => this.#serve(client));
  }

  /** @param slackUrl of the stand-in, over plain HTTP */
  static async start(slackUrl: string): Promise<SlackProxy> {
    const proxy = new SlackProxy(slackUrl, await certificateFor(HOST));
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  /** For a program that is to reach Slack through it. */
  get env(): Record<string, string> {
    return {
      HTTPS_PROXY: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      NODE_EXTRA_CA_CERTS: this.#certificate.caFile,
      RELAX_SLACK_API_URL: `https://${HOST}${this.#slack.pathname}`,
    };
  }

  /** Places to which a tunnel was asked for. */
  asked(): string[] {
    return [...this.#asked];
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(client: Socket): void {
    this.#keep(client);
    client.once('data', (head) => {
      const place = /^CONNECT (\S+) /.exec(head.toString('latin1'))?.[1] ?? '';
      this.#asked.add(place);
      if (place !== `${HOST}:443`) {
        client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      const { key, cert } = this.#certificate;
      const inside = new TLSSocket(client, { isServer: true, key, cert });
      const onward = connect(Number(this.#slack.port), this.#slack.hostname);
      this.#keep(inside);
      this.#keep(onward);
      inside.pipe(onward).pipe(inside);
      onward.on('close', () => client.destroy());
      client.on('close', () => onward.destroy());
    });
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
