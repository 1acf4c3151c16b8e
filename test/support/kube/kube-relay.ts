import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { ApiServer } from './api-server.ts';

/** Stands between one program and the API server, and can keep from it what its watches would say. */
export class KubeRelay {
  readonly kubeconfigPath: string;
  readonly #api: Pick<ApiServer, 'url' | 'token'>;
  readonly #server: Server;
  readonly #agent = new Agent({ rejectUnauthorized: false, keepAlive: true });
  #isSilent = false;

  private constructor(api: ApiServer, server: Server, name: string) {
    this.#api = api;
    this.#server = server;
    this.kubeconfigPath = join(api.folder, `relay-${name}.kubeconfig`);
    server.on('request', (asked, answer) => this.#pass(asked, answer));
  }

  static async start(api: ApiServer, name: string): Promise<KubeRelay> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const relay = new KubeRelay(api, server, name);
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    writeFileSync(
      relay.kubeconfigPath,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [
          { name: 'relay', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
        ],
        users: [{ name: 'user', user: { token: api.token } }],
        contexts: [{ name: 'relay', context: { cluster: 'relay', user: 'user' } }],
        'current-context': 'relay',
      }),
    );
    return relay;
  }

  /** From now on no watch brings anything, present ones and later ones; they stay open, as over a half-open connection. */
  silenceWatches(): void {
    this.#isSilent = true;
  }

  /** Whoever opens a watch now hears of what happened. A watch that has lost anything stays silent until it is ended. */
  heal(): void {
    this.#isSilent = false;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    this.#agent.destroy();
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const { method, url, headers } = asked;
    const isWatch = url?.includes('watch=true') ?? false;
    const target = new URL(url ?? '/', this.#api.url);
    const forward = request(target, { method, headers: { ...headers, host: target.host }, agent: this.#agent });
    forward.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      if (isWatch) {
        answer.flushHeaders();
        // What is lost is lost for this watch: it never goes on behind a gap.
        let isMute = false;
        const isHeard = (): boolean => {
          isMute ||= this.#isSilent;
          return !isMute;
        };
        response.on('data', (chunk: Buffer) => isHeard() && answer.write(chunk));
        response.on('end', () => isHeard() && answer.end());
        response.on('error', () => answer.destroy());
      } else response.on('error', () => answer.destroy()).pipe(answer);
    });
    forward.on('error', () => answer.destroy());
    answer.on('close', () => forward.destroy());
    asked.pipe(forward);
  }
}
